//! Every variable that the processes read: what the documentation shows, and what `--check-config` prints.
//!
//! `docs/configuration.md` is written from this table (`make configuration`) and a test keeps the two equal. Tests of
//! `api` and `activities` compare the names with what their `Config` asks for, and each default with what it does.

use crate::{Problems, Vars};
use std::{fmt::Write as _, process::ExitCode};

/// A variable of the environment.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Who reads it.
    pub of: Of,
    /// What it is when it is absent or empty.
    pub default: Absent,
    /// Whether its value is never shown.
    pub secret: bool,
    /// What it is for, in one sentence.
    pub what: &'static str,
}

/// Who reads a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// API and worker.
    Both,
    /// The API alone.
    Api,
    /// The worker alone.
    Worker,
}

/// What a variable is when it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Its absence is a mistake.
    Required,
    /// Nothing: what it is for is off.
    Nothing,
    /// This value.
    Value(&'static str),
    /// This value in development; elsewhere its absence is a mistake.
    InDevelopment(&'static str),
    /// What follows from other variables, in words.
    Words(&'static str),
}

use Absent::{InDevelopment, Nothing, Required, Value, Words};
use Of::{Api, Both, Worker};

const fn var(name: &'static str, of: Of, default: Absent, what: &'static str) -> Variable {
    Variable {
        name,
        of,
        default,
        secret: false,
        what,
    }
}

const fn secret(name: &'static str, of: Of, default: Absent, what: &'static str) -> Variable {
    Variable {
        secret: true,
        ..var(name, of, default, what)
    }
}

/// All of them, by subject.
#[rustfmt::skip]
pub const VARIABLES: &[Variable] = &[
    // the process
    var("APP_ENV", Both, Value("development"), "Where it runs: `development`, `staging` or `production`."),
    var("APP_HOST", Both, Words("`127.0.0.1` in development, else `0.0.0.0`"), "The address to listen on."),
    var("APP_PORT", Api, Value("8888"), "The port of the API."),
    var("METRICS_PORT", Both, Value("9090"), "The port of `/metrics` and `/health`; the worker's `/ready` too."),
    var("SHUTDOWN_SECONDS", Worker, Value("70"), "Seconds that steps under way may take to end after SIGTERM."),
    // logs and traces
    var("LOG_LEVEL", Both, Value("info"), "What is logged: one level, or levels by module (`info,sqlx=debug`)."),
    var("LOG_FORMAT", Both, Words("`pretty` in development, else `json`"), "`json`, an object a line, or `pretty`."),
    var("OTEL_EXPORTER_OTLP_ENDPOINT", Both, Nothing, "The collector of traces, OTLP over HTTP with protobuf, such as `http://collector:4318`; nothing is traced without."),
    var("OTEL_TRACES_SAMPLER_ARG", Both, Value("1"), "The share of traces that are sent, from 0 to 1; one that began elsewhere follows its beginning."),
    var("SLOW_QUERY_MS", Both, Value("200"), "Milliseconds after which a statement of the database is logged as slow."),
    // the database
    secret("DATABASE_URL", Both, Required, "`postgres://…` or, not in production, `sqlite:…`; `?sslmode=verify-full` for TLS."),
    secret("DATABASE_READ_URL", Both, Nothing, "A replica, for what may lag behind: reviews, reports, figures."),
    var("DATABASE_POOL_SIZE", Both, Value("10"), "Connections kept."),
    var("DATABASE_MAX_OVERFLOW", Both, Value("20"), "Connections more when those are in use."),
    var("DATABASE_TIMEOUT", Worker, Value("30"), "Seconds that a statement may take; requests wait 2 s, steps 3.5 s."),
    // Redis
    secret("REDIS_URL", Both, Nothing, "`redis://…`, `rediss://…`, or their `-sentinel` and `-cluster` forms; keeps answers, counts limits, wakes live streams."),
    var("REDIS_TIMEOUT_MS", Both, Value("100"), "Milliseconds that a request, or a step, waits for Redis."),
    // the engine
    var("TEMPORAL_ADDRESS", Both, InDevelopment("127.0.0.1:7233"), "The engine: `host:port`, or a URL."),
    var("TEMPORAL_NAMESPACE", Both, Value("default"), "Its namespace."),
    var("TEMPORAL_TASK_QUEUE", Both, Value("bookings"), "The queue of the bookings; that of outreach is derived from it."),
    var("TEMPORAL_TLS", Both, Value("false"), "Whether TLS is spoken; also on with an `https` address or any of the four below."),
    var("TEMPORAL_TLS_CA", Both, Nothing, "A file of trusted roots, PEM."),
    var("TEMPORAL_TLS_CERT", Both, Nothing, "A file with our certificate, PEM; goes with the key."),
    var("TEMPORAL_TLS_KEY", Both, Nothing, "A file with our key, PEM."),
    var("TEMPORAL_TLS_SERVER_NAME", Both, Nothing, "The name to check the server's certificate against."),
    secret("TEMPORAL_API_KEY", Both, Nothing, "Sent with each call; switches TLS on."),
    var("WORKER_QUEUES", Worker, Value("bookings,outreach"), "Which queues it serves."),
    var("WORKER_DEPLOYMENT", Worker, Nothing, "What the versions of the bookings' worker are called together, for rollouts by the engine; none, and it takes whatever there is."),
    var("WORKER_BUILD_ID", Worker, Nothing, "Which of those versions it is, such as the commit; goes with the name."),
    var("WORKFLOW_CACHE", Worker, Value("2000"), "Open runs kept in memory, a tenth of a MiB each; others are read again when something happens to them."),
    // who calls
    var("KEYCLOAK_ISSUER_URI", Both, Words("the development issuer in development, else required"), "Who signs the tokens, exactly as their `iss` says it; in the worker the realm that accounts are deleted in."),
    var("KEYCLOAK_AUDIENCE", Api, Value("aroti-backend"), "What tokens must be meant for."),
    var("KEYCLOAK_JWKS_URI", Api, Words("the issuer's `/protocol/openid-connect/certs`"), "Where the issuer's keys are."),
    secret("KEYCLOAK_CLIENT_SECRET", Worker, Words("none in development, else required for `bookings`"), "The secret of the client by which accounts are deleted; without it nothing is deleted at an identity provider."),
    var("KEYCLOAK_ADMIN_CLIENT_ID", Worker, Value("aroti-backend"), "That client, whose service account may manage users."),
    var("KEYCLOAK_INTERNAL_URI", Worker, Words("`KEYCLOAK_ISSUER_URI`"), "The realm as the worker reaches it, where that is another address."),
    var("CORS_ALLOWED_ORIGINS", Api, Nothing, "Origins, separated by commas, or, not in production, `*`."),
    var("RATE_LIMIT_USER", Api, Value("1000"), "Requests a minute of one user; 0 for no limit."),
    var("RATE_LIMIT_IP", Api, Value("10000"), "Requests a minute of one address, or of one IPv6 network of 64 bits; 0 for no limit."),
    var("TRUSTED_PROXIES", Api, Nothing, "Networks, separated by commas, whose `X-Forwarded-For` (or else `Forwarded`) is believed."),
    var("MAX_CONCURRENT_REQUESTS", Api, Value("1000"), "Requests answered at once by a process, live streams aside; beyond, 503 `overloaded`."),
    var("SSE_LIMIT", Api, Value("10000"), "Live streams at once."),
    var("FEATURE_FLAGS_SECONDS", Api, Value("60"), "Seconds after which the feature flags are read anew."),
    // keys and links
    secret("DERIVE_KEY", Both, Required, "At least 32 characters, never rotated: request hashes and addresses of feeds in the API, room names in the worker."),
    secret("LINK_KEYS", Both, Words("`DERIVE_KEY`"), "Sign the links of offers; separated by commas, the newest first, each of at least 32 characters."),
    var("PUBLIC_URL", Both, Words("the API's port on loopback in development, else required"), "How the world reaches the API, for links in mails and calendars."),
    var("WEBHOOK_ALLOW_PRIVATE", Both, Value("false"), "Whether addresses that strangers give (calendars, receivers) may be private and over plain HTTP: `true`, or the address and port of one listener; not in production."),
    // mail
    secret("SMTP_URL", Worker, Words("required for `outreach`"), "`smtp://…` or `smtps://user:password@host`."),
    var("MAIL_FROM", Both, InDevelopment("Aroti <no-reply@localhost>"), "Sender of mails, organizer of sessions in calendars."),
    var("MAIL_ALLOWED_RECIPIENTS", Worker, Words("everybody"), "Domains or addresses, separated by commas; mails to others are skipped, as the timeline says."),
    // meetings
    var("MEETING_PROVIDER", Worker, Value("jitsi"), "`jitsi` or `http`."),
    var("JITSI_URL", Worker, Value("https://meet.jit.si"), "Where Jitsi's rooms are."),
    var("JITSI_APP_ID", Worker, Nothing, "Whom the tokens in its links are from; goes with the key."),
    secret("JITSI_KEY", Worker, Nothing, "Signs those tokens; links carry none without it."),
    var("MEETING_API_URL", Worker, Words("required for `http`"), "Below it, `meetings` is the collection."),
    secret("MEETING_API_TOKEN", Worker, Nothing, "Sent to it as a bearer token."),
    var("MEETING_ON_RESCHEDULE", Worker, Value("keep"), "`replace` where that service binds a meeting to its hour."),
    // policies
    var("MAX_HOLDS", Worker, Value("3"), "Holds of a client at a time, and offers of the waitlist to one."),
    var("OFFER_MINUTES", Worker, Value("60"), "Minutes that a slot is offered to somebody who waits."),
    var("BUSY_FEED_MINUTES", Worker, Value("15"), "Minutes between two readings of a calendar elsewhere, give or take a tenth."),
    var("REPORT_HOUR_UTC", Worker, Value("6"), "The hour of UTC, 0 to 23, at which the day before is reported on."),
    var("REPORT_RECIPIENTS", Worker, Words("nobody"), "Addresses, separated by commas, that the daily report is mailed to; read where `outreach` is served."),
];

/// Those that a process of that kind reads.
pub fn of(process: Of) -> impl Iterator<Item = &'static Variable> {
    VARIABLES
        .iter()
        .filter(move |variable| variable.of == Both || variable.of == process)
}

/// What `--check-config` prints: every variable and what it is, or what is wrong; and the status to exit with.
#[must_use]
pub fn check(process: Of, problems: Option<&Problems>, get: &dyn Fn(&str) -> Option<String>) -> (String, ExitCode) {
    if let Some(problems) = problems {
        return (problems.to_string(), ExitCode::from(2));
    }
    let vars = Vars::new(get);
    let mut text = String::new();
    for variable in of(process) {
        let value = match (vars.text(variable.name), variable.secret) {
            (Some(_), true) => "***".to_owned(),
            (Some(value), false) => value,
            (None, _) => match variable.default {
                Required | Nothing => "(none)".to_owned(),
                Value(value) | InDevelopment(value) => format!("{value} (default)"),
                Words(words) => format!("({})", words.replace('`', "")),
            },
        };
        // Writing to a text does not fail.
        let _written = writeln!(text, "{}={value}", variable.name);
    }
    (text, ExitCode::SUCCESS)
}

/// The table of the documentation.
#[must_use]
pub fn table() -> String {
    let mut text = "| variable | of | default | what |\n| --- | --- | --- | --- |\n".to_owned();
    for variable in VARIABLES {
        let of = match variable.of {
            Both => "API, worker",
            Api => "API",
            Worker => "worker",
        };
        let default = match variable.default {
            Required => "required".to_owned(),
            Nothing => "none".to_owned(),
            Value(value) => format!("`{value}`"),
            InDevelopment(value) => format!("`{value}` in development, else required"),
            Words(words) => words.to_owned(),
        };
        let secret = if variable.secret { " Secret." } else { "" };
        let _written = writeln!(
            text,
            "| `{}` | {of} | {default} | {}{secret} |",
            variable.name, variable.what
        );
    }
    text
}

/// An environment: the value of a variable by its name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// For tests: that `read`, a `Config::from_map`, asks for the variables of the table, that a documented default is what
/// it does, and that it never prints a secret. `least` is what it cannot do without; `branches` are more environments,
/// in which it asks for other variables.
///
/// # Panics
/// When something differs.
pub fn prove<C: std::fmt::Debug>(
    process: Of,
    read: &dyn Fn(Environment<'_>) -> Result<C, Problems>,
    least: &[(&str, &str)],
    branches: &[&[(&str, &str)]],
) {
    use std::{cell::RefCell, collections::BTreeSet};
    let asked = RefCell::new(BTreeSet::new());
    let shown = |more: &[(&str, &str)]| {
        let get = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            let pair = more.iter().chain(least).find(|(other, _)| *other == name);
            pair.map(|(_, value)| (*value).to_owned())
        };
        format!(
            "{:?}",
            read(&get).unwrap_or_else(|problems| panic!("{more:?}: {problems}"))
        )
    };
    let plain = shown(&[]);
    for branch in branches {
        shown(branch);
    }
    for variable in of(process) {
        if let Value(value) | InDevelopment(value) = variable.default
            && !least.iter().any(|(name, _)| *name == variable.name)
        {
            assert_eq!(
                shown(&[(variable.name, value)]),
                plain,
                "the default of {}",
                variable.name
            );
        }
    }
    for (name, value) in least {
        let hidden = VARIABLES
            .iter()
            .any(|variable| variable.name == *name && variable.secret);
        assert!(!(hidden && plain.contains(value)), "{name} is printed");
    }
    let documented: BTreeSet<String> = of(process).map(|variable| variable.name.to_owned()).collect();
    assert_eq!(
        asked.into_inner(),
        documented,
        "read, and documented in settings::reference"
    );
}

#[cfg(test)]
mod tests {
    use super::{Of, check, table};
    use crate::Problems;
    use std::{env, fs};

    const BEGIN: &str = "<!-- written by `make configuration` -->\n";
    const END: &str = "<!-- until here -->\n";

    #[test]
    fn the_documentation_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let text = fs::read_to_string(path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
        if env::var_os("WRITE_DOCS").is_some() {
            fs::write(path, &wanted).unwrap();
        } else {
            assert_eq!(text, wanted, "run `make configuration`");
        }
    }

    #[test]
    fn a_check_shows_no_secret() {
        let get = |name: &str| match name {
            "DERIVE_KEY" => Some("hunter2".to_owned()),
            "APP_PORT" => Some("80".to_owned()),
            _ => None,
        };
        let (text, _) = check(Of::Api, None, &get);
        assert!(text.contains("DERIVE_KEY=***\n") && !text.contains("hunter2"), "{text}");
        assert!(
            text.contains("APP_PORT=80\n") && text.contains("METRICS_PORT=9090 (default)\n"),
            "{text}"
        );
        assert!(!text.contains("SMTP_URL"), "the worker's");
        let (text, _) = check(Of::Api, Some(&Problems(vec!["APP_PORT: many".to_owned()])), &get);
        assert!(text.contains("APP_PORT: many"), "{text}");
    }
}
