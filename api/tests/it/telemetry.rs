//! What the processes tell about themselves: logs, metrics and traces of a run with everything in it, and their check
//! of the configuration.

use crate::{
    app::{Answer, TestApp, hold, hour, in_days},
    processes::{Api, binary, worker_command},
};
use activities::testing::{
    database::Kind,
    port::free_port,
    wait::until,
    world::{DERIVE_KEY, PUBLIC_URL, Setup},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::Span,
};
use poem::{
    Endpoint, Request, Response, Server,
    endpoint::make,
    listener::{Acceptor, Listener, TcpListener},
};
use prost::Message;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// A collector of traces: the spans it was sent, with the service that sent each.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

impl Collector {
    /// Listen; where that is.
    async fn start(&self) -> String {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = format!("http://{}", acceptor.local_addr()[0].as_socket_addr().unwrap());
        tokio::spawn(Server::new_with_acceptor(acceptor).run(self.endpoint()));
        address
    }

    fn endpoint(&self) -> impl Endpoint + use<> {
        let spans = self.0.clone();
        make(move |mut request: Request| {
            let spans = spans.clone();
            async move {
                assert_eq!(request.uri().path(), "/v1/traces");
                let body = request.take_body().into_vec().await.unwrap();
                let sent = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
                for of_process in sent.resource_spans {
                    let service = text(&of_process.resource.unwrap().attributes, "service.name");
                    for scope in of_process.scope_spans {
                        let named = scope.spans.into_iter().map(|span| (service.clone(), span));
                        spans.lock().unwrap().extend(named);
                    }
                }
                Ok::<_, poem::Error>(Response::builder().finish())
            }
        })
    }

    /// A span of that name in that trace.
    fn find(&self, trace: &str, name: &str) -> Option<(String, Span)> {
        let spans = self.0.lock().unwrap();
        let mut these = spans.iter().filter(|(_, span)| hex(&span.trace_id) == trace);
        these.find(|(_, span)| span.name == name).cloned()
    }

    fn names(&self, trace: &str) -> Vec<String> {
        let spans = self.0.lock().unwrap();
        let these = spans.iter().filter(|(_, span)| hex(&span.trace_id) == trace);
        these
            .map(|(service, span)| format!("{service}: {}", span.name))
            .collect()
    }
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(any_value::Value::StringValue(text)) => text,
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of a log, each an object.
fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

async fn page(url: &str) -> String {
    until(url, async || reqwest::get(url).await.ok()?.text().await.ok()).await
}

fn has(page: &str, start: &str) {
    assert!(
        page.lines().any(|line| line.starts_with(start)),
        "nothing begins with {start} in\n{page}"
    );
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const NOTES: &str = "I worry about my zeppelin.";
const REASON: &str = "My hovercraft is full of eels.";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_logged_counted_and_traced_and_names_nobody() {
    let setup = Setup::idle();
    let app = TestApp::with(Kind::Postgres, setup).await;
    let folder = tempfile::tempdir().unwrap();
    let (api_log, worker_log) = (folder.path().join("api.log"), folder.path().join("worker.log"));
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let (api_metrics, worker_metrics) = (free_port(), free_port());
    let set = |command: &mut Command, log: &Path, port: u16| {
        let redis = env::var("TEST_REDIS_URL").unwrap();
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            .env("OTEL_BSP_SCHEDULE_DELAY", "200")
            .env("LOG_FORMAT", "json")
            .env(
                "LOG_LEVEL",
                "info,api=debug,activities=debug,entities=debug,settings=debug",
            )
            // Every statement is slow enough to be named.
            .env("SLOW_QUERY_MS", "0")
            .env("PUBLIC_URL", PUBLIC_URL)
            .env("REDIS_URL", redis)
            .env("REDIS_TIMEOUT_MS", "5000")
            .env("METRICS_PORT", port.to_string())
            .stdout(Stdio::from(fs::File::create(log).unwrap()));
    };
    let mut command = worker_command(&app);
    set(&mut command, &worker_log, worker_metrics);
    let mut worker = crate::processes::Process::start(&mut command);
    let mut api = Api::start_as(&app, |command| set(command, &api_log, api_metrics)).await;

    // People whose names would be seen.
    let (ada, bob) = (app.user("zaphod-beeblebrox"), app.user("tricia-mcmillan"));
    let specialist = app.specialist().login(app.id_of("slartibartfast")).create().await;
    let theirs = app.user("slartibartfast");

    // Strangers, and paths with something in them.
    let forged = format!("{}x", ada.token);
    let anybody = reqwest::Client::new();
    for path in [
        "/api/sessions",
        "/api/nobody/ada.lovelace@example.test",
        "/feeds/not-a-feed.ics",
        "/api/offers/no-offer",
    ] {
        let request = anybody.get(format!("{}{path}", api.url)).bearer_auth(&forged);
        assert!(400 <= Answer::of(request).await.status);
    }

    // A booking whose mails are refused at first.
    app.outbox.fail(451, 2);
    let mut body = hour(&specialist, in_days(3));
    body["notes"] = json!(NOTES);
    let booked = api
        .answer(|api| {
            api.request(&ada, Method::POST, "/api/sessions")
                .header("Idempotency-Key", "the-key")
                .header("X-Request-ID", "request-of-the-booking")
                .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
                .json(&body)
        })
        .await;
    assert!([201, 202].contains(&booked.status), "{booked:?}");
    let (id, session) = (booked.id().to_owned(), booked.session());
    app.mail("zaphod-beeblebrox@example.test", |_| true).await;
    app.mail(&specialist.email, |_| true).await;

    // Its whole life, and what is refused on the way.
    let give = async |caller: &crate::app::Caller<'_>, method: Method, path: String, body: Value| {
        api.answer(|api| {
            api.request(caller, method.clone(), &path)
                .header("X-Request-ID", "another-request")
                .header("Idempotency-Key", "another-key")
                .json(&body)
        })
        .await
    };
    let taken = give(&bob, Method::POST, "/api/sessions".to_owned(), body.clone()).await;
    assert_eq!(taken.status, 409, "{taken:?}");
    let held = api
        .answer(|api| {
            api.request(&bob, Method::POST, "/api/sessions")
                .header("Idempotency-Key", "held")
                .json(&hold(&specialist, in_days(4)))
        })
        .await;
    give(
        &bob,
        Method::POST,
        format!("/api/sessions/{}/confirm", held.id()),
        json!({}),
    )
    .await;
    let moved = json!({"starts_at": in_days(5), "notes": NOTES.to_uppercase()});
    let moved = give(&ada, Method::PUT, format!("/api/sessions/{id}"), moved).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    let late = give(&theirs, Method::POST, format!("/api/sessions/{id}/no-show"), json!({})).await;
    assert!(400 <= late.status, "{late:?}");
    let feed = give(&ada, Method::GET, "/api/user/calendar-feed".to_owned(), json!({})).await;
    let feed = feed.body["url"]
        .as_str()
        .unwrap()
        .strip_prefix(PUBLIC_URL)
        .unwrap()
        .to_owned();
    assert!(
        anybody
            .get(format!("{}{feed}", api.url))
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let cancelled = give(
        &ada,
        Method::DELETE,
        format!("/api/sessions/{id}"),
        json!({"reason": REASON}),
    )
    .await;
    assert_eq!(cancelled.body["status"], "cancelled", "{cancelled:?}");
    app.until_event(session, "cancellation_mail:sent", 2).await;

    for _ in 0..2 {
        let path = format!("/api/specialists/{}", specialist.id);
        assert_eq!(give(&ada, Method::GET, path, json!({})).await.status, 200);
    }

    // Counted.
    let of_api = page(&format!("http://127.0.0.1:{api_metrics}/metrics")).await;
    for start in [
        r#"http_requests_total{method="POST",path="/api/sessions",status="202"}"#,
        r#"http_requests_total{method="GET",path="/api/sessions",status="401"} 1"#,
        r#"http_requests_total{method="GET",path="none",status="404"} 1"#,
        r#"http_requests_total{method="GET",path="/feeds/{token}"#,
        r#"http_request_duration_seconds_bucket{method="PUT",path="/api/sessions/{id}""#,
        r#"bookings_total{outcome="accepted"} "#,
        r#"db_pool_connections{pool="primary",state="idle"} "#,
        r#"db_pool_connections_max{pool="primary"} 30"#,
        r#"build_info{service="api""#,
        r#"cache_requests_total{result="hit",what="specialist"} "#,
        r#"cache_requests_total{result="miss",what="specialist"} "#,
        "feature_flags_age_seconds ",
    ] {
        has(&of_api, start);
    }
    assert!(
        of_api.contains(&format!(r#"bookings_total{{outcome="{}"}} 1"#, taken.error())),
        "{of_api}"
    );
    let health = page(&format!("http://127.0.0.1:{api_metrics}/health")).await;
    assert!(health.contains(r#""status":"ok""#), "{health}");
    let of_worker = until("the worker's figures", async || {
        let text = page(&format!("http://127.0.0.1:{worker_metrics}/metrics")).await;
        text.contains("slots_filled_share").then_some(text)
    })
    .await;
    for start in [
        r#"session_transitions_total{status="cancelled"} 1"#,
        r#"session_transitions_total{status="confirmed"} 2"#,
        "booking_confirmation_seconds_count 1",
        r#"mails_total{kind="confirmation",outcome="deferred"} "#,
        r#"mails_total{kind="confirmation",outcome="sent"} "#,
        "reminders_sent_total 0",
        "follow_ups_pending ",
        "follow_up_oldest_age_seconds ",
        r#"clients_active{window="24h"} "#,
        r#"bookings_per_specialist{quantile="1"} "#,
        r#"db_pool_connections{pool="primary",state="in_use"} "#,
        // Of the SDK.
        "temporal_worker_task_slots_available{",
        "temporal_workflow_task_schedule_to_start_latency_bucket{",
        "temporal_activity_schedule_to_start_latency_bucket{",
        "temporal_sticky_cache_size{",
    ] {
        has(&of_worker, start);
    }

    // The rest of traces and logs is out when they have ended.
    api.process.terminate();
    worker.terminate();
    until("both have ended", async || {
        (api.process.has_ended() && worker.has_ended()).then_some(())
    })
    .await;

    // Traced: one trace, from the caller's span to the mail.
    let span = |name: &str| {
        let found = collector.find(TRACE, name);
        found.unwrap_or_else(|| panic!("no {name} among {:#?}", collector.names(TRACE)))
    };
    let (service, request) = span("POST /api/sessions");
    assert_eq!(
        (service.as_str(), hex(&request.parent_span_id).as_str()),
        ("aroti-api", "00f067aa0ba902b7")
    );
    let (service, call) = span("start and update session_booking");
    assert_eq!((service.as_str(), call.parent_span_id), ("aroti-api", request.span_id));
    let (service, reserve) = span("sessions.reserve");
    assert_eq!(
        (service.as_str(), &reserve.parent_span_id),
        ("aroti-worker", &call.span_id)
    );
    assert_eq!(text(&reserve.attributes, "workflow_id"), format!("session-{id}"));
    let (_, transaction) = span("transaction sessions.reserve");
    assert_eq!(transaction.parent_span_id, reserve.span_id);
    let (_, statement) = span("insert session");
    assert_eq!(statement.parent_span_id, transaction.span_id);
    assert!(transaction.start_time_unix_nano <= statement.start_time_unix_nano);
    assert!(statement.end_time_unix_nano <= transaction.end_time_unix_nano);
    let (_, sending) = span("outreach.send_mails");
    assert_eq!(sending.parent_span_id, call.span_id);
    let (service, _) = span("mail confirmation");
    assert_eq!(service, "aroti-worker");
    span("redis publish");

    // Logged: the request from its header to the steps, on every line of theirs.
    let (said_by_api, said_by_worker) = (lines(&api_log), lines(&worker_log));
    for line in said_by_api.iter().chain(&said_by_worker) {
        for field in ["timestamp", "level", "service", "message"] {
            assert!(line[field].is_string(), "{field} is missing from {line}");
        }
    }
    let of_request = |line: &&Value| line["request_id"] == "request-of-the-booking";
    let answered = said_by_api
        .iter()
        .filter(of_request)
        .find(|line| line["operation"] == "book");
    let answered = answered.expect("the booking's line");
    assert_eq!(answered["user_id"], app.id_of("zaphod-beeblebrox").0.to_string());
    assert!(answered["duration_ms"].is_u64(), "{answered}");
    for step in ["sessions.reserve", "outreach.send_mails"] {
        let line = said_by_worker
            .iter()
            .filter(of_request)
            .find(|line| line["step"] == step);
        let line = line.unwrap_or_else(|| panic!("no line of {step} for the request"));
        assert_eq!(line["workflow_id"], format!("session-{id}"), "{line}");
        assert!(line["attempt"].is_u64() && line["service"] == "worker", "{line}");
    }
    let again = |line: &&Value| line["error"].is_string() && line["step"] == "outreach.send_mails";
    assert!(
        said_by_worker.iter().any(|line| again(&line)),
        "the mail server was away"
    );
    let of_command = |line: &&Value| line["request_id"] == "another-request" && line["step"] == "sessions.cancel";
    assert!(said_by_worker.iter().any(|line| of_command(&line)), "commands too");
    let slow = |line: &&Value| line["query"] == "insert session" && line["duration_ms"].is_u64();
    let slow = said_by_worker.iter().find(slow).expect("slow queries have names");
    assert!(slow["statement"].as_str().unwrap().contains("$1"), "{slow}");

    // And nobody is named, nor anything that opens a door.
    let feed_token = feed.trim_start_matches("/feeds/").trim_end_matches(".ics").to_owned();
    let spans = format!("{:?}", collector.0.lock().unwrap());
    let said = fs::read_to_string(&api_log).unwrap()
        + &fs::read_to_string(&worker_log).unwrap()
        + &spans
        + &of_api
        + &of_worker;
    let secrets = [
        "zaphod",
        "beeblebrox",
        "tricia",
        "mcmillan",
        "slartibartfast",
        "Test Specialist",
        "@example.test",
        "@specialists.test",
        "ada.lovelace",
        "zeppelin",
        "ZEPPELIN",
        "hovercraft",
        "not-a-feed",
        "no-offer",
        "meet.example.test/",
        DERIVE_KEY,
        &specialist.email,
        &feed_token,
        &ada.token,
        &bob.token,
        &theirs.token,
        &forged,
    ];
    for secret in secrets {
        assert!(!secret.is_empty());
        let line = said.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is told");
    }
    // The signatures alone would do, for whoever has the rest.
    for token in [&ada.token, &bob.token] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!said.contains(signature), "a signature is told");
    }
}

/// What a program answers to `--check-config`: status, and everything it says.
fn check(program: &str, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(binary(program));
    command.env_clear().args(arguments).envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn configurations_are_checked_without_a_start() {
    let good = [
        ("DATABASE_URL", "postgres://aroti:hush-hush@127.0.0.1:1/aroti"),
        ("DERIVE_KEY", DERIVE_KEY),
        ("SMTP_URL", "smtp://aroti:hush-hush@127.0.0.1:1"),
        ("MAX_HOLDS", "5"),
    ];
    for program in ["api", "worker"] {
        let (status, said) = check(program, &good, &["--check-config"]);
        assert_eq!(status, 0, "{said}");
        assert!(
            said.contains("DATABASE_URL=***\n") && said.contains("METRICS_PORT=9090 (default)\n"),
            "{said}"
        );
        assert_eq!(said.contains("MAX_HOLDS=5\n"), program == "worker", "{said}");
        assert!(!said.contains("hush-hush") && !said.contains(DERIVE_KEY), "{said}");
        let bad = [
            ("DATABASE_POOL_SIZE", "none"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
            ("DERIVE_KEY", "hush-hush"),
        ];
        for arguments in [&["--check-config"][..], &[]] {
            let (status, said) = check(program, &bad, arguments);
            assert_eq!(status, 2, "{said}");
            for name in [
                "DATABASE_URL",
                "DATABASE_POOL_SIZE",
                "OTEL_TRACES_SAMPLER_ARG",
                "DERIVE_KEY",
            ] {
                assert!(said.contains(&format!("{name}: ")), "{name} is missing from {said}");
            }
            assert!(!said.contains("hush-hush"), "{said}");
        }
    }
}
