//! Moving a session: the new slot is won before the old one is let go.

use crate::app::{Answer, TestApp, hour, in_days, on_both, until_status};
use activities::testing::{database::Kind, meetings::MeetingService, wait::until, world::Setup};
use futures::future::join;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_session_keeps_its_identity_and_everybody_is_told() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let (old, new) = (in_days(3), in_days(4));
        let booked = ada.book("k", &hour(&specialist, old)).await;
        let (id, session) = (booked.id().to_owned(), booked.session());
        app.until_event(session, "confirmation_mail:sent", 2).await;
        let read = ada.get(&format!("/api/sessions/{id}")).await;

        let moved = ada
            .change(&id, json!({"starts_at": new, "notes": "later, please"}))
            .await;
        assert_eq!((moved.status, moved.id()), (200, id.as_str()), "{moved:?}");
        assert_eq!(moved.body["starts_at"], json!(new));
        assert_eq!(moved.body["workflow_id"], read.body["workflow_id"]);
        assert_eq!(
            (&moved.body["sequence"], &moved.body["notes"]),
            (&json!(1), &json!("later, please"))
        );
        assert_eq!(
            moved.body["meeting_url"].as_str(),
            read.body["meeting_url"].as_str(),
            "the room is kept"
        );
        assert_ne!(moved.header("etag"), read.header("etag"));
        for address in ["ada@example.test", specialist.email.as_str()] {
            let mail = app.mail(address, |mail| mail.raw.contains("rescheduled.1")).await;
            let part = mail.attachments.iter().find(|part| part.method.is_some()).unwrap();
            let text = part.text.as_deref().unwrap();
            assert!(
                text.contains("SEQUENCE:1") && text.contains(&format!("UID:{id}@")),
                "{text}"
            );
            let utc = new.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string();
            assert!(text.contains(&format!("DTSTART:{utc}")), "{text}");
        }
        let other = bob.book("k", &hour(&specialist, old)).await;
        assert_eq!(other.status, 202, "the old slot is free: {other:?}");
        let taken = bob.book("t", &hour(&specialist, new)).await;
        assert_eq!((taken.status, taken.error()), (409, "slot_taken"), "the new one is not");
        let repeated = ada.book("k", &hour(&specialist, old)).await;
        assert_eq!(
            (repeated.status, &repeated.body["starts_at"]),
            (201, &json!(new)),
            "the key tells of it as it is"
        );
        let progress = ada.get(&format!("/api/sessions/{id}/progress")).await;
        assert_eq!(progress.body["next_timer_at"], json!(new.plus_minutes(-1440)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_since_it_was_read_is_not_overwritten() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let booked = ada.book("k", &hour(&specialist, in_days(3))).await;
        let path = format!("/api/sessions/{}", booked.id());
        let read = ada.get(&path).await;
        let put = async |etag: &str, body: serde_json::Value| {
            Answer::of(ada.request(Method::PUT, &path).header("If-Match", etag).json(&body)).await
        };
        let seen = read.header("etag").to_owned();
        let first = put(&seen, json!({"notes": "one"})).await;
        assert_eq!(first.status, 200, "{first:?}");
        assert_eq!(first.body["sequence"], 0, "notes are no reschedule");
        let stale = put(&seen, json!({"starts_at": in_days(4)})).await;
        assert_eq!((stale.status, stale.error()), (412, "version_mismatch"), "{stale:?}");
        assert_eq!(put("W/\"2\"", json!({"notes": "two"})).await.status, 412);
        let fresh = put(first.header("etag"), json!({"starts_at": in_days(4)})).await;
        assert_eq!(fresh.status, 200, "{fresh:?}");
        let any = put("*", json!({"notes": ""})).await;
        assert_eq!((any.status, &any.body["notes"]), (200, &json!(null)));
        let unchanged = ada.change(booked.id(), json!({"starts_at": in_days(4)})).await;
        assert_eq!(
            unchanged.body["version"], any.body["version"],
            "the same start is no change"
        );
        let nothing = ada.change(booked.id(), json!({})).await;
        assert_eq!((nothing.status, nothing.error()), (422, "invalid_request"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_day_of_booking_binds_the_client_alone() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, grace) = (app.user("ada"), app.user("grace"));
        grace.sign_in().await;
        let specialist = app
            .specialist()
            .login(app.id_of("grace"))
            .reschedules(2880, Some(1))
            .create()
            .await;
        let booked = ada.book("k", &hour(&specialist, in_days(5))).await;
        let id = booked.id();
        assert_eq!(ada.change(id, json!({"starts_at": in_days(6)})).await.status, 200);
        let often = ada.change(id, json!({"starts_at": in_days(7)})).await;
        assert_eq!((often.status, often.error()), (422, "reschedule_limit"), "{often:?}");
        let by_specialist = grace.change(id, json!({"starts_at": in_days(1)})).await;
        assert_eq!(by_specialist.status, 200, "{by_specialist:?}");
        let late = ada.change(id, json!({"starts_at": in_days(9)})).await;
        assert_eq!((late.status, late.error()), (422, "past_cutoff"), "{late:?}");
        assert_eq!(grace.change(id, json!({"starts_at": in_days(8)})).await.status, 200);
        let stranger = app.user("bob").change(id, json!({"starts_at": in_days(9)})).await;
        assert_eq!((stranger.status, stranger.error()), (404, "session_not_found"));
        let late_cancel = async {
            let short = ada.book("late", &hour(&specialist, in_days(0).plus_minutes(120))).await;
            ada.cancel(short.id()).await
        };
        assert_eq!(
            late_cancel.await.body["late_cancel"],
            true,
            "it succeeds and is flagged"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_be_had_leaves_everything_as_it_was() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app
            .specialist()
            .open("09:00-17:00")
            .zone("Europe/Berlin")
            .create()
            .await;
        let (from, to) = (in_days(3), in_days(6));
        let path = format!(
            "/api/specialists/{}/availability?from={from}&to={to}&duration_minutes=60",
            specialist.id
        );
        let free = app.user("x").get(&path).await;
        let slot = |day: usize| free.body["days"][day]["slots"][0]["starts_at"].clone();
        let ada = app.user("ada");
        let body = json!({"specialist_id": specialist.id, "starts_at": slot(1), "duration_minutes": 60});
        let booked = ada.book("k", &body).await;
        let before = ada.get(&format!("/api/sessions/{}", booked.id())).await;
        let date = in_days(5).timestamp().strftime("%Y-%m-%d").to_string();
        let night = json!({"date": date, "time": "03:00", "time_zone": "Europe/Berlin"});
        let refused = ada.change(booked.id(), night).await;
        assert_eq!(
            (refused.status, refused.error()),
            (422, "outside_schedule"),
            "{refused:?}"
        );
        assert_eq!(refused.body["next_slots"].as_array().unwrap().len(), 5);
        let mine = ada
            .book(
                "other",
                &json!({"specialist_id": specialist.id, "starts_at": slot(2), "duration_minutes": 60}),
            )
            .await;
        assert_eq!(mine.status, 202, "{mine:?}");
        let busy = ada.change(booked.id(), json!({"starts_at": slot(2)})).await;
        assert_eq!((busy.status, busy.error()), (409, "slot_taken"), "{busy:?}");
        let after = ada.get(&format!("/api/sessions/{}", booked.id())).await;
        assert_eq!(after.body["version"], before.body["version"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_move_and_a_booking_of_one_slot_one_wins_and_the_loser_keeps_what_it_has() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let mut counts = BTreeMap::new();
        for round in 0..10 {
            let (old, wanted) = (in_days(10 + round), in_days(40 + round));
            let booked = ada.book(&format!("a{round}"), &hour(&specialist, old)).await;
            let (key, body) = (format!("b{round}"), hour(&specialist, wanted));
            let (moved, other) = join(
                ada.change(booked.id(), json!({"starts_at": wanted})),
                bob.book(&key, &body),
            )
            .await;
            let now = ada.get(&format!("/api/sessions/{}", booked.id())).await;
            match (moved.status, other.status) {
                (200, 409) => assert_eq!(now.body["starts_at"], json!(wanted)),
                (409, 202) => {
                    assert_eq!(moved.error(), "slot_taken");
                    assert_eq!(
                        (&now.body["starts_at"], &now.body["sequence"]),
                        (&json!(old), &json!(0))
                    );
                    assert_eq!(now.body["status"], "confirmed");
                }
                both => panic!("{both:?}"),
            }
            *counts.entry(moved.status).or_insert(0) += 1;
        }
        eprintln!("{kind}: {counts:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_keeps_or_replaces_the_meeting_as_it_is_set_up() {
    for replaces in [false, true] {
        let service = MeetingService::start().await;
        let setup = Setup {
            meetings_url: Some(service.url.clone()),
            replaces_meetings: replaces,
            ..Default::default()
        };
        let app = TestApp::with(Kind::Postgres, setup).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let booked = ada.book("k", &hour(&specialist, in_days(3))).await;
        let before = until_status(&ada, booked.id(), "confirmed").await;
        app.until_event(booked.session(), "confirmation_mail:sent", 2).await;
        assert_eq!(
            ada.change(booked.id(), json!({"starts_at": in_days(4)})).await.status,
            200
        );
        let mail = app
            .mail("ada@example.test", |mail| mail.raw.contains("rescheduled.1"))
            .await;
        let after = ada.get(&format!("/api/sessions/{}", booked.id())).await.body;
        let url = after["meeting_url"]
            .as_str()
            .expect("the letter waits for the link")
            .to_owned();
        assert_eq!(url == before["meeting_url"].as_str().unwrap(), !replaces);
        assert!(mail.text.as_deref().unwrap().contains(&url), "{mail:?}");
        until("one meeting is left", async || (service.n_live() == 1).then_some(())).await;
        assert_eq!(ada.cancel(booked.id()).await.status, 200);
        until("none is left", async || (service.n_live() == 0).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_replaced_leaves_a_session_that_takes_place() {
    let service = MeetingService::start().await;
    let setup = Setup {
        meetings_url: Some(service.url.clone()),
        replaces_meetings: true,
        ..Default::default()
    };
    let app = TestApp::with(Kind::Postgres, setup).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let booked = ada.book("k", &hour(&specialist, in_days(3))).await;
    until_status(&ada, booked.id(), "confirmed").await;
    service.answer(Some(403));
    assert_eq!(
        ada.change(booked.id(), json!({"starts_at": in_days(4)})).await.status,
        200
    );
    app.until_event(booked.session(), "meeting_link:failed", 1).await;
    app.mail("ada@example.test", |mail| mail.raw.contains("rescheduled.1"))
        .await;
    let read = ada.get(&format!("/api/sessions/{}", booked.id())).await;
    assert_eq!(
        (&read.body["status"], &read.body["meeting_url"]),
        (&json!("confirmed"), &json!(null))
    );
    service.answer(None);
    assert_eq!(
        ada.change(booked.id(), json!({"starts_at": in_days(5)})).await.status,
        200
    );
    until("the next move has a link again", async || {
        let read = ada.get(&format!("/api/sessions/{}", booked.id())).await;
        read.body["meeting_url"].is_string().then_some(())
    })
    .await;
}
