//! Reminders that fall due all at once, and a fleet that grows and shrinks by the cluster's rule.
//!
//! `SCALING_REMINDERS` is how many; 120 where it is not set. `SCALING_MINUTES` is over how many minutes they fall due, an
//! equal part in each; all in one where it is not set. `SCALING_WORKER` is the worker's program, for one that is
//! optimised; that of the tests where it is not set. It takes minutes: `make fleet` runs it.

use crate::{
    app::{TestApp, hour, in_days},
    processes::{Process, worker_command, worker_command_of},
};
use activities::testing::{
    database::Kind,
    scaler::{Fleet, Rule},
    wait::{until, within},
    world::Setup,
};
use entities::{
    column::OffsetsMinutes,
    session,
    session_event::{self, NewEvent},
};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
    time::Duration,
};
use temporalio_client::{Client, WorkflowGetResultOptions, WorkflowStartOptions, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::{TaskQueueKind, TaskQueueType},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::DescribeTaskQueueRequest,
};
use uuid::Uuid;
use workflows::{
    ids::{SeatGroup, SessionId},
    reconciliation::{
        contract::{Reconcile, schedule_id},
        workflow::Reconciliation,
    },
    sessions::contract::{meeting_key, outreach_queue, workflow_id},
    time::Instant,
};

/// The chart's values, which charts/tests/check.py compares, but for the size of the machine and the patience of a test.
const OUTREACH: Rule = Rule {
    min: 0,
    max: 3, // not the chart's: more do not fit beside the servers of a test
    target_queue_size: 20,
    activation: 0,
    polling: Duration::from_secs(2),   // not the chart's: a test waits for each look
    cooldown: Duration::from_secs(10), // not the chart's: a test waits until nobody is left
};
/// No reminder is later.
const LATEST: Duration = Duration::from_secs(60);

/// A worker of that queue.
fn worker(app: &TestApp, queue: &str) -> Process {
    let mut command = match env::var_os("SCALING_WORKER") {
        Some(program) => worker_command_of(Path::new(&program), &app.world),
        None => worker_command(&app.world),
    };
    Process::start(command.env("WORKER_QUEUES", queue))
}

fn now() -> Instant {
    Instant::new(Timestamp::now())
}

/// What the scaler reads of a queue of activities without versions.
async fn backlog(client: &Client, queue: &str) -> u64 {
    let request = DescribeTaskQueueRequest {
        namespace: client.options().namespace.clone(),
        task_queue: Some(TaskQueue {
            name: queue.to_owned(),
            kind: TaskQueueKind::Normal.into(),
            ..Default::default()
        }),
        task_queue_type: TaskQueueType::Activity.into(),
        report_stats: true,
        ..Default::default()
    };
    // The server closes a connection every five minutes, whoever is using it; a scaler asks again.
    let stats = until("the queue is described", async || {
        let mut service = client.connection().workflow_service();
        let described = service.describe_task_queue(request.clone().into_request()).await;
        described.ok().map(|described| described.into_inner().stats)
    })
    .await;
    u64::try_from(stats.map_or(0, |stats| stats.approximate_backlog_count)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make fleet"]
async fn reminders_that_are_due_at_once_are_sent_in_time_by_a_fleet_that_begins_with_nobody() {
    let number = |name, otherwise| env::var(name).map_or(otherwise, |n| n.parse().unwrap());
    let (n_reminders, n_minutes) = (number("SCALING_REMINDERS", 120), number("SCALING_MINUTES", 1).max(1));
    let setup = Setup::idle();
    let app = TestApp::with(Kind::Postgres, setup).await;
    let _bookings = worker(&app, "bookings");
    // Many sessions of a few people, each of whom is reminded at the same minute.
    let n_people = 20;
    let mut patterns = Vec::new();
    for n in 0..n_people {
        let specialist = app.specialist().create().await;
        let caller = app.user(&format!("client-{n}"));
        let booked = caller.book("a", &hour(&specialist, in_days(2))).await;
        assert!(booked.status < 300, "{booked:?}");
        patterns.push(app.row(booked.session()).await.unwrap());
    }
    // Long enough from now that all of them run before: their runs begin, and nothing is mailed of what has been.
    let ahead = 60 + n_reminders as i64 / 40;
    let due = Instant::from_unix_seconds((now().unix_seconds() + ahead).div_euclid(60) * 60 + 60);
    let (mut sessions, mut due_at) = (Vec::new(), BTreeMap::new());
    for (n, pattern) in (0..n_reminders).map(|n| (n, &patterns[n % n_people])) {
        let due = due.plus_minutes((n % n_minutes) as i64);
        let id = SessionId(Uuid::new_v4());
        let start = in_days(3).plus_minutes(60 * (n / n_people) as i64);
        let end = start.plus_minutes(60);
        let offset = u32::try_from(due.until(start).as_secs() / 60).unwrap();
        let row = session::Model {
            id,
            workflow_id: workflow_id(id),
            starts_at: start,
            ends_at: end,
            blocks_from: start,
            blocks_until: end,
            seat_group: SeatGroup(id.0),
            meeting_key: Some(meeting_key(id, 0)),
            reminder_offsets: OffsetsMinutes(vec![offset]),
            event_seq: 2,
            ..pattern.clone()
        };
        let told = ["client", "specialist"].map(|role| NewEvent {
            at: now(),
            step: "confirmation_mail".to_owned(),
            status: "sent".to_owned(),
            detail: Some(format!("to the {role}")),
            key: format!("mail:confirmation:0:{role}"),
        });
        due_at.insert(id, due);
        sessions.push((row, told));
    }
    for some in sessions.chunks(200) {
        let tx = app.database.db.begin_write().await.unwrap();
        for (row, told) in some {
            session::insert(&tx, row.clone()).await.unwrap();
            session_event::insert(&tx, row.id, 0, told.to_vec()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    let options = WorkflowStartOptions::new(&app.queue, schedule_id(&app.queue)).build();
    let run = app
        .engine
        .start_workflow(Reconciliation::run, Reconcile::new(0), options);
    let found = run.await.unwrap().get_result(WorkflowGetResultOptions::default()).await;
    assert_eq!(found.unwrap().sessions_without_run as usize, n_reminders);

    let queue = outreach_queue(&app.queue);
    let (mut fleet, mut workers, mut most, mut highest) = (Fleet::new(OUTREACH), Vec::new(), 0, 0);
    // The outbox forgets the oldest of so many.
    let (mut slept, mut reminders) = (false, BTreeMap::new());
    let began = std::time::Instant::now();
    let patience = now().until(due) + Duration::from_secs(60 * n_minutes as u64 + 240);
    within(patience, "all reminders are sent, and nobody is left", async || {
        let waiting = backlog(&app.engine, &queue).await;
        let wanted = usize::try_from(fleet.look(waiting, began.elapsed())).unwrap();
        (most, highest) = (most.max(wanted), highest.max(waiting));
        while workers.len() < wanted {
            workers.push(worker(&app, "outreach"));
        }
        for worker in workers.drain(wanted.min(workers.len())..) {
            // As the cluster does: asked to end, and given the time.
            let mut worker: Process = worker;
            worker.terminate();
            until("it has drained", async || worker.has_ended().then_some(())).await;
        }
        slept |= wanted == 0 && now() < due;
        let sent = session_event::Entity::find()
            .filter(session_event::Column::Step.eq("reminder_mail"))
            .filter(session_event::Column::Status.eq("sent"));
        let sent = sent.count(app.database.db.reader()).await.unwrap();
        reminders.extend(app.outbox.messages(None).into_iter().filter_map(|mail| {
            let id = mail.message_id.filter(|id| id.contains("reminder"))?;
            Some((mail.id, id))
        }));
        if sent as usize == n_reminders && workers.is_empty() {
            return Some(());
        }
        tokio::time::sleep(OUTREACH.polling).await;
        None
    })
    .await;
    assert!(slept, "the fleet was gone before the reminders were due");

    let sent = session_event::Entity::find()
        .filter(session_event::Column::Step.eq("reminder_mail"))
        .filter(session_event::Column::Status.eq("sent"))
        .all(app.database.db.reader())
        .await
        .unwrap();
    let mut late: Vec<Duration> = sent
        .iter()
        .map(|event| due_at[&event.session_id].until(event.at))
        .collect();
    late.sort_unstable();
    let (median, latest) = (late[late.len() / 2], late[late.len() - 1]);
    eprintln!(
        "{n_reminders} reminders in {n_minutes} min: median {median:?} late, latest {latest:?}; backlog up to {highest}, workers up to {most}"
    );
    assert_eq!(late.len(), n_reminders);
    assert!(latest <= LATEST, "{latest:?}");
    assert!(0 < most, "somebody came");
    let letters: BTreeSet<_> = reminders.values().collect();
    assert_eq!(
        (reminders.len(), letters.len()),
        (n_reminders, n_reminders),
        "each once"
    );
}
