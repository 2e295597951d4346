//! Feature flags: what is open to whom.

use crate::app::{Answer, Caller, TestApp, hour, in_days, on_both};
use activities::testing::{
    database::Kind,
    wait::until,
    world::{Setup, World},
};
use entities::feature_flag::{self, Flags, REVIEWS_OPEN};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use workflows::sessions::state::SessionState;

const FLAGS: &str = "/api/admin/feature-flags";

async fn put(admin: &Caller<'_>, name: &str, body: &Value, seen: Option<&str>) -> Answer {
    let request = admin.request(Method::PUT, &format!("{FLAGS}/{name}")).json(body);
    Answer::of(match seen {
        Some(seen) => request.header("If-Match", seen),
        None => request,
    })
    .await
}

async fn is_on(caller: &Caller<'_>, name: &str) -> Value {
    let answer = caller.get("/api/user/feature-flags").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["flags"][name].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_opens_to_some_and_is_on_record() {
    on_both(async |kind| {
        let setup = Setup::idle();
        let app = TestApp::before(World::with(kind, setup).await).await;
        let (admin, ada, ben) = (app.role("root", "admin"), app.user("ada"), app.user("ben"));
        // Another process, which looks for itself.
        let elsewhere = Arc::new(Flags::default());
        let period = Duration::from_millis(50);
        elsewhere.follow(app.database.db.clone(), period, |_| {});

        assert_eq!(is_on(&ada, "reviews_open").await, true);
        assert_eq!(is_on(&ada, "new_thing").await, Value::Null);
        let some = json!({"enabled": true, "percentage": 0, "users": [app.id_of("ada")], "description": "Try it."});
        let added = put(&admin, "new_thing", &some, None).await;
        assert_eq!((added.status, added.header("etag")), (200, "\"1\""), "{added:?}");
        assert_eq!(is_on(&ada, "new_thing").await, true);
        assert_eq!(is_on(&ben, "new_thing").await, false);
        until("another process knows", async || {
            (elsewhere.of_user(app.id_of("ada")).get("new_thing") == Some(&true)).then_some(())
        })
        .await;

        assert_eq!(put(&admin, "new_thing", &some, None).await.header("etag"), "\"1\"");
        let all = json!({"enabled": true, "percentage": 100});
        let late = put(&admin, "new_thing", &all, Some("\"7\"")).await;
        assert_eq!((late.status, late.error()), (412, "version_mismatch"));
        let late = put(&admin, "never_seen", &all, Some("\"1\"")).await;
        assert_eq!((late.status, late.error()), (412, "version_mismatch"));
        assert_eq!(
            put(&admin, "new_thing", &all, Some("\"1\"")).await.header("etag"),
            "\"2\""
        );
        assert_eq!(is_on(&ben, "new_thing").await, true);
        let off = json!({"enabled": false, "percentage": 100});
        assert_eq!(put(&admin, "reviews_open", &off, None).await.status, 200);
        until("reviews are closed elsewhere", async || {
            (!elsewhere.is_on(REVIEWS_OPEN, app.id_of("ada"))).then_some(())
        })
        .await;
        let names: Vec<_> = feature_flag::all(app.database.db.reader()).await.unwrap();
        let list = admin.get(FLAGS).await.body;
        assert_eq!(list["items"].as_array().unwrap().len(), names.len());
        assert_eq!(list["items"][0]["name"], "new_thing");

        for _ in 0..2 {
            let deleted = Answer::of(admin.request(Method::DELETE, &format!("{FLAGS}/new_thing"))).await;
            assert_eq!(deleted.status, 204);
        }
        assert_eq!(is_on(&ben, "new_thing").await, Value::Null);
        assert_eq!(
            app.acts("new_thing").await,
            [
                "feature_flag.put admin enabled,percentage,users,description",
                "feature_flag.put admin percentage,users,description",
                "feature_flag.delete admin ",
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_for_those_who_run_the_place() {
    let setup = Setup::idle();
    let app = TestApp::before(World::with(Kind::Sqlite, setup).await).await;
    let (admin, dana) = (app.role("root", "admin"), app.role("dana", "specialist"));
    let on = json!({"enabled": true, "percentage": 100});
    for answer in [
        dana.get(FLAGS).await,
        put(&dana, "new_thing", &on, None).await,
        Answer::of(dana.request(Method::DELETE, &format!("{FLAGS}/new_thing"))).await,
    ] {
        assert_eq!((answer.status, answer.error()), (403, "insufficient_permissions"));
    }
    let long = "x".repeat(65);
    for (name, body, fields) in [
        ("New-Thing", on.clone(), vec!["name"]),
        (long.as_str(), on.clone(), vec!["name"]),
        ("new_thing", json!({"percentage": 101}), vec!["enabled", "percentage"]),
        (
            "new_thing",
            json!({"enabled": true, "percentage": 5, "users": ["ada"]}),
            vec!["users"],
        ),
    ] {
        let answer = put(&admin, name, &body, None).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        let errors = answer.body["errors"].as_array().unwrap().iter();
        let named: Vec<_> = errors.map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_are_closed_and_opened_to_some() {
    let app = TestApp::new(Kind::Sqlite).await;
    let (admin, ada) = (app.role("root", "admin"), app.user("ada"));
    let specialist = app.specialist().create().await;
    let booked = ada.book("k1", &hour(&specialist, in_days(1))).await;
    app.skip(booked.session(), None).await;
    app.until_status(booked.session(), SessionState::Completed).await;
    let review = async || {
        let request = ada.request(Method::POST, &format!("/api/sessions/{}/review", booked.id()));
        Answer::of(request.json(&json!({"rating": 5}))).await
    };
    let closed = json!({"enabled": false, "percentage": 100});
    assert_eq!(put(&admin, "reviews_open", &closed, None).await.status, 200);
    let refused = review().await;
    assert_eq!((refused.status, refused.error()), (403, "feature_off"));
    let hers = json!({"enabled": true, "percentage": 0, "users": [app.id_of("ada")]});
    assert_eq!(put(&admin, "reviews_open", &hers, None).await.status, 200);
    assert_eq!(review().await.status, 201);
}
