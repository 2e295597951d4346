//! What becomes free goes to those who wait, in their order.

use crate::support::{book, booking, cancel, confirm, decline, in_days, reschedule};
use activities::{
    outbox::message::Message,
    testing::{
        database::Kind,
        people::{TestSpecialist, client, day_off, email_of},
        wait::until,
        world::World,
    },
};
use entities::{db::lock_specialist, follow_up, schedule_override, session, waitlist_entry, waitlist_offer};
use futures::future::join_all;
use jiff::{Timestamp, tz::TimeZone};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use temporalio_client::{
    WorkflowDescribeOptions, WorkflowGetResultOptions, WorkflowIdConflictPolicy, WorkflowUpdateWithStartOptions,
};
use temporalio_common::{HasWorkflowDefinition, UpdateDefinition};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId, WaitlistEntryId},
    sessions::{
        contract::{Answer, Book, Role, ServiceChoice, workflow_id},
        error::SessionError,
        state::SessionState,
        workflow::SessionBooking,
    },
    slots::schedule::Window,
    time::Instant,
    waitlist::{
        contract::{self, Join, Leave, Placed, Watch},
        error::WaitlistError,
        rules::UNTOLD_REST_MINUTES,
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
    waiter_is(world, specialist, start, user).await
}

/// The same of somebody in particular.
pub async fn waiter_is(world: &World, specialist: &TestSpecialist, start: Instant, user: UserId) -> WaitlistEntryId {
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
pub async fn offers(world: &World, id: WaitlistEntryId) -> Vec<waitlist_offer::Model> {
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
        let run = world
            .engine
            .get_workflow_handle::<Waitlist>(contract::workflow_id(specialist.id));
        run.get_result(WorkflowGetResultOptions::default()).await.unwrap();
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
        assert!(offers(&world, waits).await.is_empty(), "{kind}");
        // The next time that it is free it is offered: as the first that ever was. When, the two runs' clocks cannot tell:
        // a look that began before the cancel may find what the cancel freed.
        cancel(&world, faster, Role::Client).await;
        until_offered(&world, waits).await;
        assert_eq!(offers(&world, waits).await.len(), 1, "{kind}");
        assert_eq!(
            world.row(faster).await.unwrap().status,
            SessionState::Cancelled,
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

    world.until_event(lapses.session_id, "offer_mail:sent", 1).await;
    world.skip(lapses.session_id, None).await;
    until_entry(&world, second_entry, EntryState::Waiting).await;
    cancel(&world, taken_too, Role::Client).await;
    let lapses_again = until_offered(&world, second_entry).await;
    assert_eq!(lapses_again.starts_at, other);
    world.until_event(lapses_again.session_id, "offer_mail:sent", 1).await;
    world.skip(lapses_again.session_id, None).await;
    until_entry(&world, second_entry, EntryState::Closed).await;
    // Who comes back has not let fewer lapse.
    let back = Join {
        entry: WaitlistEntryId(Uuid::now_v7()),
        ..second
    };
    let third_entry = back.entry;
    assert_eq!(join(&world, &specialist, back).await, Placed::Done(third_entry));
    let lapses_once_more = until_offered(&world, third_entry).await;
    world
        .until_event(lapses_once_more.session_id, "offer_mail:sent", 1)
        .await;
    world.skip(lapses_once_more.session_id, None).await;
    until_entry(&world, third_entry, EntryState::Closed).await;
    // Nobody waits, so the list's run ends.
    let run = world
        .engine
        .get_workflow_handle::<Waitlist>(contract::workflow_id(specialist.id));
    run.get_result(WorkflowGetResultOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn declining_never_ends_what_was_taken() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 2).await;
        let (taken, declined) = (
            waiter(&world, &specialist, morning(3)).await,
            waiter(&world, &specialist, morning(3)).await,
        );
        let offer = until_offered(&world, taken).await;
        assert!(matches!(confirm(&world, offer.session_id).await, Answer::Done(_)));
        // Both answers were on their way, and this one comes second.
        assert_eq!(
            decline(&world, offer.session_id).await,
            Answer::Refused(SessionError::WrongState {
                state: SessionState::Confirmed
            }),
            "{kind}"
        );
        world.until_status(offer.session_id, SessionState::Confirmed).await;
        assert_eq!(offers(&world, taken).await[0].status, OfferState::Accepted, "{kind}");

        let offer = until_offered(&world, declined).await;
        let answer = decline(&world, offer.session_id).await;
        assert!(matches!(answer, Answer::Done(_)), "{kind}: {answer:?}");
        assert_eq!(offers(&world, declined).await[0].status, OfferState::Declined, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_is_moved_by_nobody() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 2).await;
        let start = morning(3);
        let waits = waiter(&world, &specialist, start).await;
        let offer = until_offered(&world, waits).await;
        for role in [Role::Specialist, Role::Client] {
            assert_eq!(
                reschedule(&world, offer.session_id, role, start.plus_minutes(60)).await,
                Answer::Refused(SessionError::WrongState {
                    state: SessionState::Held
                }),
                "{kind}: {role:?}"
            );
        }
        assert_eq!(world.row(offer.session_id).await.unwrap().starts_at, offer.starts_at);
        // Taken, it is a session like every other.
        assert!(matches!(confirm(&world, offer.session_id).await, Answer::Done(_)));
        let moved = reschedule(&world, offer.session_id, Role::Specialist, start.plus_minutes(60)).await;
        assert!(matches!(moved, Answer::Done(_)), "{kind}: {moved:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_zone_named_when_joining_is_that_of_the_session() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world
            .specialist()
            .zone("Europe/Lisbon")
            .open("10:00-12:00")
            .sessions(60, 60)
            .create()
            .await;
        for (named, expected) in [(Some("Asia/Kathmandu"), "Asia/Kathmandu"), (None, "Europe/Lisbon")] {
            let command = Join {
                time_zone: named.map(str::to_owned),
                ..wish(client(&world.database.db, &[]).await, morning(3))
            };
            let waits = command.entry;
            assert_eq!(join(&world, &specialist, command).await, Placed::Done(waits));
            let offer = until_offered(&world, waits).await;
            let row = world.row(offer.session_id).await.unwrap();
            assert_eq!(row.time_zone, expected, "{kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_opened_is_offered() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 1).await;
        let start = morning(3);
        let day = start.timestamp().to_zoned(TimeZone::UTC).date();
        day_off(&world.database.db, specialist.id, day).await;
        // Behind the one whose day is closed, so that they were passed over when this one has an offer.
        let waits = waiter(&world, &specialist, start).await;
        let other = waiter(&world, &specialist, morning(4)).await;
        until_offered(&world, other).await;
        assert_eq!(entry(&world, waits).await.status, EntryState::Waiting, "{kind}");

        let hours = vec![Window::new("10:00".parse().unwrap(), "11:00".parse().unwrap()).unwrap()];
        let tx = world.database.db.begin_write().await.unwrap();
        lock_specialist(&tx, specialist.id).await.unwrap();
        schedule_override::put(&tx, specialist.id, day, hours, Instant::new(Timestamp::now()))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(until_offered(&world, waits).await.starts_at, start, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_busy_elsewhere_is_offered_what_is_free_once_they_are_not() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 1).await;
        let elsewhere = world.specialist().create().await;
        let start = morning(3);
        for moves in [false, true] {
            let who = client(&world.database.db, &[]).await;
            let own = booking(who, "own", elsewhere.id, start.plus_minutes(30));
            let in_the_way = own.session;
            assert!(matches!(book(&world, own).await, Answer::Done(_)));
            let command = wish(who, start);
            let waits = command.entry;
            assert_eq!(join(&world, &specialist, command).await, Placed::Done(waits));
            // Behind them in line, so that they were passed over when this one has an offer.
            let behind = waiter(&world, &specialist, morning(4)).await;
            let other = until_offered(&world, behind).await;
            assert_eq!(entry(&world, waits).await.status, EntryState::Waiting, "{kind}");
            until_told(&world).await;

            if moves {
                let moved = reschedule(&world, in_the_way, Role::Specialist, start.plus_minutes(120)).await;
                assert!(matches!(moved, Answer::Done(_)), "{kind}: {moved:?}");
            } else {
                cancel(&world, in_the_way, Role::Client).await;
            }
            let offer = until_offered(&world, waits).await;
            assert_eq!(offer.starts_at, start, "{kind}");
            for session in [offer.session_id, other.session_id] {
                cancel(&world, session, Role::Client).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_was_told_of_costs_nobody_the_place() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = specialist(&world, 1).await;
        let (start, other) = (morning(3), morning(4));
        let user = client(&world.database.db, &[]).await;
        // Their mail server is away, for as long as this takes.
        world.outbox.fail_to(&email_of(user), 451, 1_000_000);
        let command = Join {
            to: other.plus_minutes(60),
            ..wish(user, start)
        };
        let waits = command.entry;
        assert_eq!(join(&world, &specialist, command).await, Placed::Done(waits));
        for (n, expected) in [start, other].into_iter().enumerate() {
            let offer = until("the next offer", async || {
                offers(&world, waits).await.into_iter().nth(n)
            })
            .await;
            assert_eq!(offer.starts_at, expected, "{kind}: another start meanwhile");
            let offer = until_offered(&world, waits).await;
            world.skip(offer.session_id, None).await;
            // The next attempt finds that it has lapsed, and that does not count as having been told.
            world.until_event(offer.session_id, "offer_mail:dropped", 1).await;
        }
        until_entry(&world, waits, EntryState::Waiting).await;
        let offers = offers(&world, waits).await;
        assert_eq!(offers.len(), 2, "{kind}");
        assert!(
            offers
                .iter()
                .all(|offer| offer.status == OfferState::Lapsed && offer.announced_at.is_none()),
            "{kind}: {offers:?}"
        );
        // In a while they may be offered the same starts again; the schema's part of it is tested with the schema.
        let db = world.database.db.reader();
        let ended = offers.iter().filter_map(|offer| offer.ended_at).max().unwrap();
        let excluded = waitlist_offer::starts_of(db, waits, ended).await.unwrap();
        assert_eq!(excluded.len(), 2, "{kind}");
        let excluded = waitlist_offer::starts_of(db, waits, ended.plus_minutes(UNTOLD_REST_MINUTES)).await;
        assert_eq!(excluded.unwrap(), [], "{kind}");
        // And the list looks again by itself, when the first of them has rested.
        world.outbox.fail_to(&email_of(user), 451, 0);
        until_told(&world).await;
        until("the list is looked at since", async || {
            let id = contract::workflow_id(specialist.id);
            let ahead = Some(std::time::Duration::from_secs(6 * 3600));
            activities::testing::engine::try_skip(&world.engine, &id, ahead)
                .await
                .ok()
        })
        .await;
        let third = until("it is offered again", async || {
            self::offers(&world, waits).await.into_iter().nth(2)
        })
        .await;
        assert_eq!(third.starts_at, start, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_held_for_one_client_than_one_may_hold() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let user = client(&world.database.db, &[]).await;
        // One that they hold themselves, and two offers.
        let elsewhere = world.specialist().create().await;
        let hold = Book {
            hold: true,
            ..booking(user, "k", elsewhere.id, morning(9))
        };
        assert!(matches!(book(&world, hold).await, Answer::Done(_)));
        let mut offered = Vec::new();
        for days in [3, 4] {
            let specialist = specialist(&world, 1).await;
            let command = wish(user, morning(days));
            let waits = command.entry;
            assert_eq!(join(&world, &specialist, command).await, Placed::Done(waits));
            offered.push(until_offered(&world, waits).await);
        }
        let specialist = specialist(&world, 1).await;
        let command = wish(user, morning(5));
        let waits = command.entry;
        assert_eq!(join(&world, &specialist, command).await, Placed::Done(waits));
        // Behind them in line, so that they were passed over when this one has an offer.
        let behind = waiter(&world, &specialist, morning(5)).await;
        let other = until_offered(&world, behind).await;
        assert!(offers(&world, waits).await.is_empty(), "{kind}");

        cancel(&world, other.session_id, Role::Client).await;
        until_told(&world).await;
        assert_eq!(entry(&world, waits).await.status, EntryState::Waiting, "{kind}");
        // One of them confirmed is one less held.
        assert!(matches!(confirm(&world, offered[0].session_id).await, Answer::Done(_)));
        assert_eq!(until_offered(&world, waits).await.starts_at, morning(5), "{kind}");
    }
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
