//! `/health` and `/ready`.

use crate::{http::reply::Ready, state::State};
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use serde::Serialize;
use std::time::Duration;
use tokio::time::timeout;

/// How long the database may take to say that it is there.
const PING: Duration = Duration::from_secs(2);

/// Liveness and readiness.
pub struct HealthApi {
    /// What requests share.
    pub state: State,
}

/// That this process lives.
#[derive(Debug, Object, Serialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// Which process.
    pub service: String,
    /// Which release.
    pub version: String,
}

/// Whether this process can serve, and what it leans on.
#[derive(Debug, Object, Serialize)]
pub struct Readiness {
    /// `ok`, `degraded` (slower, never wrong) or `unavailable`.
    pub status: String,
    /// Which process.
    pub service: String,
    /// Which release.
    pub version: String,
    /// The database.
    pub database: Condition,
    /// The cache; `off` where none is used.
    pub redis: Condition,
}

/// How a dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It answers.
    Ok,
    /// It does not.
    Down,
    /// It is not used.
    Off,
}

const SERVICE: &str = "aroti-api";
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[OpenApi]
impl HealthApi {
    /// That this process lives.
    #[oai(path = "/health", method = "get", operation_id = "health")]
    async fn health(&self) -> Json<Health> {
        Json(Health {
            status: "ok".to_owned(),
            service: SERVICE.to_owned(),
            version: VERSION.to_owned(),
        })
    }

    /// Whether this process can serve: `503` without the database.
    #[oai(path = "/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Ready<Readiness> {
        let database = async { matches!(timeout(PING, self.state.db.ping()).await, Ok(Ok(()))) };
        let redis = async {
            match &self.state.cache {
                None => Condition::Off,
                Some(cache) if cache.answers().await => Condition::Ok,
                Some(_) => Condition::Down,
            }
        };
        let (answers, redis) = tokio::join!(database, redis);
        let status = match (answers, redis) {
            (false, _) => "unavailable",
            (true, Condition::Down) => "degraded",
            (true, Condition::Ok | Condition::Off) => "ok",
        };
        let readiness = Readiness {
            status: status.to_owned(),
            service: SERVICE.to_owned(),
            version: VERSION.to_owned(),
            database: if answers { Condition::Ok } else { Condition::Down },
            redis,
        };
        Ready::new(&readiness, answers)
    }
}
