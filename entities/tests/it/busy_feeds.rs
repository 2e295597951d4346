//! Calendars elsewhere: one list, one copy of each, and what is heard of them.

use crate::support::{in_a_transaction, on_both, on_monday, refused_by, somebody_with_a_service};
use entities::{
    busy_feed::{self, FeedUrl, Heard},
    busy_interval,
    db::Db,
    follow_up::{self, Work},
};
use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;
use workflows::{
    ids::{BusyFeedId, SpecialistId},
    slots::busy::Busy,
};

async fn give(db: &Db, specialist: SpecialistId, names: &[&str]) -> bool {
    let urls: Vec<_> = names
        .iter()
        .map(|name| FeedUrl(format!("https://a.example/{name}")))
        .collect();
    in_a_transaction(db, async |tx| {
        busy_feed::replace(tx, specialist, &urls, on_monday("08:00")).await
    })
    .await
    .unwrap()
}

async fn feeds(db: &Db, specialist: SpecialistId) -> Vec<busy_feed::Model> {
    busy_feed::of_specialist(db.reader(), specialist).await.unwrap()
}

/// The feeds that follow-ups are about; they are done then.
async fn told(db: &Db) -> Vec<Vec<BusyFeedId>> {
    let mut told = Vec::new();
    for row in follow_up::Entity::find().all(db.reader()).await.unwrap() {
        if let Work::BusyFeedsChanged { feeds } = row.work {
            told.push(feeds);
        }
        follow_up::done(db, row.id).await.unwrap();
    }
    told
}

async fn hear(db: &Db, feed: &busy_feed::Model, heard: Heard, time: &str) {
    in_a_transaction(db, async |tx| busy_feed::hear(tx, feed, heard, on_monday(time)).await)
        .await
        .unwrap();
}

fn busy(times: &[(&str, &str)]) -> Vec<Busy> {
    let of = |(from, to): &(&str, &str)| Busy {
        from: on_monday(from),
        to: on_monday(to),
    };
    times.iter().map(of).collect()
}

fn read(times: &[(&str, &str)]) -> Heard {
    Heard::Read {
        busy: busy(times),
        zone: "UTC".to_owned(),
        etag: Some("\"a\"".to_owned()),
        last_modified: None,
    }
}

#[tokio::test]
async fn a_list_is_replaced_and_whose_run_must_know_is_told() {
    on_both(async |db| {
        let specialist = somebody_with_a_service(db).await.specialist_id;
        assert!(give(db, specialist, &["a", "b"]).await);
        let first = feeds(db, specialist).await;
        assert_eq!(told(db).await, [vec![first[0].id, first[1].id]]);
        assert!(!give(db, specialist, &["a", "b"]).await, "the same again");
        assert_eq!(told(db).await, Vec::<Vec<BusyFeedId>>::new());
        assert!(give(db, specialist, &["b", "a"]).await);
        let turned = feeds(db, specialist).await;
        assert_eq!(
            [turned[0].id, turned[1].id],
            [first[1].id, first[0].id],
            "they are the same feeds"
        );
        assert_eq!(
            told(db).await,
            Vec::<Vec<BusyFeedId>>::new(),
            "for whose runs nothing is new"
        );
        hear(db, &first[0], read(&[("10:00", "11:00")]), "09:00").await;
        told(db).await;
        assert!(give(db, specialist, &["c", "b"]).await);
        let third = feeds(db, specialist).await;
        assert_eq!(told(db).await, [vec![first[0].id, third[0].id]]);
        let left = busy_interval::of_feed(db.reader(), first[0].id).await.unwrap();
        assert_eq!(left, [], "what it blocked has gone with it");
        assert!(!format!("{third:?}").contains("a.example"), "addresses are not printed");
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_replaced_as_a_whole_and_stays_while_nothing_is_heard() {
    on_both(async |db| {
        let specialist = somebody_with_a_service(db).await.specialist_id;
        give(db, specialist, &["a", "b"]).await;
        let both = feeds(db, specialist).await;
        let [a, b] = [&both[0], &both[1]];
        let of = async |from: &str, to: &str| {
            let found = busy_interval::of_specialist(db.reader(), specialist, on_monday(from), on_monday(to));
            found.await.unwrap()
        };
        hear(db, a, read(&[("10:00", "11:00"), ("12:00", "13:00")]), "08:00").await;
        hear(db, b, read(&[("10:30", "11:30")]), "08:00").await;
        assert_eq!(
            of("00:00", "23:00").await,
            busy(&[("10:00", "11:00"), ("10:30", "11:30"), ("12:00", "13:00")])
        );
        assert_eq!(of("11:30", "12:00").await, [], "ends are exclusive");
        assert_eq!(of("11:29", "12:01").await.len(), 2);

        hear(db, a, Heard::Failed("unreachable"), "09:00").await;
        let [failed, _] = feeds(db, specialist).await.try_into().unwrap();
        hear(db, &failed, Heard::Failed("timed_out"), "09:15").await;
        let [failed, _] = feeds(db, specialist).await.try_into().unwrap();
        assert_eq!(
            (
                failed.stale_since,
                failed.failure.as_deref(),
                failed.last_attempt_at,
                failed.last_success_at
            ),
            (
                Some(on_monday("09:00")),
                Some("timed_out"),
                Some(on_monday("09:15")),
                Some(on_monday("08:00"))
            )
        );
        assert_eq!(of("00:00", "23:00").await.len(), 3, "the last good copy stays");
        hear(db, &failed, Heard::Unchanged, "09:30").await;
        let [fresh, _] = feeds(db, specialist).await.try_into().unwrap();
        assert_eq!(
            (fresh.stale_since, fresh.failure, fresh.read_at),
            (None, None, Some(on_monday("08:00")))
        );
        assert_eq!(fresh.etag.as_deref(), Some("\"a\""));
        hear(db, a, read(&[("12:00", "12:30")]), "09:45").await;
        assert_eq!(
            of("00:00", "23:00").await,
            busy(&[("10:30", "11:30"), ("12:00", "12:30")])
        );
    })
    .await;
}

#[tokio::test]
async fn the_schema_refuses_what_no_feed_is() {
    on_both(async |db| {
        let specialist = somebody_with_a_service(db).await.specialist_id;
        give(db, specialist, &["a"]).await;
        let feed = feeds(db, specialist).await[0].clone();
        let insert = async |row: busy_feed::ActiveModel| {
            in_a_transaction(db, async |tx| {
                let inserted = busy_feed::Entity::insert(row).exec_without_returning(tx);
                inserted.await.map(drop)
            })
            .await
        };
        let another = busy_feed::ActiveModel {
            id: Set(BusyFeedId(Uuid::now_v7())),
            ..feed.clone().into()
        };
        assert_eq!(insert(another.clone()).await, refused_by("busy_feed_url"));
        let elsewhere = FeedUrl("https://b.example".to_owned());
        let stale_of_nothing = busy_feed::ActiveModel {
            url: Set(elsewhere),
            stale_since: Set(Some(on_monday("08:00"))),
            ..another
        };
        assert_eq!(insert(stale_of_nothing).await, refused_by("busy_feed_stale"));
        let backwards = busy_interval::ActiveModel {
            feed_id: Set(feed.id),
            starts_at: Set(on_monday("10:00")),
            ends_at: Set(on_monday("10:00")),
        };
        let refused = in_a_transaction(db, async |tx| {
            let inserted = busy_interval::Entity::insert(backwards).exec_without_returning(tx);
            inserted.await.map(drop)
        });
        assert_eq!(refused.await, refused_by("busy_interval_time"));
    })
    .await;
}
