//! Releases of the worker, rolled out by the engine: beside, ramped, back, forward, while people book.
//!
//! `ROLLOUT_SESSIONS` is how many are open when the second version comes; 24 where it is not set.

use crate::{
    app::{TestApp, hour, in_days},
    processes::{Process, binary, worker_command},
};
use activities::{
    rollout::{Rollout, Standing},
    testing::{
        auditor::Auditor,
        database::Kind,
        engine::try_skip,
        people::TestSpecialist,
        wait::{until, within},
        world::Setup,
    },
};
use entities::session;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::{
    sessions::{contract::workflow_id, state::SessionState, workflow::SessionBooking},
    time::Instant,
};

/// A worker of the bookings, of that version.
fn version(app: &TestApp, build_id: &str) -> Process {
    let mut command = worker_command(&app.world);
    command
        .env("WORKER_QUEUES", "bookings")
        .env("WORKER_DEPLOYMENT", &app.queue)
        .env("WORKER_BUILD_ID", build_id);
    Process::start(&mut command)
}

/// What an operator, or the job of a release, says: `worker rollout …`; again where the version does not poll all queues
/// yet.
async fn rollout(app: &TestApp, arguments: &[&str]) -> String {
    until(&format!("worker rollout {arguments:?}"), async || {
        let output = Command::new(binary("worker"))
            .arg("rollout")
            .args(arguments)
            .env_clear()
            .env("TEMPORAL_ADDRESS", &app.address)
            .env("WORKER_DEPLOYMENT", &app.queue)
            .output()
            .unwrap();
        if !output.status.success() {
            eprintln!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(String::from_utf8(output.stdout).unwrap())
    })
    .await
}

async fn until_deployed(app: &TestApp, build_id: &str) {
    until(&format!("{build_id} is known"), async || {
        standing(app)
            .await
            .builds
            .iter()
            .any(|(build, _)| build == build_id)
            .then_some(())
    })
    .await;
}

async fn standing(app: &TestApp) -> Standing {
    Rollout::new(app.engine.clone(), &app.queue).standing().await.unwrap()
}

/// Book one session after the other until `done`; what each was answered with.
async fn load(app: &TestApp, specialist: &TestSpecialist, done: &AtomicBool) -> Vec<u16> {
    let (caller, mut answers) = (app.user("load"), Vec::new());
    let mut a_few_a_second = tokio::time::interval(Duration::from_millis(300));
    for n in 0.. {
        a_few_a_second.tick().await;
        if done.load(Ordering::Relaxed) {
            break;
        }
        let answer = caller
            .book_once(&format!("load-{n}"), &hour(specialist, at(5, n)))
            .await;
        answers.push(answer.status);
    }
    answers
}

/// How many tasks of a session each version has done, and how many failed.
async fn tasks(app: &TestApp, id: &str) -> (BTreeMap<String, usize>, usize) {
    let run = app.engine.get_workflow_handle::<SessionBooking>(id);
    let history = run.fetch_history(WorkflowFetchHistoryOptions::default());
    let history: Value = serde_json::from_slice(&history.to_json().await.unwrap()).unwrap();
    let (mut done, mut failed) = (BTreeMap::new(), 0);
    for event in history["events"].as_array().unwrap() {
        if event["attributes"].get("WorkflowTaskFailedEventAttributes").is_some() {
            failed += 1;
        }
        let Some(task) = event["attributes"].get("WorkflowTaskCompletedEventAttributes") else {
            continue;
        };
        if let Some(build) = task["deployment_version"]["build_id"].as_str() {
            *done.entry(build.to_owned()).or_default() += 1;
        }
    }
    (done, failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_come_and_go_and_no_session_notices() {
    let n_open: i64 = env::var("ROLLOUT_SESSIONS").map_or(24, |n| n.parse().unwrap());
    let setup = Setup {
        idle: true,
        ..Default::default()
    };
    let app = TestApp::with(Kind::Postgres, setup).await;
    let specialist = app.specialist().reschedules(0, None).create().await;
    let busy = app.specialist().create().await;
    let ada = app.user("ada");
    let mut first = version(&app, "v1");
    until_deployed(&app, "v1").await;
    assert!(rollout(&app, &["show"]).await.contains("(unversioned workers)"));
    assert!(rollout(&app, &["current", "v1"]).await.contains("current: v1"));
    // Nobody serves outreach: mails wait until the last version has come.
    let mut sessions = Vec::new();
    for n in 0..n_open {
        let booked = ada.book(&format!("a{n}"), &hour(&specialist, at(5, n))).await;
        assert!(booked.status < 300, "{booked:?}");
        sessions.push(booked.id().to_owned());
    }
    assert!(app.outbox.messages(None).is_empty());

    let done = AtomicBool::new(false);
    let story = async {
        let second = version(&app, "v2");
        until_deployed(&app, "v2").await;
        assert!(
            rollout(&app, &["ramp", "v2", "50%"])
                .await
                .contains("ramping: v2 at 50 %")
        );
        change(&app, &sessions[..sessions.len() / 3], 30).await;
        assert!(rollout(&app, &["current", "v2"]).await.contains("current: v2"));
        change(&app, &sessions[sessions.len() / 3..sessions.len() / 2], 60).await;
        // Back, and forward again.
        assert!(rollout(&app, &["current", "v1"]).await.contains("current: v1"));
        change(&app, &sessions[sessions.len() / 2..], 90).await;
        assert!(rollout(&app, &["current", "v2"]).await.contains("current: v2"));
        let mut third = version(&app, "v3");
        until_deployed(&app, "v3").await;
        assert!(rollout(&app, &["current", "v3"]).await.contains("current: v3"));
        change(&app, &sessions[..sessions.len() / 3], 120).await;
        assert!(rollout(&app, &["current", "v2"]).await.contains("current: v2"));
        for process in [&mut first, &mut third] {
            process.terminate();
            until("it has drained", async || process.has_ended().then_some(())).await;
        }
        change(&app, &sessions[..2], 150).await;
        done.store(true, Ordering::Relaxed);
        second
    };
    let (second, answers) = tokio::join!(story, load(&app, &busy, &done));
    let strange: BTreeSet<_> = answers
        .iter()
        .filter(|status| **status != 202 && **status != 503)
        .collect();
    assert!(strange.is_empty(), "{answers:?}");
    assert!(
        answers.iter().filter(|status| **status == 202).count() > 5,
        "{answers:?}"
    );

    // What waited is sent by whoever comes, whatever its version.
    let mut outreach = worker_command(&app.world);
    let _outreach = Process::start(outreach.env("WORKER_QUEUES", "outreach"));
    let rows = session::Entity::find().all(app.database.db.reader()).await.unwrap();
    let waits = Duration::from_secs(300 + rows.len() as u64);
    for row in &rows {
        try_skip(&app.engine, &workflow_id(row.id), None).await.ok();
    }
    within(waits, "all sessions complete", async || {
        let rows = session::Entity::find().all(app.database.db.reader()).await.unwrap();
        rows.iter().all(|row| row.closed_at.is_some()).then_some(())
    })
    .await;
    let rows = session::Entity::find().all(app.database.db.reader()).await.unwrap();
    assert!(rows.iter().all(|row| row.status == SessionState::Completed));
    let (mut by_version, mut failed) = (BTreeMap::<String, usize>::new(), 0);
    for row in &rows {
        let (done, n_failed) = tasks(&app, &workflow_id(row.id)).await;
        failed += n_failed;
        for (build, n) in done {
            *by_version.entry(build).or_default() += n;
        }
    }
    eprintln!(
        "{} sessions, {} answers, tasks by version {by_version:?}, failed tasks {failed}",
        rows.len(),
        answers.len()
    );
    assert_eq!(failed, 0, "no task fails");
    let seen: Vec<_> = by_version.keys().map(String::as_str).collect();
    assert_eq!(seen, ["v1", "v2", "v3"], "each version had its share");
    Auditor::new(&app.world)
        .disturbed()
        .ended(Duration::from_secs(60))
        .await
        .assert_clean();
    let standing = standing(&app).await;
    assert_eq!((standing.current.as_deref(), standing.ramping), (Some("v2"), None));
    drop(second);
}

/// During a rollout the schema is that of the release to come, and the API and the workers are those of before.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_works_on_the_schema_of_the_next() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().reschedules(0, None).create().await;
        let ada = app.user("ada");
        let before = ada.book("before", &hour(&specialist, in_days(3))).await;
        assert!(before.status < 300, "{before:?}");
        // What migrations may do, to the tables that everything goes through, under statements prepared already.
        let tx = app.database.db.begin_write().await.unwrap();
        for sql in [
            "ALTER TABLE session ADD COLUMN of_later text NULL",
            "ALTER TABLE session ADD COLUMN of_later_too integer NOT NULL DEFAULT 7",
            "ALTER TABLE session_event ADD COLUMN of_later text NULL",
            "ALTER TABLE audit ADD COLUMN of_later text NULL",
            "ALTER TABLE profile ADD COLUMN of_later text NULL",
            "ALTER TABLE specialist ADD COLUMN of_later text NULL",
            "ALTER TABLE service ADD COLUMN of_later text NULL",
            "ALTER TABLE schedule ADD COLUMN of_later text NULL",
            "ALTER TABLE follow_up ADD COLUMN of_later text NULL",
            "CREATE INDEX session_of_later ON session (of_later)",
            "CREATE TABLE of_later (id integer PRIMARY KEY)",
        ] {
            tx.execute_unprepared(sql).await.unwrap();
        }
        tx.commit().await.unwrap();
        for session in [
            before.id(),
            ada.book("after", &hour(&specialist, in_days(4))).await.id(),
        ] {
            let moved = ada
                .change(session, json!({"starts_at": in_days(8), "notes": "of both"}))
                .await;
            assert!(moved.status < 300, "{moved:?}");
            let read = ada.get(&format!("/api/sessions/{session}")).await;
            assert_eq!((read.status, &read.body["status"]), (200, &json!("confirmed")));
            let gone = ada.cancel(session).await;
            assert!(gone.status < 300, "{gone:?}");
        }
        for path in ["/api/sessions", "/api/specialists", "/api/user/profile"] {
            assert_eq!(ada.get(path).await.status, 200, "{path}");
        }
        Auditor::new(&app.world)
            .disturbed()
            .ended(Duration::from_secs(60))
            .await
            .assert_clean();
    }
}

/// Move them to the days from that one on, as their client does.
async fn change(app: &TestApp, sessions: &[String], days: i64) {
    let ada = app.user("ada");
    for (n, session) in (0..).zip(sessions) {
        let moved = ada.change(session, json!({"starts_at": at(days, n)})).await;
        assert!(moved.status < 300, "{moved:?}");
    }
}

/// Twelve a day.
fn at(days: i64, n: i64) -> Instant {
    in_days(days + n / 12).plus_minutes(n % 12 * 120)
}
