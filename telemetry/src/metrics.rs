//! What is counted, and the text in which Prometheus reads it.
//!
//! Every metric of our own is here, with the values its labels may have: each set is bounded by the code, never by what
//! callers send. Nobody is a label: no user, no session, and no specialist, of whom there may be thousands; how bookings
//! spread over them is told by a few points of the distribution.

use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, TextEncoder, gather,
    register_gauge_vec, register_histogram, register_histogram_vec, register_int_counter, register_int_counter_vec,
    register_int_gauge, register_int_gauge_vec,
};
use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

const ONCE: &str = "each metric is registered once";

macro_rules! metric {
    ($name:ident: $type:ty = $register:ident!($($arguments:expr),+ $(,)?)) => {
        static $name: LazyLock<$type> = LazyLock::new(|| $register!($($arguments),+).expect(ONCE));
    };
}

/// Seconds of an answer: the objective is p95 < 0.5 s, the longest wait 35 s.
const ANSWERS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 40.0];
/// Seconds of a statement.
const STATEMENTS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Seconds until a booking is confirmed: at once, or after the meeting provider, tried for a while.
const CONFIRMED: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0];
/// Seconds that a reminder was late.
const LATE: [f64; 9] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

metric!(REQUESTS: IntCounterVec = register_int_counter_vec!(
    "http_requests_total", "Requests answered.", &["method", "path", "status"]));
metric!(DURATIONS: HistogramVec = register_histogram_vec!(
    "http_request_duration_seconds", "How long an answer took to begin.", &["method", "path"], ANSWERS.to_vec()));
metric!(POOL: IntGaugeVec = register_int_gauge_vec!(
    "db_pool_connections", "Connections to the database.", &["pool", "state"]));
metric!(POOL_LIMIT: IntGaugeVec = register_int_gauge_vec!(
    "db_pool_connections_max", "Connections to the database that may be open.", &["pool"]));
metric!(STATEMENT: HistogramVec = register_histogram_vec!(
    "db_statement_duration_seconds", "How long statements of the database took.", &["operation"], STATEMENTS.to_vec()));
metric!(SLOW: IntCounter = register_int_counter!(
    "db_slow_statements_total", "Statements that took longer than SLOW_QUERY_MS."));
metric!(CACHE: IntCounterVec = register_int_counter_vec!(
    "cache_requests_total", "Looks into the cache.", &["what", "result"]));
metric!(BOOKINGS: IntCounterVec = register_int_counter_vec!(
    "bookings_total", "Bookings asked for, by what became of them: accepted, or the code of the problem.", &["outcome"]));
metric!(CONFIRMATION: Histogram = register_histogram!(
    "booking_confirmation_seconds", "Time from the request to the confirmed session; holds excepted.", CONFIRMED.to_vec()));
metric!(TRANSITIONS: IntCounterVec = register_int_counter_vec!(
    "session_transitions_total", "Sessions that came to stand so.", &["status"]));
metric!(REMINDERS: IntCounter = register_int_counter!(
    "reminders_sent_total", "Reminders that the mail server has taken."));
metric!(LATENESS: Histogram = register_histogram!(
    "reminder_lateness_seconds", "How late a reminder was taken by the mail server.", LATE.to_vec()));
metric!(MAILS: IntCounterVec = register_int_counter_vec!(
    "mails_total", "Attempts to send a mail.", &["kind", "outcome"]));
metric!(WEBHOOKS: IntCounterVec = register_int_counter_vec!(
    "webhooks_total", "Attempts to deliver a webhook.", &["outcome"]));
metric!(FLAGS_AT: IntGauge = register_int_gauge!(
    "feature_flags_refreshed_timestamp_seconds", "When the feature flags were last read; 0 before that."));
metric!(FLAGS_AGE: GaugeVec = register_gauge_vec!(
    "feature_flags_age_seconds", "How old the feature flags are that this process decides by.", &[]));
metric!(FOLLOW_UPS: IntGauge = register_int_gauge!(
    "follow_ups_pending", "Follow-ups that are yet to be done."));
metric!(FOLLOW_UP_AGE: GaugeVec = register_gauge_vec!(
    "follow_up_oldest_age_seconds", "How long the oldest follow-up has waited; 0 when none does.", &[]));
metric!(RECONCILED: IntCounterVec = register_int_counter_vec!(
    "reconciliation_findings_total", "What the reconciliation found not to agree, by what it was.", &["kind"]));
metric!(IGNORED: IntGaugeVec = register_int_gauge_vec!(
    "ignored_failures_total", "Failures that cost nothing but time, such as a lost wake-up.", &["what"]));
metric!(BUILD: IntGaugeVec = register_int_gauge_vec!(
    "build_info", "Which release this is; always 1.", &["service", "version"]));
metric!(CLIENTS: IntGaugeVec = register_int_gauge_vec!(
    "clients_active", "Clients who booked or had a session in the last 24 hours, or 30 days.", &["window"]));
metric!(RETURNING: GaugeVec = register_gauge_vec!(
    "clients_returning_share", "Of the clients active in the last 30 days, the share who had a session before.", &[]));
metric!(PER_SPECIALIST: GaugeVec = register_gauge_vec!(
    "bookings_per_specialist", "Sessions of the last 7 days per active specialist: points of the distribution.",
    &["quantile"]));
metric!(SPECIALISTS: IntGauge = register_int_gauge!(
    "specialists_active", "Specialists who can be booked."));
metric!(FILLED: GaugeVec = register_gauge_vec!(
    "slots_filled_share", "Of the opening hours of the next 7 days, the share that is booked or held.", &[]));
metric!(ENDED: IntGaugeVec = register_int_gauge_vec!(
    "sessions_ended", "Sessions that were to begin in the last 24 hours, by how they stand.", &["status"]));

/// What has to be looked up when the text is asked for.
type Look = Box<dyn Fn() + Send + Sync>;

static LOOKS: Mutex<Vec<Look>> = Mutex::new(Vec::new());

/// This process is `service`: what it may never have counted is shown as zero.
pub fn describe(service: &'static str) {
    BUILD.with_label_values(&[service, env!("CARGO_PKG_VERSION")]).set(1);
    LazyLock::force(&SLOW);
    match service {
        "api" => {
            for outcome in ["accepted", "engine_unavailable", "outcome_unknown"] {
                BOOKINGS.with_label_values(&[outcome]);
            }
        }
        _ => {
            LazyLock::force(&CONFIRMATION);
            LazyLock::force(&REMINDERS);
            LazyLock::force(&LATENESS);
            for status in ["confirmed", "cancelled", "no_show", "completed", "expired", "failed"] {
                TRANSITIONS.with_label_values(&[status]);
            }
            for kind in RECONCILIATION_KINDS {
                RECONCILED.with_label_values(&[kind]);
            }
        }
    }
}

/// Call `look` whenever the text is asked for, such as to see how a pool is.
pub fn look_at(look: impl Fn() + Send + Sync + 'static) {
    LOOKS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Box::new(look));
}

/// All of it, as Prometheus reads it.
#[must_use]
pub fn text() -> String {
    for look in LOOKS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        look();
    }
    for (what, times) in crate::ignored_failures() {
        let times = i64::try_from(times).unwrap_or(i64::MAX);
        IGNORED.with_label_values(&[what]).set(times);
    }
    if let at @ 1.. = LazyLock::force(&FLAGS_AT).get() {
        let age = unix_seconds(SystemTime::now()) - at as f64;
        FLAGS_AGE.with_label_values::<&str>(&[]).set(age.max(0.0));
    }
    let mut text = Vec::new();
    // It fails for a family without a name only.
    let _written = TextEncoder::new().encode(&gather(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// A request was answered; `path` is the template of a route, or `none`.
pub fn request(method: &str, path: &str, status: u16, took: Duration) {
    let method = match method {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    let mut digits = [0; 5];
    REQUESTS
        .with_label_values(&[method, path, decimal(status, &mut digits)])
        .inc();
    DURATIONS.with_label_values(&[method, path]).observe(took.as_secs_f64());
}

/// What a booking came to: `accepted`, or the code of the problem it was answered with.
pub fn booking(outcome: &'static str) {
    BOOKINGS.with_label_values(&[outcome]).inc();
}

/// Whether the cache had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It had.
    Hit,
    /// It had not.
    Miss,
}

/// The cache was asked for a `what`, such as `specialist`.
pub fn cache(looked: Looked, what: &'static str) {
    let result = match looked {
        Looked::Hit => "hit",
        Looked::Miss => "miss",
    };
    CACHE.with_label_values(&[what, result]).inc();
}

/// How a pool of connections is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Connections that somebody uses.
    pub in_use: u32,
    /// Connections that wait.
    pub idle: u32,
    /// How many there may be.
    pub max: u32,
}

/// How the pool of that name is now.
pub fn pool(name: &'static str, pool: Pool) {
    POOL.with_label_values(&[name, "in_use"]).set(pool.in_use.into());
    POOL.with_label_values(&[name, "idle"]).set(pool.idle.into());
    POOL_LIMIT.with_label_values(&[name]).set(pool.max.into());
}

/// A statement has ended; `operation` is its first word.
pub fn statement(operation: &'static str, took: Duration, slow: bool) {
    STATEMENT.with_label_values(&[operation]).observe(took.as_secs_f64());
    if slow {
        SLOW.inc();
    }
}

/// A session was confirmed so long after it was asked for.
pub fn confirmed(after: Duration) {
    CONFIRMATION.observe(after.as_secs_f64());
}

/// A session has come to stand so, by a change that is committed.
pub fn transition(status: &'static str) {
    TRANSITIONS.with_label_values(&[status]).inc();
}

/// A reminder has gone, so long after its hour.
pub fn reminder(late: Duration) {
    REMINDERS.inc();
    LATENESS.observe(late.as_secs_f64());
}

/// A mail was tried: `sent`, `skipped`, `refused` or `deferred`.
pub fn mail(kind: &'static str, outcome: &'static str) {
    MAILS.with_label_values(&[kind, outcome]).inc();
}

/// A webhook was tried: `delivered`, `refused` by an answer, or `failed` without one; or it was `disabled`.
pub fn webhook(outcome: &'static str) {
    WEBHOOKS.with_label_values(&[outcome]).inc();
}

/// The feature flags were read at `at`; their age is told from then on.
pub fn flags_read(at: SystemTime) {
    FLAGS_AT.set(unix_seconds(at) as i64);
}

/// What the reconciliation may find.
pub const RECONCILIATION_KINDS: [&str; 7] = [
    "session_without_run",
    "run_without_session",
    "run_differs",
    "waitlist_without_run",
    "busy_feed_without_run",
    "delivery_without_run",
    "deletion_without_run",
];

/// The reconciliation has found something of that kind, one of [`RECONCILIATION_KINDS`].
pub fn reconciliation(kind: &'static str) {
    RECONCILED.with_label_values(&[kind]).inc();
}

/// Follow-ups that wait, and for how long the oldest has.
pub fn follow_ups(pending: u64, oldest: Duration) {
    FOLLOW_UPS.set(i64::try_from(pending).unwrap_or(i64::MAX));
    FOLLOW_UP_AGE.with_label_values::<&str>(&[]).set(oldest.as_secs_f64());
}

/// How the business does; computed from the database now and then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Business {
    /// Clients who booked or had a session in the last 24 hours.
    pub clients_of_a_day: u64,
    /// The same, in the last 30 days.
    pub clients_of_a_month: u64,
    /// Of those, who had a session before.
    pub returning: u64,
    /// Sessions of the last 7 days of each active specialist.
    pub per_specialist: Vec<u64>,
    /// Opening minutes of the next 7 days.
    pub open_minutes: u64,
    /// Those of them that are booked or held.
    pub filled_minutes: u64,
    /// Sessions that were to begin in the last 24 hours, by how they stand.
    pub ended: Vec<(&'static str, u64)>,
}

/// Show how the business does.
pub fn business(figures: &Business) {
    let set = |gauge: &IntGauge, n: u64| gauge.set(i64::try_from(n).unwrap_or(i64::MAX));
    set(&CLIENTS.with_label_values(&["24h"]), figures.clients_of_a_day);
    set(&CLIENTS.with_label_values(&["30d"]), figures.clients_of_a_month);
    RETURNING
        .with_label_values::<&str>(&[])
        .set(share(figures.returning, figures.clients_of_a_month));
    FILLED
        .with_label_values::<&str>(&[])
        .set(share(figures.filled_minutes, figures.open_minutes));
    let mut counts = figures.per_specialist.clone();
    counts.sort_unstable();
    set(&SPECIALISTS, counts.len() as u64);
    for (quantile, percent) in [("0.5", 50), ("0.9", 90), ("1", 100)] {
        let nearest = (counts.len() * percent).div_ceil(100).saturating_sub(1);
        let n = counts.get(nearest).copied().unwrap_or_default();
        PER_SPECIALIST.with_label_values(&[quantile]).set(n as f64);
    }
    for (status, n) in &figures.ended {
        set(&ENDED.with_label_values(&[*status]), *n);
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn unix_seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A number in digits, without an allocation a request.
fn decimal(number: u16, digits: &mut [u8; 5]) -> &str {
    let mut rest = number;
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        from -= 1;
        if rest == 0 {
            break;
        }
    }
    digits
        .get(from..)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_name() {
        describe("api");
        describe("worker");
        request("GET", "/api/sessions/{id}", 200, Duration::from_millis(7));
        request("BREW", "none", 418, Duration::ZERO);
        booking("slot_taken");
        cache(Looked::Hit, "specialist");
        cache(Looked::Miss, "specialist");
        statement("select", Duration::from_millis(3), true);
        mail("reminder", "sent");
        reminder(Duration::from_secs(2));
        confirmed(Duration::from_millis(80));
        transition("cancelled");
        webhook("delivered");
        reconciliation("run_differs");
        follow_ups(2, Duration::from_secs(9));
        flags_read(SystemTime::now() - Duration::from_secs(30));
        look_at(|| {
            pool(
                "primary",
                Pool {
                    in_use: 1,
                    idle: 2,
                    max: 30,
                },
            );
        });
        business(&Business {
            clients_of_a_day: 3,
            clients_of_a_month: 10,
            returning: 4,
            per_specialist: vec![9, 0, 1, 2],
            open_minutes: 1_000,
            filled_minutes: 250,
            ended: vec![("no_show", 1)],
        });
        let text = text();
        for line in [
            r#"http_requests_total{method="GET",path="/api/sessions/{id}",status="200"} 1"#,
            r#"http_requests_total{method="other",path="none",status="418"} 1"#,
            r#"http_request_duration_seconds_bucket{method="GET",path="/api/sessions/{id}",le="0.01"} 1"#,
            r#"bookings_total{outcome="accepted"} 0"#,
            r#"bookings_total{outcome="slot_taken"} 1"#,
            r#"reconciliation_findings_total{kind="run_differs"} 1"#,
            r#"reconciliation_findings_total{kind="session_without_run"} 0"#,
            r#"cache_requests_total{result="hit",what="specialist"} 1"#,
            r#"db_pool_connections{pool="primary",state="in_use"} 1"#,
            r#"db_pool_connections_max{pool="primary"} 30"#,
            "db_slow_statements_total 1",
            r#"mails_total{kind="reminder",outcome="sent"} 1"#,
            "reminders_sent_total 1",
            r#"reminder_lateness_seconds_bucket{le="5"} 1"#,
            "booking_confirmation_seconds_count 1",
            r#"session_transitions_total{status="cancelled"} 1"#,
            r#"webhooks_total{outcome="delivered"} 1"#,
            "follow_ups_pending 2",
            "follow_up_oldest_age_seconds 9",
            "feature_flags_age_seconds 3",
            r#"clients_active{window="24h"} 3"#,
            "clients_returning_share 0.4",
            "slots_filled_share 0.25",
            r#"bookings_per_specialist{quantile="0.5"} 1"#,
            r#"bookings_per_specialist{quantile="1"} 9"#,
            "specialists_active 4",
            r#"sessions_ended{status="no_show"} 1"#,
            r#"build_info{service="api","#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
