//! Those who wait: who is woken by what.

use crate::support::{in_a_transaction, on_both, on_monday, somebody, somebody_with_a_service, store};
use entities::{
    db::Db,
    follow_up::{self, Work},
    schedule, schedule_override, service, specialist, waitlist_entry,
};
use jiff::civil::date;
use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;
use workflows::{
    ids::{SpecialistId, UserId, WaitlistEntryId},
    waitlist::state::EntryState,
};

/// Somebody who waits for a day's starts, at that place in line; nothing is stored.
fn an_entry(service: &service::Model, client: UserId, place: i64) -> waitlist_entry::Model {
    waitlist_entry::Model {
        id: WaitlistEntryId(Uuid::now_v7()),
        specialist_id: service.specialist_id,
        client_id: client,
        service_id: service.id,
        place,
        from_at: on_monday("00:00"),
        to_at: on_monday("23:00"),
        earliest_minute: None,
        latest_minute: None,
        time_zone: "UTC".to_owned(),
        named_zone: None,
        status: EntryState::Waiting,
        created_at: on_monday("00:00"),
        updated_at: on_monday("00:00"),
    }
}

/// Whose lists are to be looked at; afterwards none is.
async fn woken(db: &Db) -> Vec<SpecialistId> {
    let rows = follow_up::Entity::find().all(db.reader()).await.unwrap();
    for row in &rows {
        follow_up::done(db, row.id).await.unwrap();
    }
    let mut woken: Vec<_> = rows
        .into_iter()
        .map(|row| match row.work {
            Work::SlotFreed { specialist } => specialist,
            other => panic!("{other:?}"),
        })
        .collect();
    woken.sort_unstable();
    woken
}

#[tokio::test]
async fn hours_and_people_that_change_wake_those_who_wait() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let specialist = service.specialist_id;
        let (day, now) = (date(2026, 6, 5), on_monday("09:00"));
        let change = async || {
            in_a_transaction(db, async |tx| {
                schedule_override::put(tx, specialist, day, Vec::new(), now).await
            })
            .await
            .unwrap();
            let put = woken(db).await;
            in_a_transaction(db, async |tx| schedule_override::delete(tx, specialist, day, now).await)
                .await
                .unwrap();
            let deleted = woken(db).await;
            let active = specialist::ActiveModel {
                active: Set(true),
                ..Default::default()
            };
            in_a_transaction(db, async |tx| specialist::change(tx, specialist, active, now).await)
                .await
                .unwrap();
            let changed = woken(db).await;
            let rules = schedule::ActiveModel {
                max_per_day: Set(None),
                ..Default::default()
            };
            in_a_transaction(db, async |tx| schedule::change(tx, specialist, rules, now).await)
                .await
                .unwrap();
            [put, deleted, changed, woken(db).await]
        };
        let nobody: [Vec<SpecialistId>; 4] = Default::default();
        assert_eq!(change().await, nobody, "nobody waits");
        store(db, [an_entry(&service, somebody(), 1)]).await;
        assert_eq!(change().await, [(); 4].map(|()| vec![specialist]));
    })
    .await;
}
