//! Feeds: one good address at a time, and what they show.

use crate::support::{
    a_session, at, attempt, in_a_transaction, insert, on_both, on_monday, refused_by, somebody,
    somebody_with_a_service, store,
};
use entities::{
    calendar_feed::{self, Side, Window},
    db::Db,
    session,
    session_event::{self, NewEvent},
    specialist, user,
};
use sea_orm::ActiveValue::Set;
use std::collections::BTreeSet;
use workflows::{ids::UserId, sessions::state::SessionState, time::Instant};

async fn somebody_with_a_login(db: &Db) -> UserId {
    let user = somebody();
    in_a_transaction(db, async |tx| {
        user::first_sight(tx, user, "ada@example.test", None, on_monday("00:00")).await
    })
    .await
    .unwrap();
    user
}

async fn rotate(db: &Db, user: UserId, side: Side) -> i32 {
    in_a_transaction(db, async |tx| {
        calendar_feed::rotate(tx, user, side, on_monday("10:00")).await
    })
    .await
    .unwrap()
    .generation
}

#[tokio::test]
async fn a_feed_is_made_once_and_each_address_is_another() {
    on_both(async |db| {
        let user = somebody_with_a_login(db).await;
        let of = async |side| calendar_feed::of(db.reader(), user, side).await.unwrap();
        let ensure = async |time: &str| {
            let now = on_monday(time);
            in_a_transaction(db, async |tx| calendar_feed::ensure(tx, user, Side::Client, now).await)
                .await
                .unwrap()
        };
        assert_eq!(of(Side::Client).await, None);
        let first = ensure("08:00").await;
        assert_eq!((first.generation, first.created_at), (1, on_monday("08:00")));
        assert_eq!(ensure("09:00").await, first);
        assert_eq!(rotate(db, user, Side::Client).await, 2);
        let second = ensure("11:00").await;
        assert_eq!(
            (second.generation, second.created_at, second.updated_at),
            (2, on_monday("08:00"), on_monday("10:00"))
        );
        assert_eq!(of(Side::Specialist).await, None, "each side has a feed of its own");
        assert_eq!(
            rotate(db, user, Side::Specialist).await,
            1,
            "nobody has had an address before"
        );
        assert_eq!(of(Side::Client).await, Some(second));
    })
    .await;
}

#[tokio::test]
async fn no_two_addresses_come_of_rotating_at_once() {
    on_both(async |db| {
        let user = somebody_with_a_login(db).await;
        let mut rotations = Vec::new();
        for _ in 0..16 {
            let db = db.clone();
            rotations.push(tokio::spawn(async move { rotate(&db, user, Side::Client).await }));
        }
        let mut generations = BTreeSet::new();
        for rotation in rotations {
            generations.insert(rotation.await.unwrap());
        }
        assert_eq!(generations, (1..=16).collect());
    })
    .await;
}

#[tokio::test]
async fn feeds_are_of_people_and_have_two_sides() {
    on_both(async |db| {
        let user = somebody_with_a_login(db).await;
        store(
            db,
            [calendar_feed::Model {
                user_id: user,
                side: Side::Client,
                generation: 1,
                created_at: on_monday("08:00"),
                updated_at: on_monday("08:00"),
            }],
        )
        .await;
        for (sql, constraint) in [
            ("UPDATE calendar_feed SET side = 'admin'", "calendar_feed_side"),
            ("UPDATE calendar_feed SET generation = 0", "calendar_feed_generation"),
        ] {
            assert_eq!(attempt(db.writer(), sql).await, refused_by(constraint), "{sql}");
        }
        let nobody = in_a_transaction(db, async |tx| {
            calendar_feed::ensure(tx, somebody(), Side::Client, on_monday("08:00")).await
        });
        assert!(nobody.await.is_err());
    })
    .await;
}

/// A session of the hour that begins then, changed at `updated_at`; `confirmed` once, whatever it is now.
struct Told {
    starts_at: &'static str,
    status: SessionState,
    hold_expires_at: Option<&'static str>,
    updated_at: &'static str,
    confirmed: bool,
}

const NOW: &str = "2026-06-01T12:00:00Z";

#[tokio::test]
async fn a_feed_shows_what_takes_place_and_what_was_lately_called_off() {
    use SessionState::{Cancelled, Completed, Confirmed, Expired, Failed, Held, NoShow};
    let told = |starts_at, status, confirmed| Told {
        starts_at,
        status,
        hold_expires_at: None,
        updated_at: "2026-05-20T00:00:00Z",
        confirmed,
    };
    let hold = |starts_at, expires_at| Told {
        hold_expires_at: Some(expires_at),
        ..told(starts_at, Held, false)
    };
    let shown = [
        told("2027-06-01T00:00:00Z", Confirmed, true),
        told("2026-06-10T00:00:00Z", Held, false),
        hold("2026-06-09T00:00:00Z", "2026-06-01T12:00:00.000001Z"),
        told("2026-06-08T00:00:00Z", Cancelled, true),
        told("2026-06-07T00:00:00Z", Expired, true),
        told("2026-05-07T00:00:00Z", NoShow, true),
        Told {
            updated_at: "2026-05-02T12:00:00Z",
            ..told("2026-04-20T00:00:00Z", Cancelled, true)
        },
        told("2026-03-03T12:00:00Z", Completed, true),
    ];
    let hidden = [
        told("2026-03-03T11:00:00Z", Completed, true),
        hold("2026-06-11T00:00:00Z", NOW),
        told("2026-06-12T00:00:00Z", Cancelled, false),
        told("2026-06-13T00:00:00Z", Expired, false),
        told("2026-06-14T00:00:00Z", Failed, false),
        Told {
            updated_at: "2026-05-02T11:59:59Z",
            ..told("2026-06-15T00:00:00Z", Cancelled, true)
        },
    ];
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let (client, login) = (somebody(), somebody_with_a_login(db).await);
        let tx = db.begin_write().await.unwrap();
        let changes = specialist::ActiveModel {
            user_id: Set(Some(login)),
            ..Default::default()
        };
        specialist::change(&tx, service.specialist_id, changes, at(NOW))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        for told in shown.iter().chain(&hidden) {
            let starts_at = at(told.starts_at);
            let row = session::Model {
                status: told.status,
                hold_expires_at: told.hold_expires_at.map(at),
                updated_at: at(told.updated_at),
                ..a_session(&service, client, starts_at, starts_at.plus_minutes(60))
            };
            let id = row.id;
            insert(db, row).await.unwrap();
            if told.confirmed {
                confirmed(db, id, starts_at).await;
            }
        }
        let other = a_session(
            &service,
            somebody(),
            at("2026-07-01T00:00:00Z"),
            at("2026-07-01T01:00:00Z"),
        );
        insert(db, other).await.unwrap();

        let window = |limit| Window {
            now: at(NOW),
            from: at(NOW).plus_minutes(-90 * 24 * 60),
            called_off_since: at(NOW).plus_minutes(-30 * 24 * 60),
            limit,
        };
        let starts = async |user, side, limit| {
            let rows = calendar_feed::sessions(db.reader(), user, side, window(limit))
                .await
                .unwrap();
            rows.iter().map(|row| row.starts_at).collect::<Vec<_>>()
        };
        let mut expected: Vec<Instant> = shown.iter().map(|told| at(told.starts_at)).collect();
        assert_eq!(starts(client, Side::Client, 1_000).await, expected);
        assert_eq!(starts(client, Side::Client, 2).await, expected[..2]);
        assert_eq!(starts(client, Side::Specialist, 1_000).await, []);
        assert_eq!(starts(login, Side::Client, 1_000).await, []);
        expected.insert(1, at("2026-07-01T00:00:00Z"));
        assert_eq!(starts(login, Side::Specialist, 1_000).await, expected);
    })
    .await;
}

async fn confirmed(db: &Db, session: workflows::ids::SessionId, now: Instant) {
    let event = NewEvent {
        at: now,
        step: "confirmation".to_owned(),
        status: "done".to_owned(),
        detail: None,
        key: "confirmation:done".to_owned(),
    };
    in_a_transaction(db, async |tx| session_event::append(tx, session, vec![event]).await)
        .await
        .unwrap();
}
