//! Waiting for a specialist, as clients see it: no login needed for the link in the mail.

use crate::{
    app::{Answer, Caller, TestApp, hour, in_days, on_both, until_status},
    processes::worker,
};
use activities::testing::{database::Kind, people::TestSpecialist, wait::until, world::Setup};
use reqwest::Method;
use serde_json::{Value, json};
use workflows::time::Instant;

/// Ten in the morning in UTC, in some days.
fn morning(days: i64) -> Instant {
    let day = in_days(days).unix_seconds().div_euclid(86_400);
    Instant::from_unix_seconds(day * 86_400 + 10 * 3_600)
}

/// Somebody with one session a day, at ten.
async fn specialist(app: &TestApp) -> TestSpecialist {
    app.specialist().open("10:00-11:00").sessions(60, 60).create().await
}

fn wish(specialist: &TestSpecialist, start: Instant) -> Value {
    json!({
        "specialist_id": specialist.id, "duration_minutes": 60,
        "from": start.plus_minutes(-60), "to": start.plus_minutes(60), "earliest": "09:00", "latest": "17:00",
    })
}

impl Caller<'_> {
    /// Wait, asked again when nobody knows; the place stays the same one.
    async fn join(&self, body: &Value) -> Answer {
        until("an answer other than 503", async || {
            let answer = Answer::of(self.request(Method::POST, "/api/waitlist").json(body)).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    async fn leave(&self, id: &str) -> Answer {
        until("an answer other than 503", async || {
            let answer = Answer::of(self.request(Method::DELETE, &format!("/api/waitlist/{id}"))).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    /// Their newest place, once it stands so.
    async fn until_place(&self, status: &str) -> Value {
        until(&format!("the place is {status}"), async || {
            let list = self.get("/api/waitlist").await;
            let place = list.body["items"][0].clone();
            (place["status"] == status).then_some(place)
        })
        .await
    }
}

/// The path of the link in the offer that was mailed to them last.
async fn link(app: &TestApp, name: &str) -> String {
    let mail = app
        .mail(&format!("{name}@example.test"), |mail| {
            mail.message_id.as_deref().is_some_and(|id| id.starts_with("<offer."))
        })
        .await;
    let text = mail.text.unwrap();
    let at = text.find("/api/offers/").unwrap_or_else(|| panic!("no link in {text}"));
    text[at..].split_whitespace().next().unwrap().to_owned()
}

/// Answer an offer without a token of anybody.
async fn answer(app: &TestApp, link: &str, accept: bool) -> Answer {
    until("an answer other than 503", async || {
        let request = app.request(Method::POST, link).json(&json!({"accept": accept}));
        let answer = Answer::of(request).await;
        (answer.status != 503).then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_the_mail_takes_the_slot_without_a_login() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = specialist(&app).await;
        let (ada, bob, eve) = (app.user("ada"), app.user("bob"), app.user("eve"));
        let start = morning(3);
        let taken = ada.book("k", &hour(&specialist, start)).await;
        assert!(taken.status < 300, "{taken:?}");
        let place = bob.join(&wish(&specialist, start)).await;
        assert_eq!(place.status, 201, "{place:?}");
        assert_eq!(place.body["status"], "waiting");
        for (field, value) in [
            ("specialist_id", json!(specialist.id)),
            ("service_id", json!(specialist.service)),
            ("duration_minutes", json!(60)),
            ("from", json!(start.plus_minutes(-60))),
            ("earliest", json!("09:00")),
            ("latest", json!("17:00")),
            ("time_zone", json!("UTC")),
        ] {
            assert_eq!(place.body[field], value, "{field}");
        }
        assert!(place.body.get("offer").is_none());
        let again = bob.join(&wish(&specialist, start)).await;
        assert_eq!(
            (again.status, again.id()),
            (201, place.id()),
            "the same wish is the same place"
        );

        ada.cancel(taken.id()).await;
        let offered = bob.until_place("offered").await;
        assert_eq!(offered["offer"]["starts_at"], json!(start));
        let session = offered["offer"]["session_id"].as_str().unwrap().to_owned();
        let link = link(&app, "bob").await;

        // Looking changes nothing, however often mail scanners do it.
        for _ in 0..3 {
            let shown = Answer::of(app.request(Method::GET, &link)).await;
            assert_eq!(shown.status, 200, "{shown:?}");
            assert_eq!(shown.body["status"], "offered");
            assert_eq!(shown.body["specialist"], "Test Specialist");
            assert_eq!(shown.body["service"], "Session");
            assert_eq!(shown.body["starts_at"], json!(start));
            assert_eq!(shown.body["expires_at"], offered["offer"]["expires_at"]);
            assert_eq!(shown.header("cache-control"), "no-store");
            assert_eq!(shown.header("referrer-policy"), "no-referrer");
        }
        let page = app
            .request(Method::GET, &link)
            .header("Accept", "text/html,*/*")
            .send()
            .await
            .unwrap();
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert!(
            page.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("script-src 'sha256-")
        );
        let text = page.text().await.unwrap();
        assert!(text.contains("Session with Test Specialist"));
        assert!(text.contains("each.disabled = true"), "one answer at a time");
        let head = app.request(Method::HEAD, &link).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(
            bob.get(&format!("/api/sessions/{session}")).await.body["status"],
            "held"
        );

        for tampered in [
            format!("{link}A"),
            link[..link.len() - 1].to_owned(),
            link.replace("/api/offers/", "/api/offers/A"),
            "/api/offers/x".to_owned(),
        ] {
            let answer = answer(&app, &tampered, true).await;
            assert_eq!((answer.status, answer.error()), (404, "offer_not_found"), "{tampered}");
        }
        let odd = Answer::of(app.request(Method::POST, &link).json(&json!({"accept": "yes"}))).await;
        assert_eq!((odd.status, odd.error()), (422, "invalid_request"));

        let accepted = answer(&app, &link, true).await;
        assert_eq!(
            (accepted.status, &accepted.body["status"]),
            (200, &json!("accepted")),
            "{accepted:?}"
        );
        until_status(&bob, &session, "confirmed").await;
        app.until_event(session.parse().unwrap(), "confirmation_mail:sent", 2)
            .await;
        let again = answer(&app, &link, true).await;
        assert_eq!((again.status, &again.body), (200, &accepted.body));
        let opposite = answer(&app, &link, false).await;
        assert_eq!((opposite.status, opposite.error()), (409, "wrong_state"));
        let shown = Answer::of(app.request(Method::GET, &link)).await;
        assert_eq!(shown.body["status"], "accepted");
        let place = bob.until_place("accepted").await;
        assert!(place.get("offer").is_none());
        let left = bob.leave(place["id"].as_str().unwrap()).await;
        assert_eq!((left.status, left.error()), (409, "wrong_state"), "{left:?}");
        assert_eq!(eve.get("/api/waitlist").await.body["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declined_or_lapses_goes_to_the_next() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = specialist(&app).await;
        let start = morning(3);
        let ada = app.user("ada");
        let taken = ada.book("k", &hour(&specialist, start)).await;
        let people: Vec<_> = ["bob", "cid", "dan"].map(|name| (name, app.user(name))).into();
        for (_, person) in &people {
            assert_eq!(person.join(&wish(&specialist, start)).await.status, 201);
        }
        ada.cancel(taken.id()).await;

        let (name, bob) = &people[0];
        bob.until_place("offered").await;
        let declined = link(&app, name).await;
        let said = answer(&app, &declined, false).await;
        assert_eq!(
            (said.status, &said.body["status"]),
            (200, &json!("declined")),
            "{said:?}"
        );
        assert_eq!(answer(&app, &declined, false).await.status, 200);
        let opposite = answer(&app, &declined, true).await;
        assert_eq!((opposite.status, opposite.error()), (409, "wrong_state"));

        let (name, cid) = &people[1];
        let offered = cid.until_place("offered").await;
        let lapsed = link(&app, name).await;
        let session = offered["offer"]["session_id"].as_str().unwrap().parse().unwrap();
        // On record, so that they are known to have been told.
        app.until_event(session, "offer_mail:sent", 1).await;
        app.skip(session, None).await;

        // The third takes theirs by the session itself.
        let (name, dan) = &people[2];
        let offered = dan.until_place("offered").await;
        for accept in [true, false] {
            let late = answer(&app, &lapsed, accept).await;
            assert_eq!((late.status, late.error()), (410, "offer_lapsed"), "{late:?}");
        }
        assert_eq!(
            Answer::of(app.request(Method::GET, &lapsed)).await.body["status"],
            "lapsed"
        );
        // Told first: nobody is written to about an offer that has been taken.
        let taken = link(&app, name).await;
        let session = offered["offer"]["session_id"].as_str().unwrap();
        let confirm = || Answer::of(dan.request(Method::POST, &format!("/api/sessions/{session}/confirm")));
        until("it is confirmed", async || {
            (confirm().await.status == 200).then_some(())
        })
        .await;
        dan.until_place("accepted").await;
        assert_eq!(answer(&app, &taken, true).await.body["status"], "accepted");
        for (_, waits) in &people[..2] {
            waits.until_place("waiting").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_given_up_by_its_owner_and_so_is_what_is_offered() {
    let app = TestApp::new(Kind::Sqlite).await;
    let specialist = specialist(&app).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let start = morning(3);
    // What is free is offered at once.
    let place = ada.join(&wish(&specialist, start)).await;
    let offered = ada.until_place("offered").await;
    let link = link(&app, "ada").await;
    assert_eq!(bob.leave(place.id()).await.error(), "waitlist_entry_not_found");
    let left = ada.leave(place.id()).await;
    assert_eq!((left.status, &left.body["status"]), (200, &json!("closed")), "{left:?}");
    assert_eq!(ada.leave(place.id()).await.status, 200);
    let session = offered["offer"]["session_id"].as_str().unwrap();
    until_status(&ada, session, "cancelled").await;
    assert_eq!(
        Answer::of(app.request(Method::GET, &link)).await.body["status"],
        "withdrawn"
    );
    assert_eq!(answer(&app, &link, true).await.error(), "wrong_state");
    assert_eq!(
        bob.book("k", &hour(&specialist, start)).await.status,
        202,
        "the slot is free"
    );

    let odd = |change: Value| {
        let mut body = wish(&specialist, start);
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        body
    };
    for (body, status, error) in [
        (odd(json!({"to": start.plus_minutes(-60)})), 422, "invalid_request"),
        (
            odd(json!({"to": start.plus_minutes(600 * 24 * 60)})),
            422,
            "invalid_request",
        ),
        (
            odd(json!({"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"})),
            422,
            "invalid_request",
        ),
        (odd(json!({"earliest": "18:00"})), 422, "invalid_request"),
        (odd(json!({"latest": "24:00"})), 422, "invalid_request"),
        (odd(json!({"service_id": specialist.service})), 422, "invalid_request"),
        (odd(json!({"duration_minutes": 7})), 422, "unknown_duration"),
        (
            odd(json!({"specialist_id": uuid::Uuid::new_v4()})),
            404,
            "specialist_not_found",
        ),
        (odd(json!({"more": 1})), 422, "invalid_request"),
    ] {
        let answer = ada.join(&body).await;
        assert_eq!((answer.status, answer.error()), (status, error), "{body}");
    }
    let anybody = Answer::of(app.request(Method::GET, "/api/waitlist")).await;
    assert_eq!(anybody.status, 401);
}

/// The worker dies at `point`, after somebody has begun to wait; another comes.
async fn dies_at(point: &str) {
    let app = TestApp::with(Kind::Postgres, Setup::idle()).await;
    let specialist = specialist(&app).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let start = morning(3);
    let mut first = worker(&app.world, None, &[]);
    let taken = ada.book("k", &hour(&specialist, start)).await;
    assert_eq!(bob.join(&wish(&specialist, start)).await.status, 201);
    app.until_event(taken.session(), "confirmation_mail:sent", 2).await;
    first.kill();
    let mut dying = worker(&app.world, Some(point), &[]);
    ada.cancel(taken.id()).await;
    until(&format!("the worker dies {point}"), async || {
        dying.has_ended().then_some(())
    })
    .await;
    let _successor = worker(&app.world, None, &[]);
    let offered = bob.until_place("offered").await;
    let session = offered["offer"]["session_id"].as_str().unwrap();
    // Before the answer: what is accepted is announced no more.
    app.until_event(session.parse().unwrap(), "offer_mail:sent", 1).await;
    let link = link(&app, "bob").await;
    let accepted = answer(&app, &link, true).await;
    assert_eq!(accepted.body["status"], "accepted", "{point}: {accepted:?}");
    until_status(&bob, session, "confirmed").await;
    let progress = bob.get(&format!("/api/sessions/{session}/progress")).await;
    assert_eq!(
        progress.body["status"], "confirmed",
        "{point}: one run, which knows: {progress:?}"
    );
    let own = bob.get("/api/sessions").await;
    assert_eq!(own.body["items"].as_array().unwrap().len(), 1, "{point}: one session");
    let mails = app.outbox.messages(Some("bob@example.test"));
    let ids: Vec<_> = mails.iter().filter_map(|mail| mail.message_id.clone()).collect();
    let mut offers: Vec<_> = ids.into_iter().filter(|id| id.starts_with("<offer.")).collect();
    let allowed = if point == "outreach.send_offer:after_effect" {
        2
    } else {
        1
    };
    assert!(offers.len() <= allowed, "{point}: {offers:?}");
    offers.dedup();
    assert_eq!(offers.len(), 1, "{point}: a repeat is recognisable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_offering_offers_once() {
    tokio::join!(
        dies_at("waitlist.offer:after_effect"),
        dies_at("waitlist.open_session:before")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_once_it_has_offered_tells_of_it_once() {
    tokio::join!(
        dies_at("waitlist.open_session:after_effect"),
        dies_at("outreach.send_offer:before"),
        dies_at("outreach.send_offer:after_effect"),
    );
}
