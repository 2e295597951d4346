//! Releases of the worker, rolled out by the engine: beside, ramped, back, forward, while people book.
//!
//! `ROLLOUT_SESSIONS` is how many are open when the second version comes; 24 where it is not set. `ROLLOUT_BEFORE` is a
//! folder with the worker and the API of the release before, for the first version, and `ROLLOUT_FLOW` the flow with which
//! that one begins sessions; `make rollout` makes both.

use crate::{
    app::{Answer, TestApp, hour, in_days},
    processes::{Api, Process, binary, worker_command, worker_command_of},
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
use futures::future::join_all;
use reqwest::Method;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    env, mem,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use temporalio_client::WorkflowFetchHistoryOptions;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use workflows::{
    sessions::{
        contract::{Book, CURRENT_FLOW, workflow_id},
        state::SessionState,
        workflow::SessionBooking,
    },
    time::Instant,
};

/// A program of the release before; this one's own where none is named.
fn before(name: &str) -> PathBuf {
    env::var_os("ROLLOUT_BEFORE").map_or_else(|| binary(name), |folder| PathBuf::from(folder).join(name))
}

/// A worker of the bookings, of that version.
fn version(app: &TestApp, build_id: &str) -> Process {
    version_of(&binary("worker"), app, build_id)
}

fn version_of(program: &Path, app: &TestApp, build_id: &str) -> Process {
    let mut command = worker_command_of(program, &app.world);
    command
        .env("WORKER_QUEUES", "bookings")
        .env("WORKER_DEPLOYMENT", &app.queue)
        .env("WORKER_BUILD_ID", build_id);
    Process::start(&mut command)
}

fn rollout_command(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("worker"));
    command.arg("rollout").args(arguments).env_clear();
    command
        .env("TEMPORAL_ADDRESS", &app.address)
        .env("WORKER_DEPLOYMENT", &app.queue);
    command
}

/// What an operator says, or the job of a release: `worker rollout …`, and what it said to that.
fn told(app: &TestApp, arguments: &[&str]) -> Result<String, String> {
    let output = rollout_command(app, arguments).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

/// The same, again where the version does not poll all queues yet.
async fn rollout(app: &TestApp, arguments: &[&str]) -> String {
    until(&format!("worker rollout {arguments:?}"), async || {
        let said = told(app, arguments);
        said.inspect_err(|error| eprintln!("{arguments:?}: {error}")).ok()
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

/// The process of the API that requests go to.
type Serving = Mutex<Arc<Api>>;

/// Have another one serve, and end the one before when it has answered whom it had.
async fn hand_over(serving: &Serving, next: Api) {
    let old = mem::replace(&mut *serving.lock().unwrap(), Arc::new(next));
    until("nobody means it any more", async || {
        (Arc::strong_count(&old) == 1).then_some(())
    })
    .await;
    let mut old = Arc::into_inner(old).expect("it is the last");
    old.process.terminate();
    until("it has ended", async || old.process.has_ended().then_some(())).await;
}

/// Book one session after the other until `done`; what each was answered with.
async fn load(app: &TestApp, serving: &Serving, specialist: &TestSpecialist, done: &AtomicBool) -> Vec<u16> {
    let (caller, mut answers) = (app.user("load"), Vec::new());
    let mut a_few_a_second = tokio::time::interval(Duration::from_millis(300));
    for n in 0.. {
        a_few_a_second.tick().await;
        if done.load(Ordering::Relaxed) {
            break;
        }
        let api = serving.lock().unwrap().clone();
        let answer = Answer::of(api.booking(&caller, &format!("load-{n}"), &hour(specialist, at(5, n)))).await;
        answers.push(answer.status);
    }
    answers
}

/// How many tasks of a session each version has done, how many failed, and the flow that it began with.
async fn tasks(app: &TestApp, id: &str) -> (BTreeMap<String, usize>, usize, u32) {
    let run = app.engine.get_workflow_handle::<SessionBooking>(id);
    let history = run.fetch_history(WorkflowFetchHistoryOptions::default());
    let (mut done, mut failed, mut flow) = (BTreeMap::new(), 0, 0);
    for event in history.into_events().await.unwrap() {
        match event.attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
                let input = started.input.unwrap();
                flow = serde_json::from_slice::<Book>(&input.payloads[0].data).unwrap().flow;
            }
            Some(Attributes::WorkflowTaskFailedEventAttributes(_)) => failed += 1,
            Some(Attributes::WorkflowTaskCompletedEventAttributes(task)) => {
                if let Some(version) = task.deployment_version {
                    *done.entry(version.build_id).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    (done, failed, flow)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_come_and_go_and_no_session_notices() {
    let n_open: i64 = env::var("ROLLOUT_SESSIONS").map_or(24, |n| n.parse().unwrap());
    let setup = Setup::idle();
    let app = TestApp::with(Kind::Postgres, setup).await;
    let specialist = app.specialist().reschedules(0, None).create().await;
    let busy = app.specialist().create().await;
    let ada = app.user("ada");
    let serving = Serving::new(Arc::new(Api::start_of(&before("api"), &app, |_| {}).await));
    let mut first = version_of(&before("worker"), &app, "v1");
    until_deployed(&app, "v1").await;
    assert!(rollout(&app, &["show"]).await.contains("(unversioned workers)"));
    assert!(rollout(&app, &["current", "v1"]).await.contains("current: v1"));
    // Nobody serves outreach: mails wait until the last version has come.
    let mut sessions = Vec::new();
    let api = serving.lock().unwrap().clone();
    for n in 0..n_open {
        let (key, wish) = (format!("a{n}"), hour(&specialist, at(5, n)));
        let booked = api.answer(|api| api.booking(&ada, &key, &wish)).await;
        assert!(booked.status < 300, "{booked:?}");
        sessions.push(booked.id().to_owned());
    }
    drop(api);
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
        change(&app, &serving, &sessions[..sessions.len() / 3], 30).await;
        assert!(rollout(&app, &["current", "v2"]).await.contains("current: v2"));
        change(&app, &serving, &sessions[sessions.len() / 3..sessions.len() / 2], 60).await;
        // Back, and forward again.
        assert!(rollout(&app, &["current", "v1"]).await.contains("current: v1"));
        change(&app, &serving, &sessions[sessions.len() / 2..], 90).await;
        assert!(rollout(&app, &["current", "v2"]).await.contains("current: v2"));
        // Every worker that may get a run knows the flow by now, so the API that begins sessions with it may come.
        hand_over(&serving, Api::start(&app, &[]).await).await;
        let mut third = version(&app, "v3");
        until_deployed(&app, "v3").await;
        assert!(rollout(&app, &["current", "v3"]).await.contains("current: v3"));
        change(&app, &serving, &sessions[..sessions.len() / 3], 120).await;
        assert!(rollout(&app, &["current", "v2"]).await.contains("current: v2"));
        for process in [&mut first, &mut third] {
            process.terminate();
            until("it has drained", async || process.has_ended().then_some(())).await;
        }
        change(&app, &serving, &sessions[..2], 150).await;
        done.store(true, Ordering::Relaxed);
        second
    };
    let (second, answers) = tokio::join!(story, load(&app, &serving, &busy, &done));
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
    let (mut by_version, mut by_flow) = (BTreeMap::<String, usize>::new(), BTreeMap::<u32, usize>::new());
    let mut failed = 0;
    let known_before = env::var("ROLLOUT_FLOW").map_or(CURRENT_FLOW, |flow| flow.parse().unwrap());
    for row in &rows {
        let (done, n_failed, flow) = tasks(&app, &workflow_id(row.id)).await;
        assert!(
            flow <= known_before || !done.contains_key("v1"),
            "the version before was given what it does not know"
        );
        failed += n_failed;
        *by_flow.entry(flow).or_default() += 1;
        for (build, n) in done {
            *by_version.entry(build).or_default() += n;
        }
    }
    eprintln!(
        "{} sessions, by flow {by_flow:?}, {} answers, tasks by version {by_version:?}, failed tasks {failed}",
        rows.len(),
        answers.len()
    );
    assert_eq!(failed, 0, "no task fails");
    let seen: Vec<_> = by_version.keys().map(String::as_str).collect();
    assert_eq!(seen, ["v1", "v2", "v3"], "each version had its share");
    for flow in [known_before, CURRENT_FLOW] {
        assert!(by_flow.contains_key(&flow), "each API began sessions: {by_flow:?}");
    }
    Auditor::new(&app.world)
        .disturbed()
        .ended(Duration::from_secs(60))
        .await
        .assert_clean();
    let standing = standing(&app).await;
    assert_eq!((standing.current.as_deref(), standing.ramping), (Some("v2"), None));
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_comes_into_use_step_by_step() {
    let setup = Setup::idle();
    let app = TestApp::with(Kind::Postgres, setup).await;
    let (_first, forward) = (version(&app, "v1"), ["--pause", "0", "--wait", "60"]);
    let forward = |build| told(&app, &[&["forward", build], &forward[..]].concat());
    assert!(forward("v1").unwrap().contains("current: v1"));

    let refused = told(&app, &["forward", "v2", "--wait", "0"]).unwrap_err();
    assert!(refused.contains("no worker of v2 has asked for work"), "{refused}");
    let refused = told(&app, &["current", "v2"]).unwrap_err();
    assert!(refused.contains("v2 was not made current"), "{refused}");
    assert_eq!(standing(&app).await.current.as_deref(), Some("v1"));

    let _second = version(&app, "v2");
    let said = forward("v2").unwrap();
    let steps: Vec<_> = said.lines().take(3).collect();
    assert_eq!(
        steps,
        [
            "v2 has 10 % of the runs; 0 s",
            "v2 has 50 % of the runs; 0 s",
            "v2 is the current version; v1 drains"
        ]
    );
    assert!(forward("v2").unwrap().contains("v2 is the current version already"));

    // The way back, from half of the way forward.
    rollout(&app, &["current", "v1"]).await;
    rollout(&app, &["ramp", "v2", "50%"]).await;
    let said = forward("v2").unwrap();
    assert!(
        said.starts_with("v2 has 50 %"),
        "it goes on where it was stopped: {said}"
    );
    rollout(&app, &["ramp", "v1", "50%"]).await;
    rollout(&app, &["current", "v2"]).await;
    let now = standing(&app).await;
    assert_eq!((now.current.as_deref(), now.ramping), (Some("v2"), None));
    let refused = told(&app, &["drained", "v1", "--wait", "0"]).unwrap_err();
    assert!(refused.contains("v1 is not drained"), "{refused}");

    // Whoever stops it on the way is not overruled, and its status tells the job not to try again.
    let mut under_way = rollout_command(&app, &["forward", "v1", "--pause", "3"])
        .spawn()
        .unwrap();
    until("it ramps", async || standing(&app).await.ramping.map(drop)).await;
    rollout(&app, &["stop-ramp"]).await;
    let status = until("it has ended", async || under_way.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(3));
    assert_eq!(standing(&app).await.current.as_deref(), Some("v2"));
}

/// Whom a request may go to: a process that is told to end is taken out first, as the cluster does.
type Ready = Mutex<Vec<Arc<str>>>;

/// Ask one process after the other until told to stop; what was answered. `asked` counts the requests that were begun.
async fn ask(
    app: &TestApp,
    specialist: &TestSpecialist,
    ready: &Ready,
    caller: i64,
    asked: &AtomicUsize,
    done: &AtomicBool,
) -> Vec<u16> {
    let ada = app.user("ada");
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let mut answers = Vec::new();
    for n in 0.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        // Every tenth is a booking.
        let wish = hour(specialist, at(5, caller * 100 + n / 10));
        // Before the look, so that whoever sees it counted knows that the next look is a later one.
        asked.fetch_add(1, Ordering::SeqCst);
        let all = ready.lock().unwrap().clone();
        let url = &all[n as usize % all.len()];
        let request = match n % 10 {
            0 => http
                .post(format!("{url}/api/sessions"))
                .header("Idempotency-Key", format!("{caller}-{n}"))
                .json(&wish),
            1 => http.get(format!("{url}/api/sessions")),
            _ => http.get(format!("{url}/api/specialists/{}", specialist.id)),
        };
        let answer = request.bearer_auth(&ada.token).send().await;
        let answer = answer.expect("no process is gone before it has answered");
        answers.push(answer.status().as_u16());
        answer.bytes().await.expect("the answer is whole");
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_the_api_are_replaced_and_nobody_notices() {
    let app = TestApp::new(Kind::Postgres).await;
    let specialist = app.specialist().create().await;
    let (ready, done) = (Ready::default(), AtomicBool::new(false));
    let asked: Vec<_> = (0..8).map(|_| AtomicUsize::new(0)).collect();
    let mut processes = VecDeque::new();
    for _ in 0..2 {
        let api = Api::start(&app, &[]).await;
        ready.lock().unwrap().push(api.url.as_str().into());
        processes.push_back(api);
    }
    let roll = async {
        for _ in 0..6 {
            let next = Api::start(&app, &[]).await;
            ready.lock().unwrap().push(next.url.as_str().into());
            processes.push_back(next);
            let mut old = processes.pop_front().unwrap();
            ready.lock().unwrap().retain(|url| **url != *old.url);
            // The cluster waits for 5 s, so that whoever still meant this one has reached it: a connection that nobody has
            // taken yet ends with the process. Here, until all have asked somebody else.
            let look = || asked.iter().map(|n| n.load(Ordering::SeqCst)).collect::<Vec<_>>();
            let before = look();
            until("all have asked again", async || {
                look()
                    .iter()
                    .zip(&before)
                    .all(|(now, before)| before < now)
                    .then_some(())
            })
            .await;
            old.process.terminate();
            until("it has answered whom it had", async || {
                old.process.has_ended().then_some(())
            })
            .await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let callers = (0..)
        .zip(&asked)
        .map(|(caller, asked)| ask(&app, &specialist, &ready, caller, asked, &done));
    let callers = join_all(callers);
    let ((), answered) = tokio::join!(roll, callers);
    let mut answers = BTreeMap::<u16, usize>::new();
    for status in answered.into_iter().flatten() {
        *answers.entry(status).or_default() += 1;
    }
    eprintln!("answers by status {answers:?}");
    assert!(
        answers.keys().all(|status| [200, 202, 503].contains(status)),
        "{answers:?}"
    );
    assert!(answers.contains_key(&202) && 200 < answers[&200], "{answers:?}");
    // Nobody was left half booked.
    Auditor::new(&app.world)
        .disturbed()
        .settled(Duration::from_secs(60))
        .await
        .assert_clean();
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
async fn change(app: &TestApp, serving: &Serving, sessions: &[String], days: i64) {
    let (ada, api) = (app.user("ada"), serving.lock().unwrap().clone());
    for (n, session) in (0..).zip(sessions) {
        let wish = json!({"starts_at": at(days, n)});
        let path = format!("/api/sessions/{session}");
        let moved = api
            .answer(|api| api.request(&ada, Method::PUT, &path).json(&wish))
            .await;
        assert!(moved.status < 300, "{moved:?}");
    }
}

/// Twelve a day.
fn at(days: i64, n: i64) -> Instant {
    in_days(days + n / 12).plus_minutes(n % 12 * 120)
}
