//! The way of a booking, as its client sees it.

use crate::app::{Answer, TestApp, hour, in_days, on_both, until_status};
use activities::testing::wait::until;
use reqwest::Method;
use serde_json::json;
use workflows::sessions::rules::reminder_at;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_booked_confirmed_mailed_reminded_and_completed() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().zone("Europe/Berlin").create().await;
        let ada = app.user("ada");
        let start = in_days(2);
        let request = ada
            .request(Method::POST, "/api/sessions")
            .header("Idempotency-Key", "k1")
            .header("Prefer", "wait=10")
            .json(&json!({
                "specialist_id": specialist.id, "starts_at": start, "duration_minutes": 60,
                "notes": "Please speak slowly.", "time_zone": "Asia/Kathmandu",
            }));
        let booked = Answer::of(request).await;
        assert_eq!(
            (booked.status, &booked.body["status"]),
            (201, &json!("confirmed")),
            "{booked:?}"
        );
        assert_eq!(booked.header("location"), format!("/api/sessions/{}", booked.id()));
        assert!(
            booked.body["meeting_url"]
                .as_str()
                .unwrap()
                .starts_with("https://meet.example.test/")
        );
        assert_eq!(booked.body["notes"], "Please speak slowly.");
        let session = booked.session();

        let mail = app.mail("ada@example.test", |_| true).await;
        let part = mail
            .attachments
            .iter()
            .find(|part| part.method.is_some())
            .expect("a calendar part");
        let text = part.text.as_deref().unwrap();
        for line in ["METHOD:REQUEST", "SEQUENCE:0", "STATUS:CONFIRMED"] {
            assert!(text.lines().any(|found| found.trim_end() == line), "{line} in {text}");
        }
        let utc = start.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string();
        assert!(text.contains(&format!("DTSTART:{utc}")), "{text}");
        assert!(
            mail.text.as_deref().unwrap().contains("Asia/Kathmandu"),
            "in the recipient's zone"
        );
        app.mail(&specialist.email, |mail| {
            mail.text.as_deref().unwrap_or_default().contains("Europe/Berlin")
        })
        .await;

        let progress = ada.get(&format!("/api/sessions/{session}/progress")).await;
        assert_eq!(progress.body["status"], "confirmed", "{progress:?}");
        assert_eq!(progress.body["waiting_for"], "reminder");
        let due = reminder_at(start, 1440);
        assert_eq!(progress.body["next_timer_at"], json!(due));

        app.skip(session, None).await;
        app.until_event(session, "review_invitation_mail:sent", 1).await;
        let reminded = app.times(session, "reminder_mail:sent").await;
        assert_eq!(reminded.len(), 2);
        for (sent, due) in reminded.iter().zip([due, reminder_at(start, 60)]) {
            assert!(due <= *sent && *sent < due.plus_minutes(1), "due {due}, sent {sent}");
        }
        let read = ada.get(&format!("/api/sessions/{session}")).await;
        assert_eq!(read.body["status"], "completed");
        let steps: Vec<_> = read.body["progress"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["seq"].clone())
            .collect();
        assert_eq!(steps, (1..=steps.len()).map(|seq| json!(seq)).collect::<Vec<_>>());
        let again = Answer::of(
            ada.request(Method::GET, &format!("/api/sessions/{session}"))
                .header("If-None-Match", read.header("etag")),
        );
        assert_eq!(again.await.status, 304);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_everything_and_frees_the_slot() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let body = hour(&specialist, in_days(2));
        let booked = ada.book("k1", &body).await;
        let (id, session) = (booked.id().to_owned(), booked.session());
        app.until_event(session, "confirmation_mail:sent", 2).await;

        assert_eq!(bob.cancel(&id).await.error(), "session_not_found");
        assert_eq!(bob.get(&format!("/api/sessions/{id}")).await.status, 404);
        assert_eq!(bob.get(&format!("/api/sessions/{id}/progress")).await.status, 404);

        let reason = json!({"reason": "I am ill."});
        let cancelled = ada
            .give(Method::DELETE, &format!("/api/sessions/{id}"), Some(reason))
            .await;
        assert_eq!(
            (cancelled.status, &cancelled.body["status"]),
            (200, &json!("cancelled")),
            "{cancelled:?}"
        );
        assert_eq!(cancelled.body["late_cancel"], false);
        assert_eq!(cancelled.body["sequence"], 1);
        let mail = app
            .mail("ada@example.test", |mail| mail.raw.contains("METHOD:CANCEL"))
            .await;
        let part = mail.attachments.iter().find(|part| part.method.is_some()).unwrap();
        assert!(part.text.as_deref().unwrap().contains("SEQUENCE:1"));
        let again = ada.cancel(&id).await;
        assert_eq!(
            (again.status, &again.body["sequence"]),
            (200, &json!(1)),
            "cancelling twice answers the same"
        );

        let other = bob.book("k1", &body).await;
        assert_eq!(other.status, 202, "the slot is free again: {other:?}");
        until("the run of the cancelled session closes", async || {
            let progress = ada.get(&format!("/api/sessions/{id}/progress")).await;
            (progress.body["waiting_for"].is_null()).then_some(())
        })
        .await;
        assert!(app.times(session, "reminder_mail:sent").await.is_empty());
        let own = ada.get("/api/sessions?status=cancelled").await;
        assert_eq!(own.body["items"].as_array().unwrap().len(), 1);
        until_status(&bob, other.id(), "confirmed").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_can_be_booked_and_what_is_not_is_refused_with_what_would_do() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app
            .specialist()
            .zone("America/New_York")
            .open("09:00-17:00")
            .sessions(60, 60)
            .create()
            .await;
        let ada = app.user("ada");
        let (from, to) = (in_days(1), in_days(4));
        let path = format!(
            "/api/specialists/{}/availability?from={from}&to={to}&duration_minutes=60&time_zone=Asia/Kathmandu",
            specialist.id
        );
        let listed = ada.get(&path).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let slot = listed.body["days"][0]["slots"][0]["starts_at"].clone();
        let refused = ada
            .book(
                "off",
                &json!({"specialist_id": specialist.id, "starts_at": from.plus_minutes(7), "duration_minutes": 60}),
            )
            .await;
        assert_eq!(
            (refused.status, refused.error()),
            (422, "outside_schedule"),
            "{refused:?}"
        );
        assert_eq!(refused.body["next_slots"].as_array().unwrap().len(), 5);
        let unknown = ada
            .book(
                "min",
                &json!({"specialist_id": specialist.id, "starts_at": slot, "duration_minutes": 7}),
            )
            .await;
        assert_eq!(
            (unknown.status, unknown.error()),
            (422, "unknown_duration"),
            "{unknown:?}"
        );
        let booked = ada
            .book(
                "on",
                &json!({"specialist_id": specialist.id, "starts_at": slot, "duration_minutes": 60}),
            )
            .await;
        assert_eq!(booked.status, 202, "{booked:?}");
        let after = ada.get(&path).await;
        let shown = after.body["days"].to_string();
        assert!(
            !shown.contains(slot.as_str().unwrap()),
            "what is booked is listed no more"
        );
        let stranger = app.user("bob");
        let taken = stranger
            .book(
                "t",
                &json!({"specialist_id": specialist.id, "starts_at": slot, "duration_minutes": 60}),
            )
            .await;
        assert_eq!((taken.status, taken.error()), (409, "slot_taken"), "{taken:?}");
        assert_eq!(taken.body["next_slots"].as_array().unwrap().len(), 5);
    })
    .await;
}
