//! Services that several clients share a start of.

use crate::app::{TestApp, hour, in_days, on_both, until_status};
use activities::testing::{database::Kind, meetings::MeetingService, wait::until, world::Setup};
use futures::future::{join, join_all};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_for_five_seats_exactly_five_get_one() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().capacity(5).max_per_day(1).create().await;
        let crowd: Vec<_> = (0..50).map(|_| app.somebody()).collect();
        join_all(crowd.iter().map(|caller| caller.sign_in())).await;
        let start = in_days(3);
        let seats_left = async || {
            let (from, to) = (start, start.plus_minutes(1));
            let path = format!(
                "/api/specialists/{}/availability?from={from}&to={to}&duration_minutes=60",
                specialist.id
            );
            let listed = crowd[0].get(&path).await;
            listed.body["days"][0]["slots"][0]["seats_left"].clone()
        };
        assert_eq!(seats_left().await, Value::Null, "nobody has it yet");
        let first = crowd[0].book("k", &hour(&specialist, start)).await;
        assert_eq!(first.status, 202, "{first:?}");
        assert_eq!(seats_left().await, json!(4), "a cap of one start a day counts it once");
        let twice = crowd[0].book("again", &hour(&specialist, start)).await;
        assert_eq!((twice.status, twice.error()), (409, "client_busy"), "{twice:?}");
        let body = hour(&specialist, start);
        let answers = join_all(crowd[1..].iter().map(|caller| caller.book("k", &body))).await;
        let mut counts = BTreeMap::new();
        for answer in &answers {
            // An answer that was asked for again tells of a session that is confirmed.
            let booked = answer.status < 300;
            *counts.entry((booked, answer.error())).or_insert(0) += 1;
        }
        assert_eq!(counts, BTreeMap::from([((true, ""), 4), ((false, "slot_taken"), 45)]));
        assert_eq!(seats_left().await, Value::Null, "what is full is not listed");
        let booked: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status < 300)
            .chain([&first])
            .collect();
        let mut seats = BTreeSet::new();
        let mut links = BTreeSet::new();
        for answer in &booked {
            let row = app.row(answer.session()).await.unwrap();
            seats.insert(row.seat);
            links.insert(row.meeting_url.unwrap());
        }
        assert_eq!(seats, (1..=5).collect());
        assert_eq!(links.len(), 1, "one link per start");
        let overlapping = crowd[9].book("o", &hour(&specialist, start.plus_minutes(30))).await;
        assert_eq!(
            (overlapping.status, overlapping.error()),
            (409, "slot_taken"),
            "{overlapping:?}"
        );

        // A seat that is given back can be had again.
        assert_eq!(crowd[0].cancel(first.id()).await.status, 200);
        assert_eq!(seats_left().await, json!(1));
        let late = join_all(crowd[40..].iter().map(|caller| caller.book("late", &body))).await;
        assert!(late.iter().filter(|answer| answer.status < 300).count() <= 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_meeting_is_removed_with_its_last_seat_and_never_from_under_a_new_one() {
    let service = MeetingService::start().await;
    let setup = Setup {
        meetings_url: Some(service.url.clone()),
        ..Default::default()
    };
    let app = TestApp::with(Kind::Postgres, setup).await;
    let specialist = app.specialist().capacity(3).create().await;
    let (ada, bob, eve) = (app.user("ada"), app.user("bob"), app.user("eve"));
    let (start, other) = (in_days(3), in_days(4));
    let a = ada.book("k", &hour(&specialist, start)).await;
    let b = bob.book("k", &hour(&specialist, start)).await;
    let url = async |caller: &crate::app::Caller<'_>, id: &str| {
        until_status(caller, id, "confirmed").await["meeting_url"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let shared = url(&ada, a.id()).await;
    assert_eq!(shared, url(&bob, b.id()).await);
    assert_eq!(service.n_live(), 1);

    // Who was there first moves away: the other keeps the meeting, the mover gets one of their own.
    assert_eq!(ada.change(a.id(), json!({"starts_at": other})).await.status, 200);
    let moved = until("the moved seat has its new start's link", async || {
        let read = ada.get(&format!("/api/sessions/{}", a.id())).await.body;
        read["meeting_url"]
            .as_str()
            .filter(|url| *url != shared)
            .map(str::to_owned)
    })
    .await;
    assert_ne!(moved, shared);
    assert_eq!(url(&bob, b.id()).await, shared);
    until("both starts have a meeting", async || {
        (service.n_live() == 2).then_some(())
    })
    .await;
    let c = eve.book("k", &hour(&specialist, start)).await;
    assert_eq!(url(&eve, c.id()).await, shared, "whoever joins shares it");

    assert_eq!(bob.cancel(b.id()).await.status, 200);
    app.until_event(b.session(), "cancellation_mail:sent", 2).await;
    assert_eq!(service.n_live(), 2, "somebody still has it");
    // The last seat goes and a new one is sold in the same moment, again and again.
    let (mut leaver, mut last) = (eve, c.id().to_owned());
    for round in 0..5 {
        let guest = app.user(&format!("guest{round}"));
        let body = hour(&specialist, start);
        let (left, came) = join(leaver.cancel(&last), guest.book("k", &body)).await;
        assert_eq!((left.status, came.status), (200, 202), "{left:?} {came:?}");
        let link = url(&guest, came.id()).await;
        until("the meeting that is left is the one of who is there", async || {
            (service.n_live() == 2 && service.has(&link)).then_some(())
        })
        .await;
        (leaver, last) = (guest, came.id().to_owned());
    }
}
