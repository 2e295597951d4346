//! Recurring bookings.

use crate::{
    app::{TestApp, hour, in_days, on_both},
    processes::worker,
};
use activities::testing::{database::Kind, people::TestSpecialist, wait::until, world::Setup};
use futures::future::join_all;
use jiff::{ToSpan, civil::Weekday, tz::TimeZone};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use workflows::time::Instant;

/// A Monday ten days or more ahead, at nine on the wall clock of Berlin.
fn monday() -> Instant {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let date = in_days(10).timestamp().to_zoned(zone.clone()).date();
    let date = date.nth_weekday(1, Weekday::Monday).unwrap();
    Instant::new(date.at(9, 0, 0, 0).to_zoned(zone).unwrap().timestamp())
}

/// Somebody who works from nine to five there.
async fn in_berlin(app: &TestApp) -> TestSpecialist {
    let builder = app.specialist().zone("Europe/Berlin").open("09:00-17:00");
    builder.create().await
}

fn series(specialist: &TestSpecialist, recurrence: Value) -> Value {
    let mut body = hour(specialist, monday());
    body["time_zone"] = json!("Europe/Berlin");
    body["recurrence"] = recurrence;
    body
}

fn wall_times(sessions: &Value) -> Vec<String> {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let start = |session: &Value| session["starts_at"].as_str().unwrap().parse::<Instant>().unwrap();
    let sessions = sessions.as_array().unwrap();
    let zoned = sessions
        .iter()
        .map(|session| start(session).timestamp().to_zoned(zone.clone()));
    zoned.map(|start| start.strftime("%a %H:%M").to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_keeps_its_wall_clock_across_both_changes_and_is_one_thing() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = in_berlin(&app).await;
        let ada = app.user("ada");
        // Half a year and more, every second week: it crosses a change, whatever the season.
        let body = series(
            &specialist,
            json!({"every_weeks": 2, "count": 26, "mode": "all_or_nothing"}),
        );
        let booked = ada.book("k", &body).await;
        assert_eq!(booked.status, 202, "{booked:?}");
        assert_eq!(wall_times(&booked.body["sessions"]), vec!["Mon 09:00"; 26]);
        let offsets: BTreeSet<_> = booked.body["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["starts_at"].as_str().unwrap()[11..16].to_owned())
            .collect();
        assert_eq!(offsets.len(), 2, "in winter and in summer: {offsets:?}");
        let id = booked.body["series_id"].as_str().unwrap().to_owned();
        assert_eq!(booked.header("location"), format!("/api/series/{id}"));
        let repeated = ada.book("k", &body).await;
        assert_eq!((repeated.status, &repeated.body["series_id"]), (202, &json!(id)));
        let single = ada.book("k", &hour(&specialist, monday())).await;
        assert_eq!(
            (single.status, single.error()),
            (422, "idempotency_key_reused"),
            "{single:?}"
        );
        let first = &booked.body["sessions"][0];
        assert_eq!(first["series_id"], json!(id));
        // Each is a workflow of its own, and mails its confirmation.
        for session in booked.body["sessions"].as_array().unwrap() {
            app.until_event(
                session["id"].as_str().unwrap().parse().unwrap(),
                "confirmation_mail:sent",
                2,
            )
            .await;
        }
        assert_eq!(app.outbox.messages(Some("ada@example.test")).len(), 26);

        let stranger = app.user("bob").get(&format!("/api/series/{id}")).await;
        assert_eq!((stranger.status, stranger.error()), (404, "series_not_found"));
        let one = first["id"].as_str().unwrap();
        assert_eq!(ada.cancel(one).await.status, 200);
        let cancelled = ada
            .give(
                Method::DELETE,
                &format!("/api/series/{id}"),
                Some(json!({"reason": "moving"})),
            )
            .await;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        let states = |body: &Value| {
            body["sessions"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|s| s["status"] == "cancelled")
                .count()
        };
        assert_eq!(states(&cancelled.body), 26, "{cancelled:?}");
        let again = ada.give(Method::DELETE, &format!("/api/series/{id}"), None).await;
        assert_eq!((again.status, states(&again.body)), (200, 26));
        let free = app.user("eve").book("k", &hour(&specialist, monday())).await;
        assert_eq!(free.status, 202, "the slots are free again: {free:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_week_taken_all_or_nothing_books_none_and_best_effort_the_rest() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = in_berlin(&app).await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let third = monday()
            .timestamp()
            .to_zoned(TimeZone::get("Europe/Berlin").unwrap())
            .checked_add(2.weeks())
            .unwrap();
        let third = Instant::new(third.timestamp());
        assert_eq!(bob.book("k", &hour(&specialist, third)).await.status, 202);
        let refused = ada
            .book(
                "all",
                &series(
                    &specialist,
                    json!({"every_weeks": 1, "count": 4, "mode": "all_or_nothing"}),
                ),
            )
            .await;
        assert_eq!((refused.status, refused.error()), (409, "slot_taken"), "{refused:?}");
        assert_eq!(
            refused.body["refused"],
            json!([{"starts_at": third, "error": "slot_taken"}])
        );
        assert_eq!(
            ada.get("/api/sessions").await.body["items"],
            json!([]),
            "none is booked"
        );
        let body = series(
            &specialist,
            json!({"every_weeks": 1, "count": 4, "mode": "best_effort"}),
        );
        let booked = ada.book("best", &body).await;
        assert_eq!(booked.status, 202, "{booked:?}");
        assert_eq!(booked.body["sessions"].as_array().unwrap().len(), 3);
        assert_eq!(
            booked.body["refused"],
            json!([{"starts_at": third, "error": "slot_taken"}])
        );
        let repeated = ada.book("best", &body).await;
        assert_eq!(repeated.body["refused"], booked.body["refused"], "a repeat says so too");
        let freed = ada
            .book(
                "all",
                &series(
                    &specialist,
                    json!({"every_weeks": 3, "count": 2, "mode": "all_or_nothing"}),
                ),
            )
            .await;
        assert_eq!(
            (freed.status, freed.error()),
            (409, "slot_taken"),
            "a refused key is free for another body: {freed:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_series_is_told_field_by_field() {
    let app = TestApp::new(Kind::Sqlite).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    for (recurrence, field) in [
        (
            json!({"every_weeks": 0, "count": 2, "mode": "best_effort"}),
            "recurrence.every_weeks",
        ),
        (
            json!({"every_weeks": 1, "count": 27, "mode": "best_effort"}),
            "recurrence.count",
        ),
        (json!({"every_weeks": 1, "mode": "best_effort"}), "recurrence.count"),
        (
            json!({"every_weeks": 1, "count": 2, "mode": "maybe"}),
            "recurrence.mode",
        ),
        (
            json!({"every_weeks": 1, "count": 2, "mode": "best_effort", "x": 1}),
            "recurrence.x",
        ),
        (
            json!({"every_weeks": 1, "until": "2026-01-01", "mode": "best_effort"}),
            "recurrence",
        ),
        (json!([]), "recurrence"),
    ] {
        let answer = ada.book("k", &series(&specialist, recurrence.clone())).await;
        assert_eq!(
            (answer.status, answer.error()),
            (422, "invalid_request"),
            "{recurrence}: {answer:?}"
        );
        assert_eq!(answer.body["errors"][0]["field"], field, "{recurrence}");
    }
    let mut held = series(
        &specialist,
        json!({"every_weeks": 1, "count": 2, "mode": "best_effort"}),
    );
    held["hold"] = json!(true);
    assert_eq!(ada.book("k", &held).await.body["errors"][0]["field"], "hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_series_for_the_same_weeks_one_gets_all_of_them() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = in_berlin(&app).await;
        let crowd: Vec<_> = (0..10).map(|_| app.somebody()).collect();
        join_all(crowd.iter().map(|caller| caller.sign_in())).await;
        let body = series(
            &specialist,
            json!({"every_weeks": 1, "count": 6, "mode": "all_or_nothing"}),
        );
        let answers = join_all(crowd.iter().map(|caller| caller.book("k", &body))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 1);
        assert!(
            answers
                .iter()
                .all(|answer| answer.status == 202 || answer.error() == "slot_taken"),
            "{answers:?}"
        );
    })
    .await;
}

/// Each session of a series has its workflow, and its mail, though the worker dies there.
async fn dies_at(point: &str) {
    let app = TestApp::with(Kind::Postgres, Setup::idle()).await;
    let specialist = in_berlin(&app).await;
    let ada = app.user("ada");
    ada.sign_in().await;
    let mut dying = worker(&app.world, Some(point), &[]);
    let body = series(
        &specialist,
        json!({"every_weeks": 1, "count": 3, "mode": "all_or_nothing"}),
    );
    ada.book_once("k", &body).await;
    until("the worker dies", async || dying.has_ended().then_some(())).await;
    let _successor = worker(&app.world, None, &[]);
    let booked = ada.book("k", &body).await;
    assert_eq!(booked.status, 202, "{point}: {booked:?}");
    for session in booked.body["sessions"].as_array().unwrap() {
        app.until_event(
            session["id"].as_str().unwrap().parse().unwrap(),
            "confirmation_mail:sent",
            2,
        )
        .await;
    }
    let mails = app.outbox.messages(Some("ada@example.test"));
    let letters: BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(letters.len(), 3, "{point}");
    // Once sessions have runs, who dies may have mailed, and that not be on record: the same letter goes again.
    let at_most = if point == "series.start_sessions:after_effect" {
        6
    } else {
        3
    };
    assert!(mails.len() <= at_most, "{point}: {mails:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_before_it_starts_the_sessions_leaves_none_without_a_workflow() {
    tokio::join!(
        dies_at("series.reserve:after_effect"),
        dies_at("series.start_sessions:before"),
        dies_at("series.start_sessions:after_effect"),
    );
}
