//! The audit trail: every change of a session is on it once, with who did it and in which request.

use crate::app::{Answer, TestApp, hold, hour, in_days, on_both};
use activities::testing::wait::until;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use workflows::{ids::UserId, sessions::state::SessionState};

/// The answer, asked for again where a busy machine took too long.
async fn sent(request: RequestBuilder, id: &str) -> Answer {
    let request = request.header("X-Request-ID", id);
    until("an answer other than 503", async || {
        let answer = Answer::of(request.try_clone().unwrap()).await;
        (answer.status != 503).then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_is_on_record_with_who_and_in_which_request() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, root) = (app.user("ada"), app.role("root", "admin"));
        let dana = app.role("dana", "specialist");
        dana.sign_in().await;
        let login = UserId(app.issuer.subject("dana"));
        let specialist = app.specialist().login(login).create().await;
        let start = in_days(3);
        let request = ada
            .request(Method::POST, "/api/sessions")
            .header("Idempotency-Key", "k1");
        let request = request.json(&hold(&specialist, start));
        assert_eq!(sent(request.try_clone().unwrap(), "the-booking").await.status, 202);
        // A repeat is no change.
        let held = sent(request, "again").await;
        let (id, path) = (held.session(), format!("/api/sessions/{}", held.id()));
        for _ in 0..2 {
            let confirm = ada.request(Method::POST, &format!("{path}/confirm"));
            assert_eq!(sent(confirm, "the-confirmation").await.status, 200);
        }
        app.until_status(id, SessionState::Confirmed).await;
        let moved = json!({"starts_at": start.plus_minutes(60), "notes": "later, please"});
        let moved = dana.request(Method::PUT, &path).json(&moved);
        assert_eq!(sent(moved, "the-move").await.status, 200);
        assert_eq!(ada.change(held.id(), json!({"notes": ""})).await.status, 200);
        for _ in 0..2 {
            let cancel = root.request(Method::DELETE, &path);
            assert_eq!(sent(cancel, "the-end").await.status, 200);
        }

        let trail = root
            .get(&format!("/api/admin/audit?target_kind=session&target_id={id}"))
            .await;
        assert_eq!(trail.status, 200, "{trail:?}");
        let items = trail.body["items"].as_array().unwrap();
        let told: Vec<_> = items
            .iter()
            .rev()
            .map(|act| {
                let who = act["actor_id"].as_str().unwrap().to_owned();
                let what = act["action"].as_str().unwrap().to_owned();
                (what, act["actor_role"].as_str().unwrap().to_owned(), who)
            })
            .collect();
        let is = |what: &str, role: &str, name: &str| (what.to_owned(), role.to_owned(), app.id_of(name).to_string());
        assert_eq!(
            told,
            [
                is("session.book", "user", "ada"),
                is("session.confirm_hold", "user", "ada"),
                is("session.reschedule", "specialist", "dana"),
                is("session.amend", "user", "ada"),
                is("session.cancel", "admin", "root"),
            ]
        );
        let requests: Vec<_> = items
            .iter()
            .rev()
            .map(|act| act["request_id"].as_str().unwrap())
            .collect();
        assert_eq!(requests[..3], ["the-booking", "the-confirmation", "the-move"]);
        assert_eq!(requests[4], "the-end");
        assert_eq!(app.row(id).await.unwrap().version, 5, "as many as there were changes");
        let moved = &items[2]["fields"];
        for field in [
            "starts_at",
            "ends_at",
            "blocks_from",
            "blocks_until",
            "notes_id",
            "sequence",
        ] {
            assert!(moved.as_array().unwrap().contains(&json!(field)), "{moved}");
        }
        assert_eq!(items[1]["fields"], json!(["notes_id"]));
        // Names of fields and ids: nothing that anybody has said.
        assert!(!trail.body.to_string().contains("later, please"));

        // What a workflow does of itself.
        let booked = ada.book("k2", &hour(&specialist, in_days(5))).await;
        app.skip(booked.session(), None).await;
        app.until_status(booked.session(), SessionState::Completed).await;
        let acts = app.acts(booked.id()).await;
        assert_eq!(acts.len(), 2, "{acts:?}");
        assert_eq!(acts[1], "session.complete system status");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_read_by_pages_and_by_those_who_run_the_place() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, root) = (app.user("ada"), app.role("root", "admin"));
        let specialist = app.specialist().create().await;
        for n in 1..=3 {
            let booked = ada.book(&format!("k{n}"), &hour(&specialist, in_days(n))).await;
            assert_eq!(booked.status, 202, "{booked:?}");
        }
        let ids = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().unwrap().iter();
            items.map(|act| act["id"].as_str().unwrap().to_owned()).collect()
        };
        let by = format!("actor={}&action=session.book", app.id_of("ada"));
        let all = ids(&root.get(&format!("/api/admin/audit?{by}")).await.body);
        assert_eq!(all.len(), 3);
        let first = root.get(&format!("/api/admin/audit?{by}&limit=2")).await;
        assert_eq!(ids(&first.body), all[..2]);
        assert!(first.header("link").contains("rel=\"next\""));
        let cursor = first.body["next_cursor"].as_str().unwrap();
        let rest = root
            .get(&format!("/api/admin/audit?{by}&limit=2&cursor={cursor}"))
            .await;
        assert_eq!(ids(&rest.body), all[2..]);
        assert_eq!(rest.body["next_cursor"], Value::Null);
        for nothing in [
            "action=session.nothing",
            "to=2026-01-01T00:00:00Z",
            "from=2100-01-01T00:00:00Z",
        ] {
            assert_eq!(
                ids(&root.get(&format!("/api/admin/audit?{nothing}")).await.body),
                [""; 0]
            );
        }
        for caller in [&ada, &app.role("dana", "specialist")] {
            let refused = caller.get("/api/admin/audit").await;
            assert_eq!((refused.status, refused.error()), (403, "insufficient_permissions"));
        }
        let bad = root.get("/api/admin/audit?actor=ada").await;
        assert_eq!((bad.status, bad.error()), (422, "invalid_request"));
    })
    .await;
}
