//! What becomes free goes to those who wait, in their order.

use crate::support::{book, booking, cancel, confirm, in_days};
use activities::{
    outbox::message::Message,
    testing::{
        database::Kind,
        people::{TestSpecialist, client, email_of},
        wait::until,
        world::World,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use entities::{follow_up, session, waitlist_entry, waitlist_offer};
use futures::future::join_all;
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use std::path::Path;
use temporalio_client::{
    WorkflowDescribeOptions, WorkflowFetchHistoryOptions, WorkflowGetResultOptions, WorkflowIdConflictPolicy,
    WorkflowUpdateWithStartOptions,
};
use temporalio_common::{HasWorkflowDefinition, UpdateDefinition};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId, WaitlistEntryId},
    sessions::{
        contract::{Answer, Book, Role, ServiceChoice, workflow_id},
        state::SessionState,
        workflow::SessionBooking,
    },
    time::Instant,
    waitlist::{
        contract::{self, CURRENT_FLOW, Join, Leave, Placed, Watch},
        error::WaitlistError,
        state::{EntryState, OfferState},
        workflow::Waitlist,
    },
};

/// Ten in the morning in UTC, in some days.
pub fn morning(days: i64) -> Instant {
    let day = in_days(days).unix_seconds().div_euclid(86_400);
    Instant::from_unix_seconds(day * 86_400 + 10 * 3_600)
}

fn soon() -> Instant {
    Instant::new(Timestamp::now()).plus_minutes(2)
}

/// Somebody who works from ten on, so many sessions of an hour a day.
pub async fn specialist(world: &World, n_a_day: i64) -> TestSpecialist {
    let hours = format!("10:00-{}:00", 10 + n_a_day);
    world.specialist().open(&hours).sessions(60, 60).create().await
}

/// Wait for any start of the day of `start`.
fn wish(client: UserId, start: Instant) -> Join {
    Join {
        entry: WaitlistEntryId(Uuid::now_v7()),
        client,
        service: ServiceChoice::Minutes(60),
        from: start.plus_minutes(-60),
        to: start.plus_minutes(600),
        earliest_minute: None,
        latest_minute: None,
        time_zone: None,
        not_after: soon(),
        request_id: None,
    }
}

/// Give the list a command, as the HTTP layer does: its run is started where none runs.
async fn give<U>(world: &World, specialist: &TestSpecialist, update: U, command: U::Input) -> Placed
where
    U: UpdateDefinition<Workflow = <Waitlist as HasWorkflowDefinition>::Run, Output = Placed>,
    U::Input: Send,
{
    let id = contract::workflow_id(specialist.id);
    let options = WorkflowUpdateWithStartOptions::new(&world.queue, id, WorkflowIdConflictPolicy::UseExisting)
        .update_id(Uuid::new_v4().to_string())
        .build();
    let watch = Watch::new(specialist.id);
    world
        .engine
        .execute_update_with_start_workflow(Waitlist::run, watch, update, command, options)
        .await
        .unwrap()
}

async fn join(world: &World, specialist: &TestSpecialist, command: Join) -> Placed {
    give(world, specialist, Waitlist::join, command).await
}

pub async fn leave(world: &World, specialist: &TestSpecialist, entry: &waitlist_entry::Model) -> Placed {
    let command = Leave {
        entry: entry.id,
        client: entry.client_id,
        not_after: soon(),
        request_id: None,
    };
    give(world, specialist, Waitlist::leave, command).await
}

/// Somebody who waits from then on.
pub async fn waiter(world: &World, specialist: &TestSpecialist, start: Instant) -> WaitlistEntryId {
    let user = client(&world.database.db, &[]).await;
    match join(world, specialist, wish(user, start)).await {
        Placed::Done(entry) => entry,
        Placed::Refused(error) => panic!("{error}"),
    }
}

/// Somebody who has the slot.
pub async fn taker(world: &World, specialist: &TestSpecialist, start: Instant) -> SessionId {
    let user = client(&world.database.db, &[]).await;
    let wanted = booking(user, "k", specialist.id, start);
    let session = wanted.session;
    let answer = book(world, wanted).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    session
}

pub async fn entry(world: &World, id: WaitlistEntryId) -> waitlist_entry::Model {
    waitlist_entry::by_id(world.database.db.reader(), id)
        .await
        .unwrap()
        .unwrap()
}

pub async fn until_entry(world: &World, id: WaitlistEntryId, status: EntryState) -> waitlist_entry::Model {
    until(&format!("{id} is {status:?}"), async || {
        Some(entry(world, id).await).filter(|entry| entry.status == status)
    })
    .await
}

/// The offers that an entry has had, oldest first.
async fn offers(world: &World, id: WaitlistEntryId) -> Vec<waitlist_offer::Model> {
    waitlist_offer::Entity::find()
        .filter(waitlist_offer::Column::EntryId.eq(id))
        .order_by_asc(waitlist_offer::Column::CreatedAt)
        .all(world.database.db.reader())
        .await
        .unwrap()
}

pub async fn until_offered(world: &World, id: WaitlistEntryId) -> waitlist_offer::Model {
    until_entry(world, id, EntryState::Offered).await;
    let offer = offers(world, id).await.pop().unwrap();
    until("the session of the offer has a run", async || {
        let run = world
            .engine
            .get_workflow_handle::<SessionBooking>(workflow_id(offer.session_id));
        run.describe(WorkflowDescribeOptions::default()).await.ok()
    })
    .await;
    offer
}

/// Nothing that became free is still to be told.
async fn until_told(world: &World) {
    until("no follow-up is left", async || {
        let left = follow_up::Entity::find().one(world.database.db.reader()).await.unwrap();
        left.is_none().then_some(())
    })
    .await;
}

fn is_offer(mail: &Message) -> bool {
    mail.message_id.as_deref().is_some_and(|id| id.starts_with("<offer."))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_list_from_the_first_who_waits_to_the_last_who_leaves() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 1).await;
        let start = morning(3);
        let taken = taker(&world, &specialist, start).await;
        let first = waiter(&world, &specialist, start).await;
        let second = waiter(&world, &specialist, start).await;
        assert_eq!(
            entry(&world, first).await.status,
            EntryState::Waiting,
            "nothing is free"
        );

        cancel(&world, taken, Role::Client).await;
        let offer = until_offered(&world, first).await;
        assert_eq!(offer.starts_at, start);
        let row = world.row(offer.session_id).await.unwrap();
        assert_eq!(
            (row.status, row.hold_expires_at),
            (SessionState::Held, Some(offer.expires_at))
        );
        assert_eq!(offer.expires_at, offer.created_at.plus_minutes(60));
        let who = entry(&world, first).await.client_id;
        let mail = world.mail(&email_of(who), is_offer).await;
        assert!(mail.text.unwrap().contains("https://api.aroti.test/api/offers/"));
        world.until_event(offer.session_id, "offer_mail:sent", 1).await;
        assert_eq!(
            entry(&world, second).await.status,
            EntryState::Waiting,
            "one slot, one offer"
        );

        // Not answered in time: it goes to the next, and not back.
        world.skip(offer.session_id, None).await;
        let next = until_offered(&world, second).await;
        assert_eq!(next.starts_at, start);
        assert_eq!(offers(&world, first).await[0].status, OfferState::Lapsed);
        assert_eq!(entry(&world, first).await.status, EntryState::Waiting, "one may lapse");
        world.until_status(offer.session_id, SessionState::Expired).await;

        // Declined: nobody is left who was not offered it, so anybody can book it.
        world.until_event(next.session_id, "offer_mail:sent", 1).await;
        cancel(&world, next.session_id, Role::Client).await;
        until_entry(&world, second, EntryState::Waiting).await;
        assert_eq!(offers(&world, second).await[0].status, OfferState::Declined);
        until_told(&world).await;
        let again = taker(&world, &specialist, start).await;
        world.until_status(again, SessionState::Confirmed).await;
        assert_eq!(
            (offers(&world, first).await.len(), offers(&world, second).await.len()),
            (1, 1)
        );

        for id in [first, second] {
            let answer = leave(&world, &specialist, &entry(&world, id).await).await;
            assert_eq!(answer, Placed::Done(id));
            assert_eq!(entry(&world, id).await.status, EntryState::Closed);
        }
        record(&world, &specialist, "offered_to_left").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_who_wait_the_first_three_get_the_three_slots_that_become_free_at_once() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 3).await;
        let start = morning(3);
        let mut taken = Vec::new();
        for hour in 0..3 {
            taken.push(taker(&world, &specialist, start.plus_minutes(60 * hour)).await);
        }
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(waiter(&world, &specialist, start).await);
        }
        join_all(
            taken
                .into_iter()
                .map(|session| cancel(&world, session, Role::Specialist)),
        )
        .await;
        let mut starts = Vec::new();
        for first in &waiting[..3] {
            starts.push(until_offered(&world, *first).await.starts_at);
        }
        until_told(&world).await;
        starts.sort_unstable();
        assert_eq!(
            starts,
            [0, 60, 120].map(|minutes| start.plus_minutes(minutes)),
            "{kind}"
        );
        // One of them takes it, one declines: that one goes to the fourth, and to nobody else.
        let accepted = offers(&world, waiting[0]).await.remove(0);
        assert!(matches!(confirm(&world, accepted.session_id).await, Answer::Done(_)));
        assert_eq!(entry(&world, waiting[0]).await.status, EntryState::Accepted);
        let declined = offers(&world, waiting[1]).await.remove(0);
        cancel(&world, declined.session_id, Role::Client).await;
        let fourth = until_offered(&world, waiting[3]).await;
        assert_eq!(fourth.starts_at, declined.starts_at);
        until_told(&world).await;
        let all = waitlist_offer::Entity::find()
            .all(world.database.db.reader())
            .await
            .unwrap();
        assert_eq!(all.len(), 4, "{kind}");
        world.until_status(accepted.session_id, SessionState::Confirmed).await;
        world
            .until_event(accepted.session_id, "confirmation_mail:sent", 2)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_offered_what_they_cannot_book() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 1).await;
        let elsewhere = world.specialist().create().await;
        let start = morning(3);
        let taken = taker(&world, &specialist, start).await;
        // Elsewhere at that hour; at another time of day; in another zone at another time of day.
        let busy = waiter(&world, &specialist, start).await;
        let who = entry(&world, busy).await.client_id;
        book(&world, booking(who, "busy", elsewhere.id, start.plus_minutes(-30))).await;
        let late = wish(client(&world.database.db, &[]).await, start);
        let late = Join {
            earliest_minute: Some(10 * 60 + 1),
            ..late
        };
        let far = wish(client(&world.database.db, &[]).await, start);
        let far = Join {
            earliest_minute: Some(9 * 60),
            latest_minute: Some(11 * 60),
            time_zone: Some("Asia/Kathmandu".to_owned()),
            ..far
        };
        let mut skipped = vec![busy];
        for command in [late, far] {
            skipped.push(command.entry);
            assert!(matches!(join(&world, &specialist, command).await, Placed::Done(_)));
        }
        let able = waiter(&world, &specialist, start).await;
        cancel(&world, taken, Role::Client).await;
        until_offered(&world, able).await;
        for id in skipped {
            assert_eq!(entry(&world, id).await.status, EntryState::Waiting, "{kind}");
            assert!(offers(&world, id).await.is_empty(), "{kind}");
        }
        // Their own offers take nothing from the slots that they may hold themselves.
        let n = session::count_holds(
            world.database.db.reader(),
            entry(&world, able).await.client_id,
            Instant::new(Timestamp::now()),
        );
        assert_eq!(n.await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_books_first_is_not_offered() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 1).await;
        let start = morning(3);
        let holder = client(&world.database.db, &[]).await;
        let hold = Book {
            hold: true,
            ..booking(holder, "k", specialist.id, start)
        };
        let held = hold.session;
        book(&world, hold).await;
        let waits = waiter(&world, &specialist, start).await;
        // The hold's time is over, and nobody has noticed but the one who books.
        let over = session::ActiveModel {
            hold_expires_at: Set(Some(Instant::new(Timestamp::now()).plus_minutes(-1))),
            ..Default::default()
        };
        let tx = world.database.db.begin_write().await.unwrap();
        session::change(&tx, held, over, 0, soon()).await.unwrap();
        tx.commit().await.unwrap();
        let faster = taker(&world, &specialist, start).await;
        assert_eq!(
            world.row(held).await.unwrap().status,
            SessionState::Expired,
            "its end was a slot freed"
        );
        until_told(&world).await;
        // The next time that it is free it is offered: as the first that ever was.
        cancel(&world, faster, Role::Client).await;
        let offer = until_offered(&world, waits).await;
        assert_eq!(offers(&world, waits).await.len(), 1, "{kind}");
        assert!(
            world.row(faster).await.unwrap().updated_at <= offer.created_at,
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_gives_back_what_was_offered_and_who_lets_two_lapse_is_out() {
    let world = World::new(Kind::Postgres).await;
    let specialist = specialist(&world, 1).await;
    let (start, other) = (morning(3), morning(4));
    let taken = taker(&world, &specialist, start).await;
    let taken_too = taker(&world, &specialist, other).await;
    let first = waiter(&world, &specialist, start).await;
    let user = client(&world.database.db, &[]).await;
    let second = Join {
        to: other.plus_minutes(60),
        ..wish(user, start)
    };
    let second_entry = second.entry;
    assert_eq!(
        join(&world, &specialist, second.clone()).await,
        Placed::Done(second_entry)
    );
    let again = Join {
        entry: WaitlistEntryId(Uuid::now_v7()),
        ..second.clone()
    };
    assert_eq!(
        join(&world, &specialist, again.clone()).await,
        Placed::Done(second_entry),
        "the same place"
    );
    let wider = Join {
        from: start.plus_minutes(-120),
        ..again
    };
    assert_eq!(
        join(&world, &specialist, wider).await,
        Placed::Refused(WaitlistError::AlreadyWaiting)
    );

    cancel(&world, taken, Role::Client).await;
    let offer = until_offered(&world, first).await;
    let answer = leave(&world, &specialist, &entry(&world, first).await).await;
    assert_eq!(answer, Placed::Done(first));
    assert_eq!(offers(&world, first).await[0].status, OfferState::Withdrawn);
    let row = world.row(offer.session_id).await.unwrap();
    assert_eq!(row.status, SessionState::Cancelled);
    let lapses = until_offered(&world, second_entry).await;
    until("the run of the session that was given back ends", async || {
        world.row(offer.session_id).await?.closed_at
    })
    .await;
    assert_eq!(
        leave(&world, &specialist, &entry(&world, first).await).await,
        Placed::Done(first),
        "leaving twice answers the same"
    );

    world.skip(lapses.session_id, None).await;
    until_entry(&world, second_entry, EntryState::Waiting).await;
    cancel(&world, taken_too, Role::Client).await;
    let lapses_again = until_offered(&world, second_entry).await;
    assert_eq!(lapses_again.starts_at, other);
    world.skip(lapses_again.session_id, None).await;
    until_entry(&world, second_entry, EntryState::Closed).await;
    // Nobody waits, so the list's run ends.
    let run = world
        .engine
        .get_workflow_handle::<Waitlist>(contract::workflow_id(specialist.id));
    run.get_result(WorkflowGetResultOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_is_over_ends_the_wait_and_a_client_waits_in_ten_lines_at_most() {
    let world = World::new(Kind::Sqlite).await;
    let specialist = specialist(&world, 1).await;
    let start = morning(2);
    taker(&world, &specialist, start).await;
    let user = client(&world.database.db, &[]).await;
    let command = wish(user, start);
    let waits = command.entry;
    join(&world, &specialist, command).await;
    for n in 0..10 {
        let other = world.specialist().open("10:00-11:00").sessions(60, 60).create().await;
        taker(&world, &other, start).await;
        let answer = join(&world, &other, wish(user, start)).await;
        match n {
            9 => assert_eq!(answer, Placed::Refused(WaitlistError::Limit)),
            _ => assert!(matches!(answer, Placed::Done(_)), "{n}: {answer:?}"),
        }
    }
    activities::testing::engine::skip(&world.engine, &contract::workflow_id(specialist.id), None).await;
    until_entry(&world, waits, EntryState::Closed).await;
    let run = world
        .engine
        .get_workflow_handle::<Waitlist>(contract::workflow_id(specialist.id));
    run.get_result(WorkflowGetResultOptions::default()).await.unwrap();
}

/// Wait for the end of the list's run, see that its history names nobody, and keep it if that is wanted.
async fn record(world: &World, specialist: &TestSpecialist, name: &str) {
    let run = world
        .engine
        .get_workflow_handle::<Waitlist>(contract::workflow_id(specialist.id));
    run.get_result(WorkflowGetResultOptions::default()).await.unwrap();
    let history = run
        .fetch_history(WorkflowFetchHistoryOptions::default())
        .to_json()
        .await
        .unwrap();
    let text = String::from_utf8(history).unwrap();
    for personal in ["clients.test", "Test Client", "Test Specialist", "/api/offers/"] {
        let encoded = STANDARD.encode(personal);
        assert!(
            !text.contains(personal) && !text.contains(encoded.trim_end_matches('=')),
            "{personal} in a history"
        );
    }
    if let Ok(folder) = std::env::var("RECORD_HISTORIES") {
        let file = Path::new(&folder).join(format!("waitlist{CURRENT_FLOW}_{name}.json"));
        std::fs::write(file, text).unwrap();
    }
}
