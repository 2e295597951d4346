//! What the metrics are told: how the business does, what waits, how the pools are.

use crate::support::{
    Scratch, a_service, a_session, a_specialist, in_a_transaction, insert, on_both, on_monday, options, somebody, store,
};
use entities::{
    column::WeeklyHours,
    db::Db,
    figures,
    follow_up::{self, Work},
    schedule, user,
};
use telemetry::metrics;
use workflows::{
    ids::{SpecialistId, UserId},
    sessions::state::SessionState,
    time::Instant,
};

fn days(n: i64) -> i64 {
    n * 24 * 60
}

/// Mondays nine to five with an overlap, and nothing else: eight hours a week.
fn eight_hours(specialist: SpecialistId) -> schedule::Model {
    let weekly = serde_json::json!({"mon": [["09:00", "13:00"], ["12:00", "17:00"]]});
    schedule::Model {
        specialist_id: specialist,
        weekly: WeeklyHours(serde_json::from_value(weekly).unwrap()),
        minimum_notice_minutes: 0,
        booking_window_days: None,
        book_until: None,
        max_per_day: None,
        max_per_week: None,
        cancel_notice_minutes: 0,
        reschedule_notice_minutes: 0,
        max_reschedules: None,
        hold_minutes: 10,
        version: 1,
        updated_at: on_monday("00:00"),
    }
}

async fn client(db: &Db) -> UserId {
    let user = somebody();
    in_a_transaction(db, async |tx| {
        let email = format!("{user}@example.test");
        user::first_sight(tx, user, &email, None, on_monday("00:00")).await
    })
    .await
    .unwrap();
    user
}

#[tokio::test]
async fn the_business_in_figures() {
    on_both(async |db| {
        let now = on_monday("08:00");
        let empty = figures::load(db.replica(), now).await.unwrap();
        assert_eq!((empty.clients_of_a_month, empty.open_minutes), (0, 0));

        let (busy, idle, mut gone) = (a_specialist("Busy"), a_specialist("Idle"), a_specialist("Gone"));
        gone.active = false;
        let (busy_id, idle_id, gone_id) = (busy.id, idle.id, gone.id);
        store(db, [busy, idle, gone]).await;
        let service = a_service(busy_id);
        store(db, [service.clone()]).await;
        store(db, [busy_id, idle_id, gone_id].map(eight_hours)).await;
        let (faithful, fresh) = (client(db).await, client(db).await);
        let session = |client: UserId, ahead: i64, booked: i64, status: SessionState| {
            let at = |minutes: i64| -> Instant { now.plus_minutes(minutes) };
            let mut row = a_session(&service, client, at(ahead), at(ahead + 60));
            (row.created_at, row.status) = (at(booked), status);
            row
        };
        for row in [
            session(faithful, -days(60), -days(61), SessionState::Completed),
            session(faithful, -days(2), -days(40), SessionState::Completed),
            session(fresh, -120, -days(3), SessionState::NoShow),
            session(fresh, 60, -30, SessionState::Confirmed),
            session(fresh, days(8), -30, SessionState::Confirmed),
            session(faithful, 180, -days(50), SessionState::Cancelled),
        ] {
            insert(db, row).await.unwrap();
        }

        let figures = figures::load(db.replica(), now).await.unwrap();
        assert_eq!(figures.clients_of_a_day, 1, "who booked today; a no-show is no visit");
        assert_eq!((figures.clients_of_a_month, figures.returning), (2, 1));
        let mut counts = figures.per_specialist.clone();
        counts.sort_unstable();
        assert_eq!(counts, [0, 1], "of those who can be booked");
        assert_eq!((figures.open_minutes, figures.filled_minutes), (2 * 8 * 60, 60));
        assert!(figures.ended.contains(&("no_show", 1)) && figures.ended.contains(&("cancelled", 0)));
    })
    .await;
}

#[tokio::test]
async fn follow_ups_that_wait_are_counted() {
    on_both(async |db| {
        assert_eq!(follow_up::pending(db.reader()).await.unwrap(), (0, None));
        for time in ["09:05", "09:00"] {
            in_a_transaction(db, async |tx| {
                let work = Work::SlotFreed {
                    specialist: SpecialistId(somebody().0),
                };
                follow_up::insert(tx, work, on_monday(time)).await
            })
            .await
            .unwrap();
        }
        let pending = follow_up::pending(db.reader()).await.unwrap();
        assert_eq!(pending, (2, Some(on_monday("09:00"))));
    })
    .await;
}

#[tokio::test]
async fn pools_tell_how_they_are() {
    on_both(async |db| {
        db.ping().await.unwrap();
        let used = || db.pools().iter().map(|(_, pool)| pool.in_use).sum::<u32>();
        // What was used is given back by a task of its own.
        while used() != 0 {
            tokio::task::yield_now().await;
        }
        let tx = db.begin_write().await.unwrap();
        assert_eq!(used(), 1);
        assert!(db.pools().iter().all(|(_, pool)| pool.in_use + pool.idle <= pool.max));
        tx.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_may_lag_is_read_from_the_replica() {
    let (primary, replica) = (Scratch::sqlite().await, Scratch::sqlite().await);
    store(&replica.db, [a_specialist("Old")]).await;
    let db = Db::connect(&primary.url, &options()).await.unwrap();
    let names = async |db: &Db| {
        figures::load(db.replica(), on_monday("00:00"))
            .await
            .unwrap()
            .per_specialist
            .len()
    };
    assert_eq!(names(&db).await, 0, "without a replica the primary is read");
    let db = db.with_replica(&replica.url, &options()).await.unwrap();
    assert_eq!(names(&db).await, 1);
    let pools: Vec<_> = db.pools().into_iter().map(|(name, _)| name).collect();
    assert_eq!(pools, ["writer", "reader", "replica"]);
    db.close().await.unwrap();
}

#[tokio::test]
async fn statements_are_counted() {
    let count = || {
        let text = metrics::text();
        let line = text
            .lines()
            .find(|line| line.starts_with(r#"db_statement_duration_seconds_count{operation="select"}"#));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
    };
    let before = count();
    on_both(async |db| {
        follow_up::pending(db.reader()).await.unwrap();
    })
    .await;
    assert!(before + 2 <= count());
}
