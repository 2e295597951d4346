//! Every variable the worker reads.

use settings::{Engine, Environment, LinkKeys, Problems, Sender, Vars};
use std::{net::IpAddr, str::FromStr};
use telemetry::{LogOptions, Secret};
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
    /// `DATABASE_URL`: `postgres://…` or, not in production, `sqlite:…`.
    pub database_url: Secret<String>,
    /// `DATABASE_POOL_SIZE`: connections kept; 10.
    pub database_pool_size: u32,
    /// `DATABASE_MAX_OVERFLOW`: connections more when those are in use; 20.
    pub database_max_overflow: u32,
    /// `REDIS_URL`: to wake who follows a session live, and to drop copies of what has changed; the API's.
    pub redis_url: Option<Secret<String>>,
    /// `REDIS_TIMEOUT_MS`: how long Redis may take to answer; 100.
    pub redis_timeout_ms: u32,
    /// How to reach the engine; its task queue is the one of the bookings.
    pub engine: Engine,
    /// `WORKER_QUEUES`: which queues this process serves, `bookings`, `outreach` or both, separated by a comma; both.
    pub queues: Queues,
    /// `WORKFLOW_CACHE`: open sessions kept in memory; 10000.
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
    /// `LINK_KEYS`: sign the links in mails that need no login; `DERIVE_KEY` when absent.
    pub link_keys: LinkKeys,
    /// `DERIVE_KEY`: makes room names; at least 32 characters, never rotated.
    pub derive_key: Secret<String>,
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
        let database_url = vars.database(environment);
        let database_pool_size = vars.at_least_one("DATABASE_POOL_SIZE", 10);
        let database_max_overflow = vars.or("DATABASE_MAX_OVERFLOW", 20);
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
        let workflow_cache = vars.at_least_one("WORKFLOW_CACHE", 10_000);
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
        let derive_key = vars.derive_key();
        let link_keys = vars.link_keys(derive_key.as_ref());
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
                    database_url,
                    database_pool_size,
                    database_max_overflow,
                    redis_url,
                    redis_timeout_ms,
                    engine,
                    queues,
                    workflow_cache,
                    shutdown_seconds,
                    smtp_url,
                    mail_from,
                    mail_allowed_recipients: list(&allowed),
                    public_url,
                    meetings,
                    max_holds,
                    offer_minutes,
                    link_keys,
                    derive_key,
                })
            }
            _ => Err(Problems(problems)),
        }
    }
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
                "DERIVE_KEY"
            ]
        );
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
