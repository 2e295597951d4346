//! Slots that are held for a while.

use crate::app::{TestApp, hold, hour, in_days, on_both, until_status};
use activities::testing::{meetings::MeetingService, wait::until, world::Setup};
use entities::session;
use futures::future::join_all;
use sea_orm::ActiveValue::Set;
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};
use workflows::{sessions::rules::reminder_at, time::Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_confirmed_once_and_then_is_a_session_like_any() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let start = in_days(2);
        let held = ada.book("k", &hold(&specialist, start)).await;
        assert_eq!((held.status, &held.body["status"]), (202, &json!("held")), "{held:?}");
        assert!(held.body["meeting_url"].is_null());
        let expires: Instant = held.body["hold_expires_at"].as_str().unwrap().parse().unwrap();
        let created: Instant = held.body["created_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(expires, created.plus_minutes(10));
        let taken = bob.book("k", &hour(&specialist, start)).await;
        assert_eq!((taken.status, taken.error()), (409, "slot_taken"), "{taken:?}");
        assert_eq!(bob.confirm(held.id()).await.error(), "session_not_found");

        let confirmed = ada.confirm(held.id()).await;
        assert_eq!(
            (confirmed.status, &confirmed.body["status"]),
            (200, &json!("confirmed")),
            "{confirmed:?}"
        );
        assert!(confirmed.body["hold_expires_at"].is_null());
        assert!(confirmed.body["meeting_url"].is_string());
        let again = ada.confirm(held.id()).await;
        assert_eq!(
            (again.status, &again.body["version"]),
            (200, &confirmed.body["version"])
        );
        let session = held.session();
        app.until_event(session, "confirmation_mail:sent", 2).await;
        app.skip(session, None).await;
        app.until_event(session, "review_invitation_mail:sent", 1).await;
        let reminded = app.times(session, "reminder_mail:sent").await;
        for (sent, offset) in reminded.iter().zip([1440, 60]) {
            let due = reminder_at(start, offset);
            assert!(due <= *sent && *sent < due.plus_minutes(1), "due {due}, sent {sent}");
        }
        assert_eq!(reminded.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_nobody_confirms_expires_and_nobody_is_written_to() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let held = ada.book("k", &hold(&specialist, in_days(2))).await;
        app.skip(held.session(), Some(Duration::from_secs(11 * 60))).await;
        let expired = until_status(&ada, held.id(), "expired").await;
        assert!(expired["hold_expires_at"].is_null());
        let late = ada.confirm(held.id()).await;
        assert_eq!((late.status, late.error()), (409, "wrong_state"), "{late:?}");
        let other = bob.book("k", &hour(&specialist, in_days(2))).await;
        assert_eq!(other.status, 202, "{other:?}");
        // The key has had its session.
        let repeated = ada.book("k", &hold(&specialist, in_days(2))).await;
        assert_eq!((repeated.status, &repeated.body["status"]), (202, &json!("expired")));
        app.until_event(other.session(), "confirmation_mail:sent", 2).await;
        assert!(app.outbox.messages(Some("ada@example.test")).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_whose_time_is_over_blocks_nothing_before_its_workflow_has_noticed() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let start = in_days(2);
        let held = ada.book("k", &hold(&specialist, start)).await;
        // Its workflow waits for another nine minutes and more.
        let tx = app.database.db.begin_write().await.unwrap();
        let now = entities::db::now(&tx).await.unwrap();
        let over = session::ActiveModel {
            hold_expires_at: Set(Some(now)),
            ..Default::default()
        };
        session::change(&tx, held.session(), over, 0, now).await.unwrap();
        tx.commit().await.unwrap();

        let late = ada.confirm(held.id()).await;
        assert_eq!((late.status, late.error()), (409, "wrong_state"), "{late:?}");
        let (from, to) = (start, start.plus_minutes(1));
        let listed = bob
            .get(&format!(
                "/api/specialists/{}/availability?from={from}&to={to}&duration_minutes=60",
                specialist.id
            ))
            .await;
        assert_eq!(
            listed.body["days"][0]["slots"][0]["starts_at"],
            json!(start),
            "{listed:?}"
        );
        let other = bob.book("k", &hour(&specialist, start)).await;
        assert_eq!(other.status, 202, "{other:?}");
        assert_eq!(until_status(&ada, held.id(), "expired").await["status"], "expired");
        // Its own timer finds nothing more to do, and its run closes.
        app.skip(held.session(), None).await;
        until("the run of the expired hold closes", async || {
            app.row(held.session()).await.unwrap().closed_at
        })
        .await;
        assert_eq!(app.times(held.session(), "hold:expired").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hoards_slots() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        ada.sign_in().await;
        let start = in_days(2);
        let answers = join_all((0..10).map(async |n| {
            let body = hold(&specialist, start.plus_minutes(60 * n));
            ada.book(&format!("k{n}"), &body).await
        }))
        .await;
        let mut counts = BTreeMap::new();
        for answer in &answers {
            *counts.entry((answer.status, answer.error())).or_insert(0) += 1;
        }
        assert_eq!(counts, BTreeMap::from([((202, ""), 3), ((422, "hold_limit"), 7)]));
        let first = answers.iter().find(|answer| answer.status == 202).unwrap();
        assert_eq!(ada.confirm(first.id()).await.status, 200);
        let next = ada.book("next", &hold(&specialist, start.plus_minutes(60 * 20))).await;
        assert_eq!(next.status, 202, "what is confirmed is held no more: {next:?}");
        let plain = ada.book("plain", &hour(&specialist, start.plus_minutes(60 * 21))).await;
        assert_eq!(plain.status, 202, "a booking is no hold: {plain:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_hold_waits_for_its_link_without_a_timer() {
    let service = MeetingService::start().await;
    let setup = Setup {
        meetings_url: Some(service.url.clone()),
        ..Default::default()
    };
    let app = TestApp::with(activities::testing::database::Kind::Postgres, setup).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let held = ada.book("k", &hold(&specialist, in_days(2))).await;
    service.answer(Some(503));
    let confirmed = ada.confirm(held.id()).await;
    assert_eq!(
        (confirmed.status, &confirmed.body["status"]),
        (200, &json!("held")),
        "{confirmed:?}"
    );
    assert!(confirmed.body["hold_expires_at"].is_null(), "no timer ends it any more");
    assert_eq!(ada.confirm(held.id()).await.status, 200);
    service.answer(None);
    until_status(&ada, held.id(), "confirmed").await;
    app.until_event(held.session(), "confirmation_mail:sent", 2).await;
    assert_eq!(service.n_live(), 1);
}
