//! Every variable this process reads.

use std::{env, fmt, net::IpAddr, path::PathBuf, str::FromStr};
use telemetry::{LogFormat, LogLevel, LogOptions, Secret};
use url::{Host, Url};
use workflows::sessions::contract::BOOKINGS_QUEUE;

/// The configuration of the HTTP process.
#[derive(Clone, Debug)]
pub struct Config {
    /// `APP_ENV`: where this runs; `development` when absent.
    pub environment: Environment,
    /// `APP_HOST`: the address to listen on; `127.0.0.1` in development, otherwise `0.0.0.0`.
    pub host: IpAddr,
    /// `APP_PORT`: the port to listen on; 8888.
    pub port: u16,
    /// `METRICS_PORT`: the port that shows the metrics; 9090.
    pub metrics_port: u16,
    /// `LOG_LEVEL` (`info`) and `LOG_FORMAT` (`json`; `pretty` in development).
    pub log: LogOptions,
    /// `DATABASE_URL`: `postgres://…` or, not in production, `sqlite://…`.
    pub database_url: Secret<String>,
    /// `DATABASE_POOL_SIZE`: connections kept; 10.
    pub database_pool_size: u32,
    /// `DATABASE_MAX_OVERFLOW`: connections more when those are in use; 20.
    pub database_max_overflow: u32,
    /// `SLOW_QUERY_MS`: queries that take longer are logged by name; 200 milliseconds.
    pub slow_query_ms: u32,
    /// `REDIS_URL`: cache and limits; without it there is no cache.
    pub redis_url: Option<Secret<String>>,
    /// `KEYCLOAK_ISSUER_URI`: who signs the tokens, exactly as their `iss` says it.
    pub issuer: Url,
    /// `KEYCLOAK_AUDIENCE`: what tokens must be meant for; `aroti-backend`.
    pub audience: String,
    /// `KEYCLOAK_JWKS_URI`: where the issuer's keys are; its `/protocol/openid-connect/certs` when absent.
    pub jwks: Url,
    /// How to reach the engine.
    pub temporal: Temporal,
    /// `DERIVE_KEY`: makes request hashes; at least 32 characters, never rotated.
    pub derive_key: Secret<String>,
    /// `PUBLIC_URL`: how the world reaches this process; `http://127.0.0.1:<port>` in development.
    pub public_url: Url,
    /// `CORS_ALLOWED_ORIGINS`: origins, separated by commas, or, not in production, `*`; none when absent.
    pub cors: Cors,
}

/// How to reach the engine.
#[derive(Clone, Debug)]
pub struct Temporal {
    /// `TEMPORAL_ADDRESS`: `host:port`, or a URL; `127.0.0.1:7233` in development.
    pub address: Url,
    /// `TEMPORAL_NAMESPACE`; `default`.
    pub namespace: String,
    /// `TEMPORAL_TASK_QUEUE`: the queue of the bookings; `bookings`.
    pub task_queue: String,
    /// `TEMPORAL_TLS_CA`, `TEMPORAL_TLS_CERT`, `TEMPORAL_TLS_KEY`, `TEMPORAL_TLS_SERVER_NAME`.
    pub tls: Tls,
    /// `TEMPORAL_API_KEY`: sent with each call; switches TLS on.
    pub api_key: Option<Secret<String>>,
}

/// How the connection to the engine is secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `TEMPORAL_TLS`: whether TLS is spoken at all; also on when the address says `https` or any of the below is set.
    pub on: bool,
    /// A file of trusted roots, PEM.
    pub ca: Option<PathBuf>,
    /// A file with our certificate, PEM.
    pub cert: Option<PathBuf>,
    /// A file with our key, PEM.
    pub key: Option<PathBuf>,
    /// The name to check the server's certificate against.
    pub server_name: Option<String>,
}

/// Where this process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    #[default]
    Development,
    /// Where releases are tried.
    Staging,
    /// For real.
    Production,
}

/// Which origins may call from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// None but our own.
    #[default]
    None,
    /// These.
    Origins(Vec<String>),
    /// Any.
    Any,
}

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

impl Config {
    /// Read the environment of this process.
    ///
    /// # Errors
    /// [`Problems`]: all of them, not only the first.
    pub fn from_env() -> Result<Self, Problems> {
        Self::from_map(|name| env::var(name).ok())
    }

    /// Read variables from anywhere; an empty one counts as absent.
    ///
    /// # Errors
    /// [`Problems`]: all of them, not only the first.
    pub fn from_map(get: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut vars = Vars { get: &get, problems: Vec::new() };
        let environment = vars.or("APP_ENV", Environment::Development);
        let development = environment == Environment::Development;
        let port = vars.or("APP_PORT", 8888);
        let format = if development { LogFormat::Pretty } else { LogFormat::Json };
        let issuer = vars.url("KEYCLOAK_ISSUER_URI", development.then_some("http://127.0.0.1:8180"));
        let jwks = issuer.as_ref().map(|issuer| format!("{}/protocol/openid-connect/certs", trimmed(issuer)));
        let config = Draft {
            environment,
            host: vars.or("APP_HOST", IpAddr::from(if development { [127, 0, 0, 1] } else { [0, 0, 0, 0] })),
            port,
            metrics_port: vars.or("METRICS_PORT", 9090),
            log: LogOptions {
                level: vars.or("LOG_LEVEL", LogLevel::default()),
                format: vars.or("LOG_FORMAT", format),
            },
            database_url: vars.database(environment),
            database_pool_size: vars.at_least_one("DATABASE_POOL_SIZE", 10),
            database_max_overflow: vars.or("DATABASE_MAX_OVERFLOW", 20),
            slow_query_ms: vars.at_least_one("SLOW_QUERY_MS", 200),
            redis_url: vars.redis(),
            audience: vars.or("KEYCLOAK_AUDIENCE", "aroti-backend".to_owned()),
            jwks: vars.url("KEYCLOAK_JWKS_URI", jwks.as_deref()),
            temporal: vars.temporal(development),
            derive_key: vars.derive_key(),
            public_url: vars.url("PUBLIC_URL", development.then(|| format!("http://127.0.0.1:{port}")).as_deref()),
            cors: vars.or("CORS_ALLOWED_ORIGINS", Cors::None),
            issuer,
        };
        if environment == Environment::Production {
            vars.production(&config);
        }
        config.finish(vars.problems)
    }

    /// Small limits and addresses where nobody listens, for tests.
    #[must_use]
    pub fn for_test() -> Self {
        Self::from_map(|name| {
            let value = match name {
                "APP_PORT" | "METRICS_PORT" => "0",
                "DATABASE_URL" => "sqlite::memory:",
                "DATABASE_POOL_SIZE" => "2",
                "DATABASE_MAX_OVERFLOW" => "0",
                "KEYCLOAK_ISSUER_URI" | "PUBLIC_URL" => "http://127.0.0.1:1",
                "TEMPORAL_ADDRESS" => "127.0.0.1:1",
                "DERIVE_KEY" => "a key for tests, and for tests only",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .expect("the values above are valid")
    }
}

/// A configuration some of whose values may be missing: why is among the problems.
struct Draft {
    environment: Environment,
    host: IpAddr,
    port: u16,
    metrics_port: u16,
    log: LogOptions,
    database_url: Option<Secret<String>>,
    database_pool_size: u32,
    database_max_overflow: u32,
    slow_query_ms: u32,
    redis_url: Option<Secret<String>>,
    issuer: Option<Url>,
    audience: String,
    jwks: Option<Url>,
    temporal: Option<Temporal>,
    derive_key: Option<Secret<String>>,
    public_url: Option<Url>,
    cors: Cors,
}

impl Draft {
    fn finish(self, problems: Vec<String>) -> Result<Config, Problems> {
        let Self { database_url, issuer, jwks, temporal, derive_key, public_url, .. } = self;
        let (true, Some(database_url), Some(issuer), Some(jwks), Some(temporal), Some(derive_key), Some(public_url)) =
            (problems.is_empty(), database_url, issuer, jwks, temporal, derive_key, public_url)
        else {
            return Err(Problems(problems));
        };
        Ok(Config {
            environment: self.environment,
            host: self.host,
            port: self.port,
            metrics_port: self.metrics_port,
            log: self.log,
            database_url,
            database_pool_size: self.database_pool_size,
            database_max_overflow: self.database_max_overflow,
            slow_query_ms: self.slow_query_ms,
            redis_url: self.redis_url,
            issuer,
            audience: self.audience,
            jwks,
            temporal,
            derive_key,
            public_url,
            cors: self.cors,
        })
    }
}

struct Vars<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Vars<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn problem(&mut self, name: &str, what: impl fmt::Display) {
        self.problems.push(format!("{name}: {what}"));
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.problem(name, "is not set");
        }
        text
    }

    fn or<T>(&mut self, name: &str, default: T) -> T
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

    fn at_least_one(&mut self, name: &str, default: u32) -> u32 {
        let value = self.or(name, default);
        if value == 0 {
            self.problem(name, "must be at least 1");
        }
        value
    }

    fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
        let text = match (self.text(name), default) {
            (Some(text), _) => text,
            (None, Some(default)) => default.to_owned(),
            // One problem is enough for an address that is derived from another.
            (None, None) if name == "KEYCLOAK_JWKS_URI" => return None,
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

    fn database(&mut self, environment: Environment) -> Option<Secret<String>> {
        let text = self.required("DATABASE_URL")?;
        let sqlite = text.starts_with("sqlite:");
        if !sqlite && !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            self.problem("DATABASE_URL", "must begin with postgres:// or sqlite:");
            return None;
        }
        if sqlite && environment == Environment::Production {
            self.problem("DATABASE_URL", "production does not run on SQLite");
        }
        Some(text.into())
    }

    fn redis(&mut self) -> Option<Secret<String>> {
        let text = self.text("REDIS_URL")?;
        if !text.starts_with("redis") {
            self.problem("REDIS_URL", "must begin with redis:// or rediss://, or their -sentinel and -cluster forms");
        }
        Some(text.into())
    }

    fn derive_key(&mut self) -> Option<Secret<String>> {
        let text = self.required("DERIVE_KEY")?;
        if text.len() < 32 {
            self.problem("DERIVE_KEY", "must have at least 32 characters");
        }
        Some(text.into())
    }

    fn temporal(&mut self, development: bool) -> Option<Temporal> {
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
        for (name, file) in [("TEMPORAL_TLS_CA", &tls.ca), ("TEMPORAL_TLS_CERT", &tls.cert), ("TEMPORAL_TLS_KEY", &tls.key)] {
            if file.as_ref().is_some_and(|file| !file.is_file()) {
                self.problem(name, "is not a file");
            }
        }
        tls.on |= tls.ca.is_some() || tls.cert.is_some() || tls.server_name.is_some() || api_key.is_some();
        let address = match self.text("TEMPORAL_ADDRESS") {
            None if development => "127.0.0.1:7233".to_owned(),
            None => self.required("TEMPORAL_ADDRESS")?,
            Some(address) => address,
        };
        tls.on |= address.starts_with("https://");
        let scheme = if tls.on { "https" } else { "http" };
        let address = match address.split_once("://") {
            Some((_, rest)) => format!("{scheme}://{rest}"),
            None => format!("{scheme}://{address}"),
        };
        let address = match Url::parse(&address) {
            Ok(url) if url.port().is_some() => url,
            _ => {
                self.problem("TEMPORAL_ADDRESS", "must be host:port");
                return None;
            }
        };
        Some(Temporal {
            address,
            namespace: self.or("TEMPORAL_NAMESPACE", "default".to_owned()),
            task_queue: self.or("TEMPORAL_TASK_QUEUE", BOOKINGS_QUEUE.to_owned()),
            tls,
            api_key,
        })
    }

    fn production(&mut self, config: &Draft) {
        if config.cors == Cors::Any {
            self.problem("CORS_ALLOWED_ORIGINS", "production names its origins");
        }
        for (name, url) in [("KEYCLOAK_ISSUER_URI", &config.issuer), ("KEYCLOAK_JWKS_URI", &config.jwks)] {
            if url.as_ref().is_some_and(is_loopback) {
                self.problem(name, "production trusts no issuer on its own machine");
            }
        }
    }
}

impl FromStr for Environment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "development" => Ok(Self::Development),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err("must be development, staging or production"),
        }
    }
}

impl FromStr for Cors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        let origins = origins.map(|origin| match Url::parse(origin) {
            Ok(url) if url.origin().is_tuple() && url.origin().ascii_serialization() == origin => Ok(origin.to_owned()),
            _ => Err(format!("{origin:?} is not an origin such as https://app.example.com")),
        });
        Ok(Self::Origins(origins.collect::<Result<_, _>>()?))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An address without a slash at its end, as issuers spell themselves.
pub(crate) fn trimmed(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests;
