//! Many at once: the database decides, everybody is answered, nobody waits long.

use crate::app::{Caller, TestApp, hour, in_days, on_both};
use futures::future::join_all;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const N: usize = 100;

/// Book all at once; how long it took, and how often each answer came.
async fn race(key: &str, callers: &[Caller<'_>], bodies: &[Value]) -> (Duration, BTreeMap<String, usize>) {
    let began = Instant::now();
    let answers = join_all(callers.iter().zip(bodies).map(|(caller, body)| caller.book(key, body))).await;
    let took = began.elapsed();
    let mut counts = BTreeMap::new();
    for answer in answers {
        let name = if answer.status < 300 {
            "booked".to_owned()
        } else {
            format!("{} {}", answer.status, answer.error())
        };
        *counts.entry(name).or_default() += 1;
    }
    (took, counts)
}

async fn crowd(app: &TestApp, n: usize) -> Vec<Caller<'_>> {
    let callers: Vec<_> = (0..n).map(|_| app.somebody()).collect();
    // Everybody is known: what is raced is the booking.
    for chunk in callers.chunks(20) {
        join_all(chunk.iter().map(Caller::sign_in)).await;
    }
    callers
}

fn deadlocks() -> usize {
    let log = std::env::var("TEST_POSTGRES_LOG").expect("`make test` names the server's log");
    std::fs::read_to_string(log)
        .unwrap()
        .matches("deadlock detected")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_for_one_slot_exactly_one_gets_it_and_nobody_waits_longer_than_for_free_slots() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let callers = crowd(&app, N).await;
        let deadlocks_before = deadlocks();
        let start = in_days(3);

        let quiet = app.specialist().create().await;
        let free: Vec<_> = (0..N)
            .map(|n| hour(&quiet, start.plus_minutes(60 * n as i64)))
            .collect();
        let (for_free, counts) = race("free", &callers, &free).await;
        assert_eq!(
            counts,
            BTreeMap::from([("booked".to_owned(), N)]),
            "a hundred free slots"
        );

        let one = app.specialist().create().await;
        let start = in_days(10);
        let same: Vec<_> = (0..N).map(|_| hour(&one, start)).collect();
        let (for_one, counts) = race("same", &callers, &same).await;
        let expected = BTreeMap::from([("booked".to_owned(), 1), ("409 slot_taken".to_owned(), N - 1)]);
        assert_eq!(counts, expected, "one slot");

        let four = app.specialist().create().await;
        let start = in_days(20);
        let near: Vec<_> = (0..N)
            .map(|n| hour(&four, start.plus_minutes(15 * (n as i64 % 4))))
            .collect();
        let (for_near, counts) = race("near", &callers, &near).await;
        assert_eq!(counts, expected, "four starts that overlap");

        println!("{kind}: 100 free slots {for_free:?}, one slot {for_one:?}, four overlapping starts {for_near:?}");
        assert!(
            for_one < for_free * 2 && for_near < for_free * 2,
            "{for_free:?} {for_one:?} {for_near:?}"
        );
        assert_eq!(deadlocks(), deadlocks_before, "no racer meets another");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_against_fifty_at_different_starts() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let callers = crowd(&app, 50).await;
        let specialist = app.specialist().sessions(15, 15).max_per_day(3).create().await;
        // All on one date.
        let day = in_days(3).timestamp().as_second() / 86_400 * 86_400;
        let start = workflows::time::Instant::from_unix_seconds(day);
        let bodies: Vec<_> = (0..50)
            .map(|n| {
                let mut body = hour(&specialist, start.plus_minutes(15 * n));
                body["duration_minutes"] = 15.into();
                body
            })
            .collect();
        let (_, counts) = race("race", &callers, &bodies).await;
        let expected = BTreeMap::from([("booked".to_owned(), 3), ("422 cap_reached".to_owned(), 47)]);
        assert_eq!(counts, expected, "{kind}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_is_not_in_two_places() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let ada = app.user("ada");
        let (one, other) = (app.specialist().create().await, app.specialist().create().await);
        let start = in_days(3);
        assert_eq!(ada.book("a", &hour(&one, start)).await.status, 202);
        let busy = ada.book("b", &hour(&other, start.plus_minutes(30))).await;
        assert_eq!((busy.status, busy.error()), (409, "client_busy"), "{busy:?}");
        assert_eq!(
            ada.book("c", &hour(&other, start.plus_minutes(60))).await.status,
            202,
            "back to back is fine"
        );
        // The same raced, with two specialists whose locks differ.
        let (third, fourth) = (app.specialist().create().await, app.specialist().create().await);
        let start = in_days(5);
        let (a, b) = tokio::join!(async { ada.book("d", &hour(&third, start)).await }, async {
            ada.book("e", &hour(&fourth, start)).await
        },);
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{a:?} {b:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_of_a_group_start_are_sold_once_each() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let callers = crowd(&app, 20).await;
        let specialist = app.specialist().capacity(5).create().await;
        let bodies: Vec<_> = (0..20).map(|_| hour(&specialist, in_days(3))).collect();
        let (_, counts) = race("race", &callers, &bodies).await;
        let expected = BTreeMap::from([("booked".to_owned(), 5), ("409 slot_taken".to_owned(), 15)]);
        assert_eq!(counts, expected, "{kind}");
    })
    .await;
}
