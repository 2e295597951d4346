//! Those who wait: who is woken by what, and what was offered to them.

use crate::support::{
    a_session, in_a_transaction, on_both, on_monday, refused_by, somebody, somebody_with_a_service, store,
};
use entities::{
    db::Db,
    follow_up::{self, Work},
    schedule, schedule_override, service, session, specialist, waitlist_entry, waitlist_offer,
};
use jiff::civil::date;
use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;
use workflows::{
    ids::{OfferId, ServiceId, SpecialistId, UserId, WaitlistEntryId},
    sessions::state::SessionState,
    waitlist::{
        rules::UNTOLD_REST_MINUTES,
        state::{EntryState, OfferState},
    },
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

/// An offer of that session, which nobody was told of; nothing is stored.
fn an_offer(entry: &waitlist_entry::Model, session: &session::Model, status: OfferState) -> waitlist_offer::Model {
    waitlist_offer::Model {
        id: OfferId(Uuid::new_v4()),
        entry_id: entry.id,
        specialist_id: entry.specialist_id,
        session_id: session.id,
        starts_at: session.starts_at,
        expires_at: on_monday("07:00"),
        status,
        created_at: on_monday("06:00"),
        announced_at: None,
        ended_at: (status != OfferState::Offered).then_some(on_monday("07:00")),
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
        .filter_map(|row| match row.work {
            Work::SlotFreed { specialist } => Some(specialist),
            // Copies of how they are presented are dropped as well: no list is looked at for that.
            Work::SpecialistChanged { .. } => None,
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

#[tokio::test]
async fn a_client_who_is_free_again_wakes_each_list_in_which_they_wait_once() {
    on_both(async |db| {
        let (who, now) = (somebody(), on_monday("09:00"));
        let mut specialists = Vec::new();
        for n in 0..3 {
            let service = somebody_with_a_service(db).await;
            let other = service::Model {
                id: ServiceId(Uuid::now_v7()),
                position: 1,
                ..service.clone()
            };
            store(db, [other.clone()]).await;
            // For both services of the first and the second; the third is waited for no more.
            let status = if n == 2 {
                EntryState::Closed
            } else {
                EntryState::Waiting
            };
            let places = [
                waitlist_entry::Model {
                    status,
                    ..an_entry(&service, who, 1)
                },
                waitlist_entry::Model {
                    status,
                    ..an_entry(&other, who, 2)
                },
                an_entry(&service, somebody(), 3),
            ];
            store(db, places).await;
            specialists.push(service.specialist_id);
        }
        specialists[..2].sort_unstable();
        for (woken_anyway, expected) in [(None, &specialists[..2]), (Some(specialists[0]), &specialists[1..2])] {
            in_a_transaction(db, async |tx| {
                waitlist_entry::client_freed(tx, who, woken_anyway, now).await
            })
            .await
            .unwrap();
            assert_eq!(woken(db).await, expected);
        }
        in_a_transaction(db, async |tx| {
            waitlist_entry::client_freed(tx, somebody(), None, now).await
        })
        .await
        .unwrap();
        assert_eq!(woken(db).await, []);
    })
    .await;
}

#[tokio::test]
async fn offers_to_attend_come_oldest_first_and_some_at_a_time() {
    on_both(async |db| {
        let (service, elsewhere) = (somebody_with_a_service(db).await, somebody_with_a_service(db).await);
        let mut expected = Vec::new();
        let mut starts_at = on_monday("08:00");
        for (service, status, announced, closed, is_listed) in [
            (&service, OfferState::Offered, false, false, true),
            (&service, OfferState::Offered, true, false, false),
            (&service, OfferState::Accepted, true, false, false),
            (&service, OfferState::Withdrawn, true, false, true),
            (&service, OfferState::Withdrawn, true, true, false),
            (&service, OfferState::Lapsed, false, false, true),
            (&service, OfferState::Lapsed, false, true, false),
            (&service, OfferState::Declined, false, false, true),
            (&elsewhere, OfferState::Offered, false, false, false),
            (&service, OfferState::Offered, false, false, true),
        ] {
            let ends_at = starts_at.plus_minutes(60);
            let entry = an_entry(service, somebody(), starts_at.unix_seconds());
            let session = session::Model {
                closed_at: closed.then_some(on_monday("07:30")),
                ..a_session(service, entry.client_id, starts_at, ends_at)
            };
            let offer = waitlist_offer::Model {
                created_at: on_monday(if status == OfferState::Lapsed { "05:59" } else { "06:00" }),
                announced_at: announced.then_some(on_monday("06:01")),
                ..an_offer(&entry, &session, status)
            };
            store(db, [entry]).await;
            store(db, [session]).await;
            store(db, [offer.clone()]).await;
            if is_listed {
                expected.push(offer);
            }
            starts_at = ends_at;
        }
        // Most were made at one instant.
        expected.sort_unstable_by_key(|offer| (offer.created_at, offer.id));
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = waitlist_offer::to_attend(db.reader(), service.specialist_id, after, 2)
                .await
                .unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            found.extend(page);
        }
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn a_start_is_offered_again_only_to_who_was_not_told() {
    on_both(async |db| {
        for (told, status, again) in [
            (false, OfferState::Lapsed, true),
            (true, OfferState::Lapsed, false),
            (false, OfferState::Declined, false),
            (true, OfferState::Declined, false),
        ] {
            let service = somebody_with_a_service(db).await;
            let entry = an_entry(&service, somebody(), 1);
            let starts_at = on_monday("08:00");
            let [first, second] = [SessionState::Expired, SessionState::Confirmed].map(|status| session::Model {
                status,
                ..a_session(&service, entry.client_id, starts_at, starts_at.plus_minutes(60))
            });
            let before = an_offer(&entry, &first, OfferState::Offered);
            let offer = an_offer(&entry, &second, OfferState::Offered);
            store(db, [entry]).await;
            store(db, [first, second]).await;
            store(db, [before.clone()]).await;
            let ended = on_monday("07:00");
            in_a_transaction(db, async |tx| {
                if told {
                    waitlist_offer::announced(tx, before.id, on_monday("06:30")).await?;
                }
                waitlist_offer::end(tx, before.session_id, status, ended).await?;
                // Too late.
                waitlist_offer::announced(tx, before.id, ended).await
            })
            .await
            .unwrap();
            let excluded = async |now| {
                waitlist_offer::starts_of(db.reader(), before.entry_id, now)
                    .await
                    .unwrap()
            };
            let rested = ended.plus_minutes(UNTOLD_REST_MINUTES);
            assert_eq!(excluded(rested.plus_minutes(-1)).await, [starts_at]);
            assert_eq!(excluded(rested).await.is_empty(), again, "{told} {status:?}");
            let result = in_a_transaction(db, async |tx| waitlist_offer::insert(tx, offer).await).await;
            let expected = if again {
                Ok(())
            } else {
                refused_by("waitlist_offer_start")
            };
            assert_eq!(result, expected, "{told} {status:?}");
        }
    })
    .await;
}
