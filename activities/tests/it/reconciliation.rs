//! The database and the engine do not agree, each in its turn restored to another hour; reconciliation brings them to.

use crate::{
    auditor::booked,
    busy_feeds,
    reminders::ahead,
    support::{booking, cancel, delete_account, in_days},
    waitlist, webhooks,
};
use activities::testing::{
    auditor::Auditor,
    database::Kind,
    engine::delete_history,
    faults::{Fault, Step},
    histories,
    identity::IdentityService,
    people::{TestSpecialist, client},
    wait::until,
    world::{Setup, World},
};
use entities::{
    audit::{self, Act, Actor},
    follow_up, session,
    session_event::{self, NewEvent},
    user, waitlist_entry,
};
use futures::TryStreamExt;
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use settings::Reach;
use std::time::Duration;
use temporalio_client::{
    WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowGetResultOptions, WorkflowHandle, WorkflowIdReusePolicy,
    WorkflowListOptions, WorkflowStartOptions, WorkflowTerminateOptions,
};
use uuid::Uuid;
use workflows::{
    accounts::{self, contract::Marked},
    ids::SessionId,
    reconciliation::{
        contract::{CURRENT_FLOW, Found, GRACE_MINUTES, Reconcile, schedule_id},
        workflow::Reconciliation,
    },
    sessions::{
        contract::{Role, workflow_id},
        state::SessionState,
        workflow::{SessionBooking, attributes},
    },
    time::Instant,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Have everything compared that has not changed for so many minutes; what was found.
pub async fn reconcile(world: &World, grace_minutes: u32) -> Found {
    let options = WorkflowStartOptions::new(&world.queue, schedule_id(&world.queue))
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .build();
    let input = Reconcile::new(grace_minutes);
    let run = world.engine.start_workflow(Reconciliation::run, input, options);
    let ended = run.await.unwrap().get_result(WorkflowGetResultOptions::default()).await;
    ended.unwrap()
}

/// Look at the history of the last reconciliation.
pub async fn look_at(world: &World, life: &str) {
    let id = schedule_id(&world.queue);
    let n = histories::one(world, life, "reconciliation", CURRENT_FLOW, &id).await;
    eprintln!("{life}: {n:?} events of {id}");
}

fn run_of(world: &World, id: &str) -> WorkflowHandle<temporalio_client::Client, SessionBooking> {
    world.engine.get_workflow_handle(id)
}

/// The engine was restored to an hour before the session was booked.
pub async fn lose(world: &World, session: SessionId) {
    end(world, &workflow_id(session)).await;
}

async fn end(world: &World, id: &str) {
    let run = run_of(world, id);
    run.terminate(WorkflowTerminateOptions::default()).await.unwrap();
    until(&format!("{id} is terminated"), async || {
        (status(world, id).await == Some(WorkflowExecutionStatus::Terminated)).then_some(())
    })
    .await;
    // The list, by which those without a run are found, hears of it later than who describes it.
    until(&format!("{id} is listed no more"), async || {
        let running = format!("ExecutionStatus = 'Running' AND WorkflowId = '{id}'");
        let listed = world.engine.list_workflows(running, WorkflowListOptions::default());
        listed.try_collect::<Vec<_>>().await.unwrap().is_empty().then_some(())
    })
    .await;
}

async fn status(world: &World, id: &str) -> Option<WorkflowExecutionStatus> {
    let described = run_of(world, id).describe(WorkflowDescribeOptions::default()).await;
    described.ok().map(|run| run.status())
}

async fn is_running(world: &World, id: &str) -> bool {
    status(world, id).await == Some(WorkflowExecutionStatus::Running)
}

async fn until_running(world: &World, id: &str) {
    until(&format!("{id} runs"), async || {
        is_running(world, id).await.then_some(())
    })
    .await;
}

/// Nothing that is to happen elsewhere is left.
async fn until_followed_up(world: &World) {
    until("all follow-ups are done", async || {
        let left = follow_up::Entity::find().one(world.database.db.reader()).await.unwrap();
        left.is_none().then_some(())
    })
    .await;
}

async fn run(world: &World, sql: &str) {
    let tx = world.database.db.begin_write().await.unwrap();
    let done = tx.execute_unprepared(sql).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
    tx.commit().await.unwrap();
}

/// A step has committed, and its run never heard of it.
async fn behind_its_back(
    world: &World,
    session: SessionId,
    (step, status, detail): (&str, &str, &str),
    columns: impl FnOnce(&session::Model) -> session::ActiveModel,
) {
    let now = Instant::new(Timestamp::now());
    let tx = world.database.db.begin_write().await.unwrap();
    let before = session::by_id(&tx, session).await.unwrap().unwrap();
    let after = session::change(&tx, session, columns(&before), 1, now).await.unwrap();
    let event = NewEvent {
        at: now,
        step: step.to_owned(),
        status: status.to_owned(),
        detail: Some(detail.to_owned()),
        key: format!("{step}:{status}"),
    };
    session_event::insert(&tx, session, after.event_seq - 1, vec![event])
        .await
        .unwrap();
    let act = Act {
        action: "session.cancel",
        target_kind: "session",
        target_id: session.to_string(),
        fields: &audit::changed_fields(&before, &after),
    };
    audit::record(&tx, &Actor::system(None), act, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn cancelled_behind_its_back(world: &World, session: SessionId) {
    behind_its_back(world, session, ("cancellation", "done", "by specialist"), |row| {
        session::ActiveModel {
            status: Set(SessionState::Cancelled),
            late_cancel: Set(Some(false)),
            sequence: Set(row.sequence + 1),
            ..Default::default()
        }
    })
    .await;
}

fn clean() -> Found {
    Found::default()
}

/// What did not agree, how much was looked at apart.
fn findings(found: Found) -> Found {
    Found { looked_at: 0, ..found }
}

/// So many sessions with a specialist of their own, two hours apart.
async fn sessions(world: &World, specialist: &TestSpecialist, n: i64) -> Vec<SessionId> {
    let mut sessions = Vec::new();
    for nth in 0..n {
        sessions.push(booked(world, specialist, in_days(3).plus_minutes(nth * 120), false).await);
    }
    for session in &sessions {
        world.until_event(*session, "confirmation_mail:sent", 2).await;
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_without_a_run_are_taken_over_from_their_rows() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world.specialist().create().await;
        let sessions = sessions(&world, &specialist, 4).await;
        let [kept, lost, forgotten, reminded] = sessions[..] else {
            panic!("four");
        };
        let held = booked(&world, &specialist, in_days(5), true).await;
        let over = booked(&world, &specialist, in_days(6), false).await;
        cancel(&world, over, Role::Client).await;
        world.until_event(over, "closed:done", 1).await;
        let reminded_at = world.row(reminded).await.unwrap().starts_at.plus_minutes(-1_400);
        world.skip(reminded, ahead(reminded_at)).await;
        world.until_event(reminded, "reminder_mail:sent", 1).await;

        for session in [lost, held] {
            lose(&world, session).await;
        }
        // Retention is over, or the engine is a new one.
        for session in [forgotten, reminded, over] {
            delete_history(&world.engine, &workflow_id(session)).await;
        }
        let found = reconcile(&world, 0).await;
        let wanted = Found {
            sessions_without_run: 4,
            ..clean()
        };
        assert_eq!(findings(found), wanted, "{kind:?}");
        assert!(6 <= found.looked_at, "{found:?}");
        for session in [kept, lost, forgotten, reminded, held] {
            assert!(is_running(&world, &workflow_id(session)).await, "{session}");
        }
        assert!(
            !is_running(&world, &workflow_id(over)).await,
            "what is closed stays closed"
        );
        assert!(
            reconcile(&world, 0).await.is_clean(),
            "a second look finds all in order"
        );

        // Nobody is written to again, and what is to come comes, once.
        world.skip(held, None).await;
        world.until_status(held, SessionState::Expired).await;
        for session in &sessions {
            world.skip(*session, None).await;
        }
        for session in &sessions {
            world.until_event(*session, "closed:done", 1).await;
            let timeline = world.timeline(*session).await;
            let n = |event: &str| timeline.iter().filter(|entry| *entry == event).count();
            assert_eq!(
                (n("reminder_mail:sent"), n("confirmation_mail:sent")),
                (2, 2),
                "{timeline:?}"
            );
        }
        let report = Auditor::new(&world).disturbed().ended(PATIENCE).await;
        report.assert_clean();
        assert_eq!(report.mails.get("reminder"), Some(&8), "{report}");
        let mut ids: Vec<_> = world
            .outbox
            .messages(None)
            .into_iter()
            .map(|mail| (mail.message_id, mail.to))
            .collect();
        ids.sort();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        assert!(reconcile(&world, 0).await.is_clean());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_fell_due_meanwhile_goes_at_once_and_once() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let session = sessions(&world, &specialist, 1).await[0];
    lose(&world, session).await;
    // As if it had said so for two days: the first one fell due an hour ago.
    let start = world.row(session).await.unwrap().starts_at;
    let offset = Instant::new(Timestamp::now()).until(start).as_secs() / 60 + 60;
    run(
        &world,
        &format!(
            "UPDATE session SET reminder_offsets = '[{offset}, 60]', updated_at = updated_at - interval '2 days'
             WHERE id = '{session}'"
        ),
    )
    .await;
    assert_eq!(reconcile(&world, 0).await.sessions_without_run, 1);
    world.until_event(session, "reminder_mail:sent", 1).await;
    lose(&world, session).await;
    assert_eq!(reconcile(&world, 0).await.sessions_without_run, 1);
    world.skip(session, None).await;
    world.until_event(session, "closed:done", 1).await;
    let timeline = world.timeline(session).await;
    let sent = timeline.iter().filter(|entry| *entry == "reminder_mail:sent").count();
    assert_eq!(sent, 2, "{timeline:?}");
    let reminders = world.outbox.messages(None).into_iter().filter(|mail| {
        let id = mail.message_id.as_deref().unwrap_or_default();
        id.contains("reminder")
    });
    assert_eq!(reminders.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_whose_row_says_otherwise_look_at_it() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world.specialist().create().await;
        let all = sessions(&world, &specialist, 5).await;
        let [kept, cancelled, closed, moved, gone] = all[..] else {
            panic!("five");
        };
        cancelled_behind_its_back(&world, cancelled).await;
        cancelled_behind_its_back(&world, closed).await;
        let tx = world.database.db.begin_write().await.unwrap();
        session::close(&tx, closed, Instant::new(Timestamp::now()))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let day = 24 * 60;
        behind_its_back(&world, moved, ("reschedule", "done", "elsewhere"), |row| {
            session::ActiveModel {
                starts_at: Set(row.starts_at.plus_minutes(day)),
                ends_at: Set(row.ends_at.plus_minutes(day)),
                blocks_from: Set(row.blocks_from.plus_minutes(day)),
                blocks_until: Set(row.blocks_until.plus_minutes(day)),
                sequence: Set(row.sequence + 1),
                ..Default::default()
            }
        })
        .await;
        // The database was restored to an hour before it was booked.
        run(
            &world,
            &format!("DELETE FROM session_event WHERE session_id = {}", literal(kind, gone)),
        )
        .await;
        run(
            &world,
            &format!("DELETE FROM session WHERE id = {}", literal(kind, gone)),
        )
        .await;

        let found = reconcile(&world, 0).await;
        let wanted = Found {
            runs_that_differ: 3,
            runs_without_session: 1,
            ..clean()
        };
        assert_eq!(findings(found), wanted, "{kind:?}");
        // Those who were not told are told, and nothing else happens.
        for session in [cancelled, closed] {
            world.until_event(session, "cancellation_mail:sent", 2).await;
            until("its run ends", async || {
                let ended = status(&world, &workflow_id(session)).await;
                (ended == Some(WorkflowExecutionStatus::Completed)).then_some(())
            })
            .await;
        }
        until("the run without a row ends", async || {
            let ended = status(&world, &workflow_id(gone)).await;
            (ended == Some(WorkflowExecutionStatus::Failed)).then_some(())
        })
        .await;
        world.until_event(moved, "confirmation_mail:sent", 4).await;
        let second = reconcile(&world, 0).await;
        assert!(second.is_clean(), "{second:?}");

        for session in [kept, moved] {
            assert!(is_running(&world, &workflow_id(session)).await);
            world.skip(session, None).await;
        }
        for session in [kept, moved] {
            world.until_event(session, "closed:done", 1).await;
            world.until_event(session, "reminder_mail:sent", 2).await;
        }
        // Each reminder of the session that was moved is that of its new start.
        let row = world.row(moved).await.unwrap();
        let times = world.times(moved, "reminder_mail:sent").await;
        for (at, offset) in times.iter().zip([1_440, 60]) {
            let due = row.starts_at.plus_minutes(-offset);
            assert!(due <= *at && *at < due.plus_minutes(10), "{at} is not {due}");
        }
        let acts = audit::Entity::find().filter(audit::Column::TargetKind.eq("workflow"));
        let acts = acts.count(world.database.db.reader()).await.unwrap();
        assert_eq!(acts, 4, "what was done is on record");
    }
}

/// An id as a statement of that database has it.
fn literal(kind: Kind, session: SessionId) -> String {
    match kind {
        Kind::Postgres => format!("'{session}'"),
        Kind::Sqlite => format!("X'{}'", session.0.simple()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_left_alone() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let session = booked(&world, &specialist, in_days(3), false).await;
    let cancelled = booked(&world, &specialist, in_days(4), false).await;
    world.until_event(session, "confirmation_mail:sent", 2).await;
    world.until_event(cancelled, "confirmation_mail:sent", 2).await;
    lose(&world, session).await;
    cancelled_behind_its_back(&world, cancelled).await;
    let found = reconcile(&world, GRACE_MINUTES).await;
    assert!(found.is_clean(), "it happened a moment ago: {found:?}");
    // Its row has been so for a day, and its run ended a moment ago: a mail of it may be under way.
    let yesterday = "updated_at = updated_at - interval '1 day'";
    run(
        &world,
        &format!("UPDATE session SET {yesterday} WHERE id = '{session}'"),
    )
    .await;
    let found = reconcile(&world, GRACE_MINUTES).await;
    assert!(found.is_clean(), "{found:?}");
    assert!(!is_running(&world, &workflow_id(session)).await);

    // A session that is being booked, for as long as that takes, has a run and no row.
    let busy = World::new(Kind::Postgres).await;
    let specialist = busy.specialist().create().await;
    let step = Step {
        name: "sessions.reserve".to_owned(),
        before: 0,
    };
    busy.faults.plan(step, Fault::Fails(6));
    let user = client(&busy.database.db, &[60]).await;
    let wanted = booking(user, "k", specialist.id, in_days(3));
    let session = wanted.session;
    let options = WorkflowStartOptions::new(&busy.queue, workflow_id(session))
        .search_attributes(attributes(&wanted))
        .build();
    busy.engine
        .start_workflow(SessionBooking::run, wanted, options)
        .await
        .unwrap();
    let found = reconcile(&busy, GRACE_MINUTES).await;
    assert!(found.is_clean(), "{found:?}");
    // Even one that is told too early comes to its session.
    until("its run is listed", async || {
        let found = reconcile(&busy, 0).await;
        assert_eq!(found.sessions_without_run, 0, "{found:?}");
        (found.runs_without_session == 1 || busy.row(session).await.is_some()).then_some(())
    })
    .await;
    busy.until_event(session, "confirmation_mail:sent", 2).await;
    assert!(is_running(&busy, &workflow_id(session)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_late_does_no_harm() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let session = sessions(&world, &specialist, 1).await[0];
    lose(&world, session).await;
    // It runs, and the list does not know: it asks for the runs of our queue.
    let user = client(&world.database.db, &[]).await;
    let mut other = booking(user, "k", specialist.id, in_days(3));
    other.session = session;
    let elsewhere = format!("{}-elsewhere", world.queue);
    let options = WorkflowStartOptions::new(&elsewhere, workflow_id(session))
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .build();
    let started = world
        .engine
        .start_workflow(SessionBooking::run, other, options)
        .await
        .unwrap();
    let found = reconcile(&world, 0).await;
    assert!(found.is_clean(), "a description decides: {found:?}");
    started.terminate(WorkflowTerminateOptions::default()).await.unwrap();
    assert_eq!(reconcile(&world, 0).await.sessions_without_run, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn waitlists_calendars_webhooks_and_deletions_begin_anew() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let identity = IdentityService::start().await;
        let setup = Setup {
            reach: Reach::Everywhere,
            identity: Some(identity.realm.clone()),
            ..Default::default()
        };
        let world = World::with(kind, setup).await;
        let db = &world.database.db;
        // Somebody waits.
        let (specialist, start) = (waitlist::specialist(&world, 1).await, waitlist::morning(3));
        let taken = waitlist::taker(&world, &specialist, start).await;
        let waits = waitlist::waiter(&world, &specialist, start).await;
        let list = workflows::waitlist::contract::workflow_id(specialist.id);
        // A calendar is given.
        let calendar = busy_feeds::calendar_at(in_days(20)).await;
        let other = world.specialist().create().await;
        let feed = busy_feeds::give(&world, other.id, &[calendar.url("/secret-calendar.ics")]).await[0];
        busy_feeds::until_read(&world, feed, 1).await;
        let feed = workflows::busy_feeds::contract::workflow_id(feed);
        // A receiver that is away.
        let receiver = webhooks::receiver(503).await;
        let endpoint = webhooks::endpoint(&world, receiver).await;
        let told = booked(&world, &other, in_days(3), false).await;
        let delivery = workflows::webhooks::contract::workflow_id(endpoint, told);
        until_running(&world, &delivery).await;
        // Somebody leaves, whom the provider cannot forget yet.
        let leaver = client(db, &[]).await;
        identity.add(leaver);
        assert_eq!(delete_account(&world, leaver).await, Marked::Done);
        let deletion = accounts::contract::workflow_id(leaver);
        until_running(&world, &deletion).await;
        until_followed_up(&world).await;
        assert!(reconcile(&world, 0).await.is_clean());

        for id in [&list, &feed, &delivery, &deletion] {
            end(&world, id).await;
        }
        let found = reconcile(&world, 0).await;
        let wanted = Found {
            waitlists_without_run: 1,
            busy_feeds_without_run: 1,
            deliveries_without_run: 1,
            deletions_without_run: 1,
            ..clean()
        };
        assert_eq!(findings(found), wanted, "{kind:?}");
        for id in [&list, &feed, &delivery, &deletion] {
            until_running(&world, id).await;
        }
        until_followed_up(&world).await;
        assert!(reconcile(&world, 0).await.is_clean());
        // And each goes on with what it is there for.
        cancel(&world, taken, Role::Client).await;
        waitlist::until_offered(&world, waits).await;
        let offered = waitlist_entry::by_id(db.reader(), waits).await.unwrap().unwrap();
        assert_eq!(offered.specialist_id, specialist.id);
        world.skip_run(&deletion).await;
        until("nothing is left of who left", async || {
            let row = user::find(db.reader(), leaver).await.unwrap()?;
            row.erased_at.map(drop)
        })
        .await;
        assert!(!identity.knows(leaver));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_looked_at_page_by_page() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let first = sessions(&world, &specialist, 1).await[0];
    let row = world.row(first).await.unwrap();
    lose(&world, first).await;
    // More than a page of sessions that were called off, and whose runs were lost before they were closed.
    let tx = world.database.db.begin_write().await.unwrap();
    for _ in 0..230 {
        let id = SessionId(Uuid::new_v4());
        let lost = session::Model {
            id,
            workflow_id: workflow_id(id),
            status: SessionState::Expired,
            meeting_url: None,
            meeting_key: None,
            event_seq: 0,
            ..row.clone()
        };
        session::insert(&tx, lost).await.unwrap();
    }
    tx.commit().await.unwrap();
    let found = reconcile(&world, 0).await;
    assert_eq!((found.sessions_without_run, found.not_mended), (231, 0), "{found:?}");
    until("all that is over is closed", async || {
        let open = session::Entity::find().filter(session::Column::ClosedAt.is_null());
        (open.count(world.database.db.reader()).await.unwrap() == 1).then_some(())
    })
    .await;
    let second = reconcile(&world, 0).await;
    assert!(second.is_clean(), "{second:?}");
}
