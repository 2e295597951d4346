//! What requests share.

use crate::{
    auth::{
        jwks::{Keys, Patience},
        people::People,
        verifier::Verifier,
    },
    config::{self, Config, Cors},
    sessions::{flight::Flights, hash::Hasher},
    temporal::Engine,
};
use anyhow::{Context, Result};
use entities::{
    cache::Cache,
    db::{self, Db},
};
use settings::LinkKeys;
use std::{sync::Arc, time::Duration};

/// The parts of this process; cheap to clone.
#[derive(Clone)]
pub struct State {
    /// The database.
    pub db: Db,
    /// Redis, where it is used.
    pub cache: Option<Cache>,
    /// The engine.
    pub engine: Engine,
    /// Judges tokens.
    pub verifier: Arc<Verifier>,
    /// Whom we have met lately.
    pub people: Arc<People>,
    /// Makes request hashes.
    pub hasher: Arc<Hasher>,
    /// Judge the links in mails.
    pub links: LinkKeys,
    /// Bookings under way.
    pub flights: Arc<Flights>,
    /// Who may call from a browser.
    pub cors: Cors,
}

impl State {
    /// Open what the configuration names; neither the engine nor PostgreSQL needs to be there yet.
    ///
    /// # Errors
    /// A file of the configuration that cannot be read, or an SQLite file that cannot be opened.
    pub async fn connect(config: &Config) -> Result<Self> {
        let options = db::Options {
            pool_size: config.database_pool_size,
            max_overflow: config.database_max_overflow,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(2),
            lock_timeout: Duration::from_secs(2),
            application_name: "aroti-api".to_owned(),
        };
        let db = Db::connect(config.database_url.expose(), &options)
            .await
            .context("cannot open the database")?;
        let engine = Engine::new(&config.engine).context("cannot set up the engine's client")?;
        let cache = config
            .redis_url
            .as_ref()
            .map(|url| Cache::connect(url.expose()))
            .transpose();
        Ok(Self {
            cache: cache.context("REDIS_URL")?,
            ..Self::new(config, db, engine)
        })
    }

    /// The parts around a database and an engine.
    #[must_use]
    pub fn new(config: &Config, db: Db, engine: Engine) -> Self {
        let keys = Keys::new(config.jwks.clone(), Patience::default());
        let issuer = config::trimmed(&config.issuer);
        Self {
            db,
            cache: None,
            engine,
            verifier: Arc::new(Verifier::new(keys, issuer, &config.audience)),
            people: Arc::default(),
            hasher: Arc::new(Hasher::new(&config.derive_key)),
            links: config.link_keys.clone(),
            flights: Arc::default(),
            cors: config.cors.clone(),
        }
    }
}
