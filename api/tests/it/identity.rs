//! One key, one session.

use crate::app::{Answer, TestApp, hour, in_days, on_both, until_status};
use activities::testing::engine::delete_history;
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use workflows::sessions::contract::workflow_id;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_posts_of_one_key_are_one_session() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        // A second API over the same world: what one process knows of calls under way, the other does not.
        let ada = app.user("ada");
        let specialist = app.specialist().create().await;
        let body = hour(&specialist, in_days(3));
        let mut other = body.clone();
        other["notes"] = json!("another body");
        let posts = join_all((0..50).map(|_| ada.book("k", &body)));
        let with_other_body = async {
            // Whether before, while or after the first is decided.
            join_all((0..5).map(|_| ada.book("k", &other))).await
        };
        let (answers, others) = tokio::join!(posts, with_other_body);
        let ids: BTreeSet<_> = answers
            .iter()
            .chain(&others)
            .filter(|answer| answer.status < 300)
            .map(|answer| answer.id().to_owned())
            .collect();
        assert_eq!(ids.len(), 1);
        // One of the two bodies came first; every post of the other is told so.
        let (fine, reused): (Vec<_>, Vec<_>) = answers.iter().chain(&others).partition(|answer| answer.status < 300);
        assert!(
            reused
                .iter()
                .all(|answer| (answer.status, answer.error()) == (422, "idempotency_key_reused")),
            "{reused:?}"
        );
        assert!(fine.len() == 50 || fine.len() == 5, "{}", fine.len());
        let id = ids.first().unwrap();
        until_status(&ada, id, "confirmed").await;
        let own = ada.get("/api/sessions").await;
        assert_eq!(own.body["items"].as_array().unwrap().len(), 1);
        let late = ada.book("k", if fine.len() == 50 { &other } else { &body }).await;
        assert_eq!((late.status, late.error()), (422, "idempotency_key_reused"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_equal_key_is_another_key() {
    let app = TestApp::new(activities::testing::database::Kind::Sqlite).await;
    let specialist = app.specialist().create().await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let a = ada.book("k", &hour(&specialist, in_days(3))).await;
    let b = bob.book("k", &hour(&specialist, in_days(4))).await;
    assert_eq!((a.status, b.status), (202, 202));
    assert_ne!(a.id(), b.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_booking_leaves_its_key_free_at_once() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let body = hour(&specialist, in_days(3));
        let first = bob.book("k", &body).await;
        assert_eq!(first.status, 202);
        let refused = ada.book("k", &body).await;
        assert_eq!((refused.status, refused.error()), (409, "slot_taken"));
        bob.cancel(first.id()).await;
        let booked = ada.book("k", &body).await;
        assert_eq!(
            booked.status, 202,
            "the same key books once the slot is free: {booked:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_session_was_cancelled_never_books_again() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let body = hour(&specialist, in_days(3));
        let booked = ada.book("k", &body).await;
        ada.cancel(booked.id()).await;
        let repeated = ada.book("k", &body).await;
        assert_eq!(
            (repeated.status, &repeated.body["status"]),
            (202, &json!("cancelled")),
            "{repeated:?}"
        );
        app.until_event(booked.session(), "cancellation_mail:sent", 2).await;
        delete_history(&app.engine, &workflow_id(booked.session())).await;
        let later = ada.book("k", &body).await;
        assert_eq!((later.id(), &later.body["status"]), (booked.id(), &json!("cancelled")));
        assert_eq!(app.row(booked.session()).await.unwrap().status.as_str(), "cancelled");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_second_post_of_a_slot_is_refused() {
    let app = TestApp::new(activities::testing::database::Kind::Postgres).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let body = hour(&specialist, in_days(3));
    let first = Answer::of(ada.request(Method::POST, "/api/sessions").json(&body)).await;
    assert_eq!(first.status, 202);
    let key = first.header("idempotency-key").to_owned();
    assert!(!key.is_empty(), "one is made and told");
    let second = Answer::of(ada.request(Method::POST, "/api/sessions").json(&body)).await;
    assert_eq!((second.status, second.error()), (409, "slot_taken"), "{second:?}");
    assert_eq!(
        ada.book(&key, &body).await.id(),
        first.id(),
        "and the key made for the first answers as any"
    );
}
