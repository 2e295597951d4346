//! What cannot be noisy is counted: events of a life, statements and commands of a request, allocations.
//!
//! [`EXPECTED`] is the one table. Something that costs more than it says there fails; what costs less is told, so that the
//! table can follow.

mod allocations;
mod routes;
mod statements;

#[path = "../../../../bench/shapes.rs"]
mod shapes;

use crate::{
    app::{Answer, Caller, TestApp, hour, in_days},
    processes::{Api, OwnRedis, worker},
};
use activities::testing::{
    database::Kind,
    engine,
    people::TestSpecialist,
    wait::until,
    world::{Setup, World},
};
use prost::Message;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shapes::Month;
use statements::Watch;
use std::{
    fmt::Debug,
    io::{self, Write},
};
use temporalio_client::WorkflowFetchHistoryOptions;
use temporalio_common::protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
};
use workflows::sessions::{contract::workflow_id, workflow::SessionBooking};

/// A route and its n-th request.
type Route<'a> = (&'a str, Box<dyn Fn(i64) -> RequestBuilder + 'a>);

/// What everything costs.
const EXPECTED: &[(&str, u64)] = &[
    ("life: events until the first mail is sent", 12),
    ("life: events", 56),
    ("life: workflow tasks", 9),
    ("life: bytes, in five hundreds", 17),
    ("request: GET /api/sessions/:id: statements", 2),
    ("request: GET /api/sessions/:id: commands of Redis", 14),
    ("request: GET /api/sessions: statements", 3),
    ("request: GET /api/sessions: commands of Redis", 14),
    ("request: GET /api/specialists, kept: statements", 1),
    ("request: GET /api/specialists, kept: commands of Redis", 15),
    ("request: GET /api/specialists/:id, kept: statements", 1),
    ("request: GET /api/specialists/:id, kept: commands of Redis", 15),
    ("request: GET /api/specialists/:id/availability: statements", 6),
    ("request: GET /api/specialists/:id/availability: commands of Redis", 14),
    ("request: GET /api/user/profile, kept: statements", 1),
    ("request: GET /api/user/profile, kept: commands of Redis", 15),
    ("request: GET /api/reviews/:specialist_id: statements", 4),
    ("request: GET /api/reviews/:specialist_id: commands of Redis", 14),
    ("request: POST /api/sessions: statements", 8),
    ("request: POST /api/sessions: commands of Redis", 15),
    ("request: PUT /api/sessions/:id, notes: statements", 7),
    ("request: PUT /api/sessions/:id, notes: commands of Redis", 15),
    ("request: DELETE /api/sessions/:id: statements", 4),
    ("request: DELETE /api/sessions/:id: commands of Redis", 15),
    ("request: the transaction that reserves: statements", 14),
    ("slots: allocations", 232),
    ("slots: KiB allocated", 2628),
];

fn expected(what: &str) -> Option<u64> {
    let line = EXPECTED.iter().find(|(name, _)| *name == what);
    line.map(|(_, expected)| *expected)
}

/// Past the harness, which shows what a test says only where it fails.
fn tell_lower(what: &str, now: impl Debug, was: impl Debug) {
    writeln!(
        io::stderr(),
        "counts: {what}: {now:?}, no longer {was:?}: lower the table"
    )
    .ok();
}

/// Counts that were found, each beside what is expected.
#[derive(Default)]
struct Found(Vec<(String, u64)>);

impl Found {
    fn add(&mut self, what: impl Into<String>, count: u64) {
        self.0.push((what.into(), count));
    }

    fn is_expected(&self) -> bool {
        self.0
            .iter()
            .all(|(what, count)| expected(what).is_some_and(|expected| *count <= expected))
    }

    /// Nothing costs more than the table says, and the table says something about everything.
    fn compare(&self, begin: &str) {
        let mut risen = Vec::new();
        for (what, count) in &self.0 {
            let expected = expected(what);
            match expected {
                Some(expected) if *count < expected => {
                    tell_lower(what, count, expected);
                }
                Some(expected) if *count == expected => {}
                _ => risen.push(format!("    ({what:?}, {count}), // was {expected:?}")),
            }
        }
        let known = EXPECTED.iter().filter(|(name, _)| name.starts_with(begin));
        for (name, _) in known {
            assert!(self.0.iter().any(|(what, _)| what == name), "{name} was not counted");
        }
        assert!(risen.is_empty(), "costs more:\n{}", risen.join("\n"));
    }
}

/// An app whose API and worker are processes with a Redis.
struct Stage {
    app: TestApp,
    redis: OwnRedis,
}

impl Stage {
    async fn new() -> Self {
        let setup = Setup::idle();
        let app = TestApp::before(World::with(Kind::Postgres, setup).await).await;
        Self {
            app,
            redis: OwnRedis::start(),
        }
    }

    /// The API, which lets everybody ask so often; nothing of what it does for itself falls into a test.
    async fn api(&self, limit: &str) -> Api {
        let more = [
            ("REDIS_URL", self.redis.url()),
            ("RATE_LIMIT_USER", limit.to_owned()),
            ("RATE_LIMIT_IP", limit.to_owned()),
            ("FEATURE_FLAGS_SECONDS", "3600".to_owned()),
        ];
        Api::start(&self.app, &more.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_has_no_more_events_than_it_had() {
    let app = TestApp::new(Kind::Postgres).await;
    let ada = app.user("ada");
    let mut lives = Vec::new();
    let mut found = Found::default();
    // A task more or less is the hour's doing, and a busy machine's; the least is the workflow's.
    for n in 0..LIVES {
        let specialist = app.specialist().create().await;
        let booked = ada.book(&format!("k{n}"), &hour(&specialist, in_days(3 + n))).await;
        let session = booked.session();
        app.until_event(session, "confirmation_mail:sent", 2).await;
        engine::skip(&app.engine, &workflow_id(session), None).await;
        app.until_event(session, "closed:done", 1).await;
        let life = until("the life has ended", async || {
            let run = app.engine.get_workflow_handle::<SessionBooking>(workflow_id(session));
            let history = run.fetch_history(WorkflowFetchHistoryOptions::default());
            let events = history.into_events().await.ok()?;
            let last = events.last()?.event_type();
            (last == EventType::WorkflowExecutionCompleted).then_some(events)
        });
        lives.push(Life::of(life.await));
        found = least_of(&lives);
        if 3 <= lives.len() && found.is_expected() {
            break;
        }
    }
    found.compare("life: ");
}

/// So many lives are looked at, at most.
const LIVES: i64 = 12;

fn least_of(lives: &[Life]) -> Found {
    let least = |count: fn(&Life) -> usize| lives.iter().map(count).min().unwrap_or_default() as u64;
    let mut found = Found::default();
    found.add(
        "life: events until the first mail is sent",
        least(|life| life.until_mail),
    );
    found.add("life: events", least(|life| life.events));
    found.add("life: workflow tasks", least(|life| life.tasks));
    // Ids and times are as long as they happen to be.
    found.add("life: bytes, in five hundreds", least(|life| life.bytes).div_ceil(500));
    found
}

/// What a history weighs; the events by which a test skips time are not the session's.
struct Life {
    until_mail: usize,
    events: usize,
    tasks: usize,
    bytes: usize,
}

impl Life {
    fn of(events: Vec<HistoryEvent>) -> Self {
        let of_test = |event: &HistoryEvent| {
            let name = event.event_type().as_str_name();
            name.contains("TIME_SKIPPING") || name.contains("OPTIONS_UPDATED")
        };
        let events: Vec<_> = events.into_iter().filter(|event| !of_test(event)).collect();
        let mailed = events.iter().position(|event| {
            matches!(
                event.attributes,
                Some(Attributes::ActivityTaskCompletedEventAttributes(_))
            )
        });
        let is_task = |event: &&HistoryEvent| event.event_type() == EventType::WorkflowTaskCompleted;
        Self {
            until_mail: 1 + mailed.expect("a mail"),
            tasks: events.iter().filter(is_task).count(),
            bytes: events.iter().map(Message::encoded_len).sum(),
            events: events.len(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_no_more_statements_and_commands_than_it_had() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let watch = Watch::new(&app.database.url).await;
    let url = stage.redis.url();
    // As where it matters: counted, and never reached.
    let api = stage.api("1000000").await;
    let _worker = worker(app, None, &[("REDIS_URL", &url)]);
    let (ada, specialist) = (app.user("ada"), app.specialist().create().await);
    let mut booked = Vec::new();
    for n in 0..ROUNDS + 2 {
        let answer = api.answer(|api| book(api, &ada, &specialist, n)).await;
        booked.push(answer.id().to_owned());
    }
    for id in &booked {
        app.until_event(id.parse().unwrap(), "confirmation_mail:sent", 2).await;
    }
    let mut found = Found::default();
    let first = booked.first().unwrap();
    let get = |path: String| {
        let (api, ada) = (&api, &ada);
        move |_: i64| api.request(ada, Method::GET, &path)
    };
    let anna = specialist.id;
    let (from, to) = (in_days(40), in_days(47));
    let routes: Vec<Route<'_>> = vec![
        ("GET /api/sessions/:id", Box::new(get(format!("/api/sessions/{first}")))),
        ("GET /api/sessions", Box::new(get("/api/sessions".to_owned()))),
        (
            "GET /api/specialists, kept",
            Box::new(get("/api/specialists".to_owned())),
        ),
        (
            "GET /api/specialists/:id, kept",
            Box::new(get(format!("/api/specialists/{anna}"))),
        ),
        (
            "GET /api/specialists/:id/availability",
            Box::new(get(format!(
                "/api/specialists/{anna}/availability?from={from}&to={to}&duration_minutes=60"
            ))),
        ),
        (
            "GET /api/user/profile, kept",
            Box::new(get("/api/user/profile".to_owned())),
        ),
        (
            "GET /api/reviews/:specialist_id",
            Box::new(get(format!("/api/reviews/{anna}"))),
        ),
        (
            "POST /api/sessions",
            Box::new(|n| book(&api, &ada, &specialist, 20 + n)),
        ),
        (
            "PUT /api/sessions/:id, notes",
            Box::new(|n| {
                let body = json!({ "notes": format!("Round {n}.") });
                api.request(&ada, Method::PUT, &format!("/api/sessions/{first}"))
                    .json(&body)
            }),
        ),
        (
            "DELETE /api/sessions/:id",
            Box::new(|n| {
                let id = booked.get(usize::try_from(n + 1).unwrap()).unwrap();
                api.request(&ada, Method::DELETE, &format!("/api/sessions/{id}"))
            }),
        ),
    ];
    for (name, request) in &routes {
        let (mut statements, mut commands) = (Vec::new(), Vec::new());
        for n in 0..ROUNDS {
            let (mark, before) = (watch.mark(), watch.commands(&url).await);
            let answer = Answer::of(request(n)).await;
            // What a busy machine has not answered in time is no measure.
            if answer.status == 503 {
                continue;
            }
            assert!(answer.status < 300, "{name}: {answer:?}");
            statements.push(watch.statements("aroti-api", mark).await);
            commands.push(watch.commands(&url).await - before);
        }
        assert!(2 <= statements.len(), "{name}: hardly ever answered");
        // What the process does for itself meanwhile is not the request's.
        found.add(
            format!("request: {name}: statements"),
            *statements.iter().min().unwrap(),
        );
        found.add(
            format!("request: {name}: commands of Redis"),
            *commands.iter().min().unwrap(),
        );
    }
    let reserving = watch.transaction_with("aroti-worker", "INSERT INTO \"session\" ").await;
    found.add("request: the transaction that reserves: statements", reserving);
    found.compare("request: ");
}

const ROUNDS: i64 = 4;

fn book(api: &Api, ada: &Caller<'_>, specialist: &TestSpecialist, n: i64) -> RequestBuilder {
    api.booking(ada, &format!("k{n}"), &hour(specialist, in_days(3 + n)))
}

#[test]
fn the_slots_of_a_month_take_no_more_allocations_than_they_did() {
    let month = Month::new();
    // The zone is looked up once for all.
    let free = month.free();
    assert!(free > 0);
    let (n, bytes) = allocations::of(|| assert_eq!(month.free(), free));
    let mut found = Found::default();
    found.add("slots: allocations", n);
    found.add("slots: KiB allocated", bytes.div_ceil(1024));
    found.compare("slots: ");
}
