use crate::{Engine, Environment, LinkKeys, Reach, Sender, Tls};
use std::{env, fmt, path::PathBuf, str::FromStr};
use telemetry::{LogFormat, LogLevel, LogOptions, Secret, trace::TraceOptions};
use url::Url;

/// Everything that is wrong with an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} problem(s) in the configuration", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// A reader of variables that goes on after a mistake, so that all of them are reported at once.
///
/// An empty variable counts as absent.
pub struct Vars<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Vars<'a> {
    /// A reader of `get`, which is [`process_env`](Self::process_env) but in tests.
    pub fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            get,
            problems: Vec::new(),
        }
    }

    /// The environment of this process.
    #[must_use]
    pub fn process_env(name: &str) -> Option<String> {
        env::var(name).ok()
    }

    /// What was wrong so far.
    #[must_use]
    pub fn problems(self) -> Vec<String> {
        self.problems
    }

    /// The variable, trimmed.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        (self.get)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Report a mistake in `name`.
    pub fn problem(&mut self, name: &str, what: impl fmt::Display) {
        self.problems.push(format!("{name}: {what}"));
    }

    /// The variable, whose absence is a mistake.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.problem(name, "is not set");
        }
        text
    }

    /// The variable parsed, or `default` when it is absent.
    pub fn or<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.text(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.problem(name, error);
                default
            }
        }
    }

    /// A number of at least 1.
    pub fn at_least_one(&mut self, name: &str, default: u32) -> u32 {
        let value = self.or(name, default);
        if value == 0 {
            self.problem(name, "must be at least 1");
        }
        value
    }

    /// An http or https address; without a `default` its absence is a mistake.
    pub fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
        let text = match (self.text(name), default) {
            (Some(text), _) => text,
            (None, Some(default)) => default.to_owned(),
            (None, None) => return self.required(name).and(None),
        };
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            Ok(_) => {
                self.problem(name, "must be an http or https address");
                None
            }
            Err(error) => {
                self.problem(name, error);
                None
            }
        }
    }

    /// `LOG_LEVEL` (`info`) and `LOG_FORMAT` (`json`; `pretty` in development).
    pub fn log(&mut self, environment: Environment) -> LogOptions {
        let format = if environment == Environment::Development {
            LogFormat::Pretty
        } else {
            LogFormat::Json
        };
        LogOptions {
            level: self.or("LOG_LEVEL", LogLevel::default()),
            format: self.or("LOG_FORMAT", format),
        }
    }

    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, without which nothing is traced, and `OTEL_TRACES_SAMPLER_ARG` (1): a share.
    pub fn traces(&mut self) -> TraceOptions {
        let endpoint = match self.text("OTEL_EXPORTER_OTLP_ENDPOINT") {
            Some(_) => self.url("OTEL_EXPORTER_OTLP_ENDPOINT", None).map(String::from),
            None => None,
        };
        let share = self.or("OTEL_TRACES_SAMPLER_ARG", 1.0);
        if !(0.0..=1.0).contains(&share) {
            self.problem("OTEL_TRACES_SAMPLER_ARG", "must be a share from 0 to 1");
        }
        TraceOptions { endpoint, share }
    }

    /// `REDIS_URL`: `redis://…`, `rediss://…` or their sentinel and cluster forms.
    pub fn redis(&mut self) -> Option<Secret<String>> {
        let text = self.text("REDIS_URL")?;
        if !text.starts_with("redis") {
            self.problem(
                "REDIS_URL",
                "must begin with redis:// or rediss://, or their -sentinel and -cluster forms",
            );
        }
        Some(text.into())
    }

    /// `DATABASE_URL`: `postgres://…` or, not in production, `sqlite:…`.
    pub fn database(&mut self, environment: Environment) -> Option<Secret<String>> {
        let text = self.required("DATABASE_URL")?;
        self.database_at("DATABASE_URL", text, environment)
    }

    /// `DATABASE_READ_URL`: a replica, of the same kinds.
    pub fn database_replica(&mut self, environment: Environment) -> Option<Secret<String>> {
        let text = self.text("DATABASE_READ_URL")?;
        self.database_at("DATABASE_READ_URL", text, environment)
    }

    fn database_at(&mut self, name: &str, text: String, environment: Environment) -> Option<Secret<String>> {
        let sqlite = text.starts_with("sqlite:");
        if !sqlite && !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            self.problem(name, "must begin with postgres:// or sqlite:");
            return None;
        }
        if sqlite && environment == Environment::Production {
            self.problem(name, "production does not run on SQLite");
        }
        Some(text.into())
    }

    /// `DERIVE_KEY`: makes room names, request hashes and addresses of feeds; at least 32 characters, never rotated.
    pub fn derive_key(&mut self) -> Option<Secret<String>> {
        let text = self.required("DERIVE_KEY")?;
        if text.len() < 32 {
            self.problem("DERIVE_KEY", "must have at least 32 characters");
        }
        Some(text.into())
    }

    /// `MAIL_FROM`: the sender of mails and organizer of sessions in calendars, `Aroti <mail@example.com>` or the address
    /// alone; `Aroti <no-reply@localhost>` in development.
    pub fn mail_from(&mut self, environment: Environment) -> Option<Sender> {
        let text = match self.text("MAIL_FROM") {
            None if environment == Environment::Development => "Aroti <no-reply@localhost>".to_owned(),
            None => self.required("MAIL_FROM")?,
            Some(text) => text,
        };
        text.parse().map_err(|error| self.problem("MAIL_FROM", error)).ok()
    }

    /// `LINK_KEYS`: sign the links in mails that need no login, separated by commas, the newest first and each of at least
    /// 32 characters; `derive_key` when absent.
    pub fn link_keys(&mut self, derive_key: Option<&Secret<String>>) -> LinkKeys {
        let text = self.text("LINK_KEYS").unwrap_or_default();
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        let keys: Vec<Secret<String>> = keys.map(|key| key.to_owned().into()).collect();
        if keys.iter().any(|key| key.expose().len() < 32) {
            self.problem("LINK_KEYS", "each must have at least 32 characters");
        }
        if keys.is_empty() {
            return LinkKeys::new(derive_key.map(std::slice::from_ref).unwrap_or_default());
        }
        LinkKeys::new(&keys)
    }

    /// `WEBHOOK_ALLOW_PRIVATE`: whether addresses that strangers give us, of calendars and receivers, may be private ones and
    /// over plain HTTP: `false`, or `true` or the address and port of one listener where this is not production.
    pub fn reach(&mut self, environment: Environment) -> Reach {
        let reach = self.or("WEBHOOK_ALLOW_PRIVATE", Reach::Public);
        if reach != Reach::Public && environment == Environment::Production {
            self.problem("WEBHOOK_ALLOW_PRIVATE", "production calls the public internet only");
        }
        reach
    }

    /// `TEMPORAL_…`: how to reach the engine; the variables are named at [`Engine`].
    pub fn engine(&mut self, environment: Environment, default_queue: &str) -> Option<Engine> {
        let api_key = self.text("TEMPORAL_API_KEY").map(Secret::from);
        let mut tls = Tls {
            on: self.or("TEMPORAL_TLS", false),
            ca: self.text("TEMPORAL_TLS_CA").map(PathBuf::from),
            cert: self.text("TEMPORAL_TLS_CERT").map(PathBuf::from),
            key: self.text("TEMPORAL_TLS_KEY").map(PathBuf::from),
            server_name: self.text("TEMPORAL_TLS_SERVER_NAME"),
        };
        if tls.cert.is_some() != tls.key.is_some() {
            self.problem("TEMPORAL_TLS_CERT", "goes with TEMPORAL_TLS_KEY, both or neither");
        }
        for (name, file) in [
            ("TEMPORAL_TLS_CA", &tls.ca),
            ("TEMPORAL_TLS_CERT", &tls.cert),
            ("TEMPORAL_TLS_KEY", &tls.key),
        ] {
            if file.as_ref().is_some_and(|file| !file.is_file()) {
                self.problem(name, "is not a file");
            }
        }
        tls.on |= tls.ca.is_some() || tls.cert.is_some() || tls.server_name.is_some() || api_key.is_some();
        let address = match self.text("TEMPORAL_ADDRESS") {
            None if environment == Environment::Development => "127.0.0.1:7233".to_owned(),
            None => self.required("TEMPORAL_ADDRESS")?,
            Some(address) => address,
        };
        tls.on |= address.starts_with("https://");
        let scheme = if tls.on { "https" } else { "http" };
        let host = address.split_once("://").map_or(address.as_str(), |(_, host)| host);
        let address = match Url::parse(&format!("{scheme}://{host}")) {
            Ok(url) if url.port().is_some() => url,
            _ => {
                self.problem("TEMPORAL_ADDRESS", "must be host:port");
                return None;
            }
        };
        Some(Engine {
            address,
            namespace: self.or("TEMPORAL_NAMESPACE", "default".to_owned()),
            task_queue: self.or("TEMPORAL_TASK_QUEUE", default_queue.to_owned()),
            tls,
            api_key,
        })
    }
}
