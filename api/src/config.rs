//! Every variable this process reads.

use crate::limits::address::Proxies;
use settings::{Engine, Environment, LinkKeys, Problems, Reach, Sender, Vars};
use std::{net::IpAddr, str::FromStr};
use telemetry::{LogOptions, Secret, trace::TraceOptions};
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
    /// `OTEL_…`: where traces go, and how many.
    pub traces: TraceOptions,
    /// `DATABASE_URL`: `postgres://…` or, not in production, `sqlite://…`.
    pub database_url: Secret<String>,
    /// `DATABASE_POOL_SIZE`: connections kept; 10.
    pub database_pool_size: u32,
    /// `DATABASE_MAX_OVERFLOW`: connections more when those are in use; 20.
    pub database_max_overflow: u32,
    /// `DATABASE_READ_URL`: a replica, for what may lag behind: reviews.
    pub database_read_url: Option<Secret<String>>,
    /// `SLOW_QUERY_MS`: milliseconds after which a statement is logged as slow; 200.
    pub slow_query_ms: u32,
    /// `REDIS_URL`: cache, limits and wake-ups of who follows a session; without it there is no cache.
    pub redis_url: Option<Secret<String>>,
    /// `REDIS_TIMEOUT_MS`: how long a request waits for Redis; 100.
    pub redis_timeout_ms: u32,
    /// `RATE_LIMIT_USER`: requests a minute of one user; 1000, and 0 for no limit.
    pub rate_limit_user: u32,
    /// `RATE_LIMIT_IP`: requests a minute of one address, of an IPv6 network of 64 bits; 10000, and 0 for no limit.
    pub rate_limit_ip: u32,
    /// `TRUSTED_PROXIES`: networks, separated by commas, whose `X-Forwarded-For` or `Forwarded` is believed; none.
    pub trusted_proxies: Proxies,
    /// `MAX_CONCURRENT_REQUESTS`: how many requests are answered at once, live streams aside; 1000.
    pub max_concurrent_requests: u32,
    /// `SSE_LIMIT`: how many sessions may be followed live at once; 10000.
    pub sse_limit: u32,
    /// `FEATURE_FLAGS_SECONDS`: how often the feature flags are read anew; 60.
    pub feature_flags_seconds: u32,
    /// `KEYCLOAK_ISSUER_URI`: who signs the tokens, exactly as their `iss` says it.
    pub issuer: Url,
    /// `KEYCLOAK_AUDIENCE`: what tokens must be meant for; `aroti-backend`.
    pub audience: String,
    /// `KEYCLOAK_JWKS_URI`: where the issuer's keys are; its `/protocol/openid-connect/certs` when absent.
    pub jwks: Url,
    /// `TEMPORAL_…`: how to reach the engine.
    pub engine: Engine,
    /// `DERIVE_KEY`: makes request hashes and addresses of feeds, seals secrets; at least 32 characters, never rotated.
    pub derive_key: Secret<String>,
    /// `LINK_KEYS`: judge the links in mails that need no login; `DERIVE_KEY` when absent.
    pub link_keys: LinkKeys,
    /// `PUBLIC_URL`: how the world reaches this process, for the addresses of feeds and for links in calendars; `http://127.0.0.1:<port>` in development.
    pub public_url: Url,
    /// `MAIL_FROM`: who invites to sessions in calendars, `Aroti <no-reply@localhost>` in development. The worker's, so
    /// that a session in a mail and in a feed is one to a calendar.
    pub mail_from: Sender,
    /// `WEBHOOK_ALLOW_PRIVATE`: whether addresses that strangers give may be private; `false`, or `true` or the address and
    /// port of one listener where this is not production.
    pub reach: Reach,
    /// `CORS_ALLOWED_ORIGINS`: origins, separated by commas, or, not in production, `*`; none when absent.
    pub cors: Cors,
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
        let port = vars.or("APP_PORT", 8888);
        let metrics_port = vars.or("METRICS_PORT", 9090);
        let log = vars.log(environment);
        let traces = vars.traces();
        let database_url = vars.database(environment);
        let database_pool_size = vars.at_least_one("DATABASE_POOL_SIZE", 10);
        let database_max_overflow = vars.or("DATABASE_MAX_OVERFLOW", 20);
        let database_read_url = vars.database_replica(environment);
        let slow_query_ms = vars.or("SLOW_QUERY_MS", 200);
        let redis_url = vars.redis();
        let redis_timeout_ms = vars.at_least_one("REDIS_TIMEOUT_MS", 100);
        let rate_limit_user = vars.or("RATE_LIMIT_USER", 1_000);
        let rate_limit_ip = vars.or("RATE_LIMIT_IP", 10_000);
        let trusted_proxies = vars.or("TRUSTED_PROXIES", Proxies::default());
        let max_concurrent_requests = vars.at_least_one("MAX_CONCURRENT_REQUESTS", 1_000);
        let sse_limit = vars.at_least_one("SSE_LIMIT", 10_000);
        let feature_flags_seconds = vars.at_least_one("FEATURE_FLAGS_SECONDS", 60);
        let issuer = vars.url("KEYCLOAK_ISSUER_URI", development.then_some("http://127.0.0.1:8180"));
        let audience = vars.or("KEYCLOAK_AUDIENCE", "aroti-backend".to_owned());
        let jwks = jwks(&mut vars, issuer.as_ref());
        let engine = vars.engine(environment, BOOKINGS_QUEUE);
        let derive_key = vars.derive_key();
        let link_keys = vars.link_keys(derive_key.as_ref());
        let reach = vars.reach(environment);
        let ours = format!("http://127.0.0.1:{port}");
        let public_url = vars.url("PUBLIC_URL", development.then_some(ours.as_str()));
        let mail_from = vars.mail_from(environment);
        let cors = vars.or("CORS_ALLOWED_ORIGINS", Cors::None);
        if environment == Environment::Production {
            guard(
                &mut vars,
                &cors,
                [("KEYCLOAK_ISSUER_URI", &issuer), ("KEYCLOAK_JWKS_URI", &jwks)],
            );
        }
        let problems = vars.problems();
        let addresses = (issuer, jwks, public_url, mail_from);
        match (database_url, engine, derive_key, addresses) {
            (
                Some(database_url),
                Some(engine),
                Some(derive_key),
                (Some(issuer), Some(jwks), Some(public_url), Some(mail_from)),
            ) if problems.is_empty() => Ok(Self {
                environment,
                host,
                port,
                metrics_port,
                log,
                traces,
                database_url,
                database_pool_size,
                database_max_overflow,
                database_read_url,
                slow_query_ms,
                redis_url,
                redis_timeout_ms,
                rate_limit_user,
                rate_limit_ip,
                trusted_proxies,
                max_concurrent_requests,
                sse_limit,
                feature_flags_seconds,
                issuer,
                audience,
                jwks,
                engine,
                derive_key,
                link_keys,
                reach,
                public_url,
                mail_from,
                cors,
            }),
            _ => Err(Problems(problems)),
        }
    }

    /// Small limits and addresses where nobody listens, for tests.
    #[must_use]
    pub fn for_test() -> Self {
        Self::from_map(&|name| {
            let value = match name {
                "APP_PORT" | "METRICS_PORT" => "0",
                "DATABASE_URL" => "sqlite://test.db",
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

/// Where the keys are; without an issuer one problem is enough.
fn jwks(vars: &mut Vars<'_>, issuer: Option<&Url>) -> Option<Url> {
    let derived = issuer.map(|issuer| format!("{}/protocol/openid-connect/certs", trimmed(issuer)));
    if derived.is_none() && vars.text("KEYCLOAK_JWKS_URI").is_none() {
        return None;
    }
    vars.url("KEYCLOAK_JWKS_URI", derived.as_deref())
}

/// What development may and production may not.
fn guard(vars: &mut Vars<'_>, cors: &Cors, issuers: [(&str, &Option<Url>); 2]) {
    if *cors == Cors::Any {
        vars.problem("CORS_ALLOWED_ORIGINS", "production names its origins");
    }
    for (name, url) in issuers {
        if url.as_ref().is_some_and(is_loopback) {
            vars.problem(name, "production trusts no issuer on its own machine");
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
