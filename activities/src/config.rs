//! Every variable the worker reads.

use crate::{
    accounts::identity::{IdentityProvider, Realm},
    worker::Deployment,
};
use settings::{Engine, Environment, LinkKeys, Problems, Reach, Sender, Vars};
use std::{net::IpAddr, str::FromStr};
use telemetry::{LogOptions, Secret, trace::TraceOptions};
use url::Url;
use workflows::sessions::contract::BOOKINGS_QUEUE;

/// The configuration of the worker process.
#[derive(Clone, Debug)]
pub struct Config {
    /// `APP_ENV`: where this runs; `development` when absent.
    pub environment: Environment,
    /// `APP_HOST`: the address of the health and metrics port; `127.0.0.1` in development, otherwise `0.0.0.0`.
    pub host: IpAddr,
    /// `METRICS_PORT`: health and metrics; 9090.
    pub metrics_port: u16,
    /// `LOG_LEVEL` (`info`) and `LOG_FORMAT` (`json`; `pretty` in development).
    pub log: LogOptions,
    /// `OTEL_…`: where traces go, and how many.
    pub traces: TraceOptions,
    /// `DATABASE_URL`: `postgres://…` or, not in production, `sqlite:…`.
    pub database_url: Secret<String>,
    /// `DATABASE_POOL_SIZE`: connections kept; 10.
    pub database_pool_size: u32,
    /// `DATABASE_MAX_OVERFLOW`: connections more when those are in use; 20.
    pub database_max_overflow: u32,
    /// `DATABASE_READ_URL`: a replica, for what may lag behind: figures and reports.
    pub database_read_url: Option<Secret<String>>,
    /// `DATABASE_TIMEOUT`: seconds that a statement may take; 30.
    pub database_timeout: u32,
    /// `SLOW_QUERY_MS`: milliseconds after which a statement is logged as slow; 200.
    pub slow_query_ms: u32,
    /// `REDIS_URL`: to wake who follows a session live, and to drop copies of what has changed; the API's.
    pub redis_url: Option<Secret<String>>,
    /// `REDIS_TIMEOUT_MS`: how long Redis may take to answer; 100.
    pub redis_timeout_ms: u32,
    /// How to reach the engine; its task queue is the one of the bookings.
    pub engine: Engine,
    /// `WORKER_QUEUES`: which queues this process serves, `bookings`, `outreach` or both, separated by a comma; both.
    pub queues: Queues,
    /// `WORKER_DEPLOYMENT` and `WORKER_BUILD_ID`: which version of the bookings' worker this is, for rollouts by the
    /// engine; none of both, and it takes whatever there is.
    pub deployment: Option<Deployment>,
    /// `WORKFLOW_CACHE`: open sessions kept in memory, a tenth of a MiB each; 2000.
    pub workflow_cache: u32,
    /// `SHUTDOWN_SECONDS`: how long steps under way may take to end after SIGTERM; 70, longer than the longest step.
    pub shutdown_seconds: u32,
    /// `SMTP_URL`: `smtp://…` or `smtps://user:password@host`, for the queue `outreach`.
    pub smtp_url: Option<Secret<String>>,
    /// `MAIL_FROM`: the sender, whose host is also what sessions in calendars are named by, so that it is the API's too;
    /// `Aroti <no-reply@localhost>` in development.
    pub mail_from: Sender,
    /// `MAIL_ALLOWED_RECIPIENTS`: domains or addresses, separated by commas, that get mail; everybody when absent.
    pub mail_allowed_recipients: Vec<String>,
    /// `PUBLIC_URL`: how the world reaches the API, for links in mails; `http://127.0.0.1:8888` in development.
    pub public_url: Url,
    /// `MEETING_PROVIDER`: who makes the meeting links.
    pub meetings: Meetings,
    /// `MAX_HOLDS`: how many slots one client may hold at a time; 3.
    pub max_holds: u32,
    /// `OFFER_MINUTES`: how long a slot is offered to somebody who waits; 60.
    pub offer_minutes: u32,
    /// `REPORT_HOUR_UTC`: when the day before is reported on, an hour of UTC; 6.
    pub report_hour_utc: u8,
    /// `REPORT_RECIPIENTS`: addresses, separated by commas, that the daily report is mailed to; nobody when absent.
    pub report_recipients: Vec<String>,
    /// `LINK_KEYS`: sign the links in mails that need no login; `DERIVE_KEY` when absent.
    pub link_keys: LinkKeys,
    /// `BUSY_FEED_MINUTES`: how often calendars elsewhere are read; 15.
    pub busy_feed_minutes: u32,
    /// `WEBHOOK_ALLOW_PRIVATE`: whether addresses that strangers give may be private; `false`, or `true` or the address and
    /// port of one listener where this is not production.
    pub reach: Reach,
    /// `DERIVE_KEY`: makes room names and seals secrets; at least 32 characters, never rotated.
    pub derive_key: Secret<String>,
    /// `KEYCLOAK_CLIENT_SECRET`, of the client `KEYCLOAK_ADMIN_CLIENT_ID` (`aroti-backend`), by which accounts are
    /// deleted in the realm `KEYCLOAK_ISSUER_URI`, or `KEYCLOAK_INTERNAL_URI` where this process reaches it otherwise.
    /// Without the secret nothing is deleted there, which development alone may do.
    pub identity: Option<Realm>,
}

/// Which queues a worker serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// Workflows, and the steps that touch our own database or a meeting provider.
    pub bookings: bool,
    /// Mails.
    pub outreach: bool,
}

/// Who makes the meeting links.
#[derive(Clone, Debug)]
pub enum Meetings {
    /// `MEETING_PROVIDER=jitsi`, the default.
    Jitsi {
        /// `JITSI_URL`; `https://meet.jit.si`.
        url: Url,
        /// `JITSI_APP_ID`: whom the tokens are from.
        app_id: Option<String>,
        /// `JITSI_KEY`: the secret that signs them; links carry no token without it.
        key: Option<Secret<String>>,
    },
    /// `MEETING_PROVIDER=http`.
    Http {
        /// `MEETING_API_URL`: below it, `meetings` is the collection.
        url: Url,
        /// `MEETING_API_TOKEN`: sent as a bearer token.
        token: Option<Secret<String>>,
        /// `MEETING_ON_RESCHEDULE`: `keep`, the default, or `replace` where a meeting is bound to its hour.
        moves: bool,
    },
}

impl Config {
    /// Read the environment of this process.
    ///
    /// # Errors
    /// [`Problems`]: all of them, not only the first.
    pub fn from_env() -> Result<Self, Problems> {
        Self::from_map(&Vars::process_env)
    }

    /// Read variables from anywhere; an empty one counts as absent.
    ///
    /// # Errors
    /// [`Problems`]: all of them, not only the first.
    pub fn from_map(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut vars = Vars::new(get);
        let environment = vars.or("APP_ENV", Environment::Development);
        let development = environment == Environment::Development;
        let host = vars.or(
            "APP_HOST",
            IpAddr::from(if development { [127, 0, 0, 1] } else { [0, 0, 0, 0] }),
        );
        let metrics_port = vars.or("METRICS_PORT", 9090);
        let log = vars.log(environment);
        let traces = vars.traces();
        let database_url = vars.database(environment);
        let database_pool_size = vars.at_least_one("DATABASE_POOL_SIZE", 10);
        let database_max_overflow = vars.or("DATABASE_MAX_OVERFLOW", 20);
        let database_read_url = vars.database_replica(environment);
        let database_timeout = vars.at_least_one("DATABASE_TIMEOUT", 30);
        let slow_query_ms = vars.or("SLOW_QUERY_MS", 200);
        let redis_url = vars.redis();
        let redis_timeout_ms = vars.at_least_one("REDIS_TIMEOUT_MS", 100);
        let engine = vars.engine(environment, BOOKINGS_QUEUE);
        let queues = vars.or(
            "WORKER_QUEUES",
            Queues {
                bookings: true,
                outreach: true,
            },
        );
        let deployment = deployment(&mut vars);
        let workflow_cache = vars.at_least_one("WORKFLOW_CACHE", 2_000);
        let shutdown_seconds = vars.or("SHUTDOWN_SECONDS", 70);
        let smtp_url = if queues.outreach {
            vars.required("SMTP_URL").map(Secret::new)
        } else {
            None
        };
        let mail_from = vars.mail_from(environment);
        let allowed = vars.text("MAIL_ALLOWED_RECIPIENTS").unwrap_or_default();
        let public_url = vars.url("PUBLIC_URL", development.then_some("http://127.0.0.1:8888"));
        let meetings = meetings(&mut vars);
        let max_holds = vars.or("MAX_HOLDS", 3);
        let offer_minutes = vars.at_least_one("OFFER_MINUTES", 60);
        let busy_feed_minutes = vars.at_least_one("BUSY_FEED_MINUTES", 15);
        let reach = vars.reach(environment);
        let report_hour_utc = vars.or("REPORT_HOUR_UTC", 6);
        if 23 < report_hour_utc {
            vars.problem("REPORT_HOUR_UTC", "must be 0 to 23");
        }
        let report_recipients = list(&vars.text("REPORT_RECIPIENTS").unwrap_or_default());
        if !report_recipients
            .iter()
            .all(|address| address.parse::<lettre::Address>().is_ok())
        {
            vars.problem("REPORT_RECIPIENTS", "must be mail addresses, separated by commas");
        }
        let derive_key = vars.derive_key();
        let link_keys = vars.link_keys(derive_key.as_ref());
        let identity = identity(&mut vars, environment, queues.bookings);
        let problems = vars.problems();
        match (database_url, engine, mail_from, public_url, meetings, derive_key) {
            (Some(database_url), Some(engine), Some(mail_from), Some(public_url), Some(meetings), Some(derive_key))
                if problems.is_empty() =>
            {
                Ok(Self {
                    environment,
                    host,
                    metrics_port,
                    log,
                    traces,
                    database_url,
                    database_pool_size,
                    database_max_overflow,
                    database_read_url,
                    database_timeout,
                    slow_query_ms,
                    redis_url,
                    redis_timeout_ms,
                    engine,
                    queues,
                    deployment,
                    workflow_cache,
                    shutdown_seconds,
                    smtp_url,
                    mail_from,
                    mail_allowed_recipients: list(&allowed),
                    public_url,
                    meetings,
                    max_holds,
                    offer_minutes,
                    report_hour_utc,
                    report_recipients,
                    link_keys,
                    busy_feed_minutes,
                    reach,
                    derive_key,
                    identity,
                })
            }
            _ => Err(Problems(problems)),
        }
    }
}

/// Which version this is: both of its names, or none.
fn deployment(vars: &mut Vars<'_>) -> Option<Deployment> {
    let (name, build_id) = (vars.text("WORKER_DEPLOYMENT"), vars.text("WORKER_BUILD_ID"));
    // The engine puts both together, with one of these between them.
    if name.as_ref().is_some_and(|name| name.contains(['.', ':'])) {
        vars.problem("WORKER_DEPLOYMENT", "must have no dot and no colon");
    }
    for (variable, value) in [("WORKER_DEPLOYMENT", &name), ("WORKER_BUILD_ID", &build_id)] {
        if value
            .as_ref()
            .is_some_and(|value| value.starts_with("__") || 128 < value.len())
        {
            vars.problem(variable, "must have 128 characters at most, and not begin with `__`");
        }
    }
    if name.is_some() && build_id.is_none() {
        vars.problem("WORKER_BUILD_ID", "goes with WORKER_DEPLOYMENT");
    }
    let deployment = Deployment {
        name: name?,
        build_id: build_id?,
    };
    Some(deployment)
}

/// Who deletes accounts, of a worker that does; a realm's address ends with `/realms/` and its name.
fn identity(vars: &mut Vars<'_>, environment: Environment, serves_accounts: bool) -> Option<Realm> {
    let client_id = vars.or("KEYCLOAK_ADMIN_CLIENT_ID", "aroti-backend".to_owned());
    let secret = vars.text("KEYCLOAK_CLIENT_SECRET").map(Secret::new);
    if !serves_accounts || (secret.is_none() && environment == Environment::Development) {
        return None;
    }
    if secret.is_none() {
        vars.problem("KEYCLOAK_CLIENT_SECRET", "is not set");
    }
    let issuer = vars.url("KEYCLOAK_ISSUER_URI", None);
    let internal = vars.text("KEYCLOAK_INTERNAL_URI").is_some();
    let url = if internal {
        vars.url("KEYCLOAK_INTERNAL_URI", None)
    } else {
        issuer
    };
    let realm = Realm {
        url: url?,
        client_id,
        client_secret: secret?,
    };
    if IdentityProvider::new(&realm).is_err() {
        let name = if internal {
            "KEYCLOAK_INTERNAL_URI"
        } else {
            "KEYCLOAK_ISSUER_URI"
        };
        vars.problem(
            name,
            "must be the address of a realm, such as https://id.example.com/realms/aroti",
        );
    }
    Some(realm)
}

fn meetings(vars: &mut Vars<'_>) -> Option<Meetings> {
    match vars.text("MEETING_PROVIDER").as_deref() {
        None | Some("jitsi") => {
            let (app_id, key) = (vars.text("JITSI_APP_ID"), vars.text("JITSI_KEY").map(Secret::new));
            if app_id.is_some() != key.is_some() {
                vars.problem("JITSI_KEY", "goes with JITSI_APP_ID, both or neither");
            }
            Some(Meetings::Jitsi {
                url: vars.url("JITSI_URL", Some("https://meet.jit.si"))?,
                app_id,
                key,
            })
        }
        Some("http") => Some(Meetings::Http {
            url: vars.url("MEETING_API_URL", None)?,
            token: vars.text("MEETING_API_TOKEN").map(Secret::new),
            moves: match vars.text("MEETING_ON_RESCHEDULE").as_deref() {
                None | Some("keep") => true,
                Some("replace") => false,
                Some(_) => {
                    vars.problem("MEETING_ON_RESCHEDULE", "must be keep or replace");
                    true
                }
            },
        }),
        Some(_) => {
            vars.problem("MEETING_PROVIDER", "must be jitsi or http");
            None
        }
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

impl FromStr for Queues {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut queues = Self {
            bookings: false,
            outreach: false,
        };
        for name in list(text) {
            match name.as_str() {
                "bookings" => queues.bookings = true,
                "outreach" => queues.outreach = true,
                _ => return Err("must name bookings, outreach or both"),
            }
        }
        Ok(queues)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Problems> {
        Config::from_map(&|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let Problems(problems) = read(&[
            ("APP_ENV", "production"),
            ("DATABASE_URL", "sqlite:a.db"),
            ("MEETING_PROVIDER", "http"),
            ("WORKER_QUEUES", "bookings,mails"),
            ("REPORT_HOUR_UTC", "24"),
            ("REPORT_RECIPIENTS", "root@example.test, nobody"),
            ("DERIVE_KEY", "short"),
        ])
        .unwrap_err();
        let names: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(
            names,
            [
                "DATABASE_URL",
                "TEMPORAL_ADDRESS",
                "WORKER_QUEUES",
                "SMTP_URL",
                "MAIL_FROM",
                "PUBLIC_URL",
                "MEETING_API_URL",
                "REPORT_HOUR_UTC",
                "REPORT_RECIPIENTS",
                "DERIVE_KEY",
                "KEYCLOAK_CLIENT_SECRET",
                "KEYCLOAK_ISSUER_URI"
            ]
        );
    }

    #[test]
    fn accounts_are_deleted_elsewhere_too_but_in_development() {
        let with = |more: &[(&str, &str)]| {
            let pairs = [
                ("DATABASE_URL", "postgres://db/aroti"),
                ("DERIVE_KEY", "0123456789abcdef0123456789abcdef"),
                ("WORKER_QUEUES", "bookings"),
                ("MAIL_FROM", "Aroti <mail@example.com>"),
                ("PUBLIC_URL", "https://api.example.com"),
                ("TEMPORAL_ADDRESS", "temporal:7233"),
            ];
            read(&[&pairs, more].concat())
        };
        let realm = ("KEYCLOAK_ISSUER_URI", "https://id.example.com/realms/aroti");
        let secret = ("KEYCLOAK_CLIENT_SECRET", "hunter2hunter2");
        let production = ("APP_ENV", "production");
        assert!(with(&[realm]).unwrap().identity.is_none(), "development may do without");
        let config = with(&[production, realm, secret]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"), "secrets are not printed");
        let identity = config.identity.unwrap();
        assert_eq!(
            (identity.url.as_str(), identity.client_id.as_str()),
            (realm.1, "aroti-backend")
        );
        let internal = ("KEYCLOAK_INTERNAL_URI", "http://keycloak:8080/realms/aroti");
        let identity = with(&[production, realm, internal, secret]).unwrap().identity.unwrap();
        assert_eq!(identity.url.as_str(), internal.1);
        for (wrong, name) in [
            (vec![production, realm], "KEYCLOAK_CLIENT_SECRET"),
            (vec![production, secret], "KEYCLOAK_ISSUER_URI"),
            (
                vec![production, secret, ("KEYCLOAK_ISSUER_URI", "https://id.example.com/")],
                "KEYCLOAK_ISSUER_URI",
            ),
        ] {
            let Problems(problems) = with(&wrong).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with(name), "{problems:?}");
        }
    }

    #[test]
    fn every_variable_is_documented_with_its_default() {
        settings::reference::prove(
            settings::reference::Of::Worker,
            &|get| Config::from_map(get),
            &[
                ("DATABASE_URL", "postgres://aroti:hush-hush@db/aroti"),
                ("DERIVE_KEY", "0123456789abcdef0123456789abcdef"),
                ("SMTP_URL", "smtp://aroti:hush-hush@mail"),
            ],
            &[
                &[
                    ("MEETING_PROVIDER", "http"),
                    ("MEETING_API_URL", "https://meet.example.com"),
                ],
                &[
                    ("KEYCLOAK_CLIENT_SECRET", "hush-hush"),
                    ("KEYCLOAK_ISSUER_URI", "https://auth.example.com/realms/aroti"),
                ],
            ],
        );
    }

    #[test]
    fn a_version_has_two_names_or_none() {
        let with = |more: &[(&str, &str)]| {
            let pairs = [
                ("DATABASE_URL", "sqlite:a.db"),
                ("DERIVE_KEY", "0123456789abcdef0123456789abcdef"),
                ("WORKER_QUEUES", "bookings"),
            ];
            read(&[&pairs, more].concat())
        };
        let (name, build) = (("WORKER_DEPLOYMENT", "aroti"), ("WORKER_BUILD_ID", "4f2a9c1"));
        assert!(with(&[]).unwrap().deployment.is_none());
        // An image carries its build, whether or not anybody rolls out by it.
        assert!(with(&[build]).unwrap().deployment.is_none());
        let deployment = with(&[name, build]).unwrap().deployment.unwrap();
        assert_eq!((&*deployment.name, &*deployment.build_id), ("aroti", "4f2a9c1"));
        assert!(with(&[name, ("WORKER_BUILD_ID", "v1.2.3")]).is_ok(), "a release");
        for (wrong, variable) in [
            (vec![name], "WORKER_BUILD_ID"),
            (vec![name, ("WORKER_BUILD_ID", "__unversioned__")], "WORKER_BUILD_ID"),
            (vec![build, ("WORKER_DEPLOYMENT", "aroti.eu")], "WORKER_DEPLOYMENT"),
        ] {
            let Problems(problems) = with(&wrong).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with(variable), "{problems:?}");
        }
    }

    #[test]
    fn a_worker_of_bookings_alone_needs_no_mail_server() {
        let config = read(&[
            ("DATABASE_URL", "sqlite:a.db"),
            ("DERIVE_KEY", "0123456789abcdef0123456789abcdef"),
            ("WORKER_QUEUES", "bookings"),
        ])
        .unwrap();
        assert!(config.queues.bookings && !config.queues.outreach);
        assert!(matches!(config.meetings, Meetings::Jitsi { key: None, .. }));
        assert!(
            !format!("{config:?}").contains("0123456789abcdef"),
            "secrets are not printed"
        );
    }
}
