//! When something is away or dies: an honest answer, and nothing lost or half done.

use crate::{
    app::{TestApp, hour, in_days, on_both, until_status},
    processes::worker,
};
use activities::testing::{database::Kind, engine::OwnServer, wait::until, world::Setup};
use serde_json::json;
use std::time::{Duration, Instant};
use workflows::sessions::contract::workflow_id;

/// An app with a server of its own, which is killed and started again.
async fn with_own_server(directory: &std::path::Path, idle: bool) -> (OwnServer, TestApp) {
    let server = OwnServer::start(directory).await;
    let setup = Setup {
        address: Some(server.address.clone()),
        idle,
        ..Default::default()
    };
    (server, TestApp::with(Kind::Postgres, setup).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_down_is_said_at_once_and_comes_back_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, app) = with_own_server(directory.path(), false).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let booked = ada.book("a", &hour(&specialist, in_days(2))).await;
    assert!(booked.status < 300, "{booked:?}");
    server.kill();
    // The first call after the end meets a connection that was alive a moment ago; all later ones know.
    let mut codes = Vec::new();
    for key in ["b", "c", "d"] {
        let began = Instant::now();
        let answer = ada.book_once(key, &hour(&specialist, in_days(3))).await;
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(!answer.header("retry-after").is_empty());
        codes.push(answer.error().to_owned());
    }
    assert!(
        ["engine_unavailable", "outcome_unknown"].contains(&codes[0].as_str()),
        "{codes:?}"
    );
    assert_eq!(codes[1..], ["engine_unavailable", "engine_unavailable"]);
    let cancel = ada.cancel_once(booked.id()).await;
    assert_eq!((cancel.status, cancel.error()), (503, "engine_unavailable"));
    let read = ada.get(&format!("/api/sessions/{}", booked.id())).await;
    assert_eq!(read.status, 200, "reads go on");
    let progress = ada.get(&format!("/api/sessions/{}/progress", booked.id())).await;
    assert_eq!((progress.status, progress.error()), (503, "engine_unavailable"));
    server.start_again().await;
    until("bookings go on without a restart of ours", async || {
        (ada.book_once("d", &hour(&specialist, in_days(3))).await.status < 300).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_nobody_knows_and_a_worker_that_comes_in_time_books_once() {
    on_both(async |kind| {
        let app = TestApp::with(kind, Setup::idle()).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let body = hour(&specialist, in_days(2));
        let began = Instant::now();
        let unknown = ada.book_once("k", &body).await;
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
        assert_eq!(
            (unknown.status, unknown.error()),
            (503, "outcome_unknown"),
            "{unknown:?}"
        );
        assert_eq!(unknown.header("idempotency-key"), "k");
        let location = unknown.header("location").to_owned();
        let again = ada.book_once("k", &body).await;
        assert_eq!((again.status, again.header("location")), (503, location.as_str()));
        let mut app = app;
        app.world.start_worker().await;
        let ada = app.user("ada");
        let booked = ada.book("k", &body).await;
        assert_eq!(location, format!("/api/sessions/{}", booked.id()));
        until_status(&ada, booked.id(), "confirmed").await;
        let own = ada.get("/api/sessions").await;
        assert_eq!(own.body["items"].as_array().unwrap().len(), 1);
        app.until_event(booked.session(), "confirmation_mail:sent", 2).await;
        assert_eq!(app.outbox.messages(Some("ada@example.test")).len(), 1);
    })
    .await;
}

/// The worker dies at `point`; another comes. What the callers and the client's mailbox see.
async fn dies_at(point: &str, provider: bool) {
    let service = activities::testing::meetings::MeetingService::start().await;
    let app = TestApp::with(Kind::Postgres, Setup::idle()).await;
    let more = [("MEETING_PROVIDER", "http"), ("MEETING_API_URL", service.url.as_str())];
    let more = if provider { &more[..] } else { &[] };
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    ada.sign_in().await;
    let mut dying = worker(&app.world, Some(point), more);
    let body = hour(&specialist, in_days(2));
    if point.starts_with("sessions.reserve") {
        let unknown = ada.book_once("k", &body).await;
        assert_eq!(
            (unknown.status, unknown.error()),
            (503, "outcome_unknown"),
            "{point}: {unknown:?}"
        );
    } else {
        // Answered before it dies.
        ada.book("k", &body).await;
    }
    until(&format!("the worker dies {point}"), async || {
        dying.has_ended().then_some(())
    })
    .await;
    let _successor = worker(&app.world, None, more);
    let booked = ada.book("k", &body).await;
    assert!(booked.status < 300, "{point}: {booked:?}");
    until_status(&ada, booked.id(), "confirmed").await;
    app.until_event(booked.session(), "confirmation_mail:sent", 2).await;
    let own = ada.get("/api/sessions").await;
    assert_eq!(own.body["items"].as_array().unwrap().len(), 1, "{point}: one session");
    let mails = app.outbox.messages(Some("ada@example.test"));
    let allowed = if point == "outreach.send_mails:after_effect" {
        2
    } else {
        1
    };
    assert!(
        !mails.is_empty() && mails.len() <= allowed,
        "{point}: {} mails",
        mails.len()
    );
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| mail.message_id.clone()).collect();
    assert_eq!(ids.len(), 1, "{point}: a repeat is recognisable");
    if provider {
        assert_eq!(service.n_live(), 1, "{point}: one meeting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_reserving_loses_nothing_and_books_once() {
    tokio::join!(
        dies_at("sessions.reserve:before", false),
        dies_at("sessions.reserve:after_effect", false)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_mailing_mails_again_at_most_what_it_could_not_record() {
    tokio::join!(
        dies_at("outreach.send_mails:before", false),
        dies_at("outreach.send_mails:after_effect", false)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_meeting_link_makes_one_meeting() {
    tokio::join!(
        dies_at("sessions.create_meeting:before", true),
        dies_at("sessions.create_meeting:after_effect", true),
        dies_at("sessions.confirm:before", true),
        dies_at("sessions.confirm:after_effect", true),
    );
}

/// A session is called off once, though the worker dies there.
async fn dies_cancelling(point: &str) {
    let app = TestApp::with(Kind::Postgres, Setup::idle()).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let mut dying = worker(&app.world, Some(point), &[]);
    let booked = ada.book("k", &hour(&specialist, in_days(2))).await;
    app.until_event(booked.session(), "confirmation_mail:sent", 2).await;
    let unknown = ada.cancel_once(booked.id()).await;
    assert_eq!(
        (unknown.status, unknown.error()),
        (503, "outcome_unknown"),
        "{point}: {unknown:?}"
    );
    assert_eq!(unknown.header("location"), format!("/api/sessions/{}", booked.id()));
    until("the worker dies", async || dying.has_ended().then_some(())).await;
    let _successor = worker(&app.world, None, &[]);
    until_status(&ada, booked.id(), "cancelled").await;
    app.until_event(booked.session(), "cancellation_mail:sent", 2).await;
    let again = ada.cancel(booked.id()).await;
    assert_eq!((again.status, &again.body["sequence"]), (200, &json!(1)), "{point}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_cancelling_cancels_once() {
    tokio::join!(
        dies_cancelling("sessions.cancel:before"),
        dies_cancelling("sessions.cancel:after_effect")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_in_the_middle_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, app) = with_own_server(directory.path(), true).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    // Accepted by the engine, decided by nobody yet.
    let unknown = ada.book_once("k", &hour(&specialist, in_days(2))).await;
    assert_eq!(unknown.error(), "outcome_unknown", "{unknown:?}");
    server.kill();
    server.start_again().await;
    let _worker = worker(&app.world, None, &[]);
    let booked = ada.book("k", &hour(&specialist, in_days(2))).await;
    app.until_event(booked.session(), "confirmation_mail:sent", 2).await;
    assert_eq!(app.outbox.messages(Some("ada@example.test")).len(), 1);
    // And once more while its reminder is being waited for.
    server.kill();
    server.start_again().await;
    until("its time can be skipped", async || {
        let engine = activities::testing::engine::connect(&app.address).await;
        activities::testing::engine::skip(&engine, &workflow_id(booked.session()), None).await;
        Some(())
    })
    .await;
    app.until_event(booked.session(), "review_invitation_mail:sent", 1)
        .await;
    assert_eq!(app.times(booked.session(), "reminder_mail:sent").await.len(), 2);
}
