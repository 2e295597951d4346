//! What requests share.

use crate::{
    auth::{
        jwks::{Keys, Patience},
        people::People,
        verifier::Verifier,
    },
    calendars::token::Signer,
    config::{self, Config, Cors},
    copies::Copies,
    limits::admit::Limits,
    sessions::{events::hub::Hub, flight::Flights, hash::Hasher, read::Sessions},
    temporal::Engine,
};
use anyhow::{Context, Result};
use entities::{
    cache::{Cache, news::News},
    db::{self, Db},
    feature_flag::Flags,
};
use settings::{LinkKeys, Reach, Sealer, Sender};
use std::{sync::Arc, time::Duration};

/// The parts of this process; cheap to clone.
#[derive(Clone)]
pub struct State {
    /// The database.
    pub db: Db,
    /// Redis, where it is used.
    pub cache: Option<Cache>,
    /// Answers that are kept.
    pub copies: Arc<Copies>,
    /// How much may be asked.
    pub limits: Arc<Limits>,
    /// The engine.
    pub engine: Engine,
    /// Judges tokens.
    pub verifier: Arc<Verifier>,
    /// Looks callers up.
    pub people: Arc<People>,
    /// Reads sessions.
    pub sessions: Arc<Sessions>,
    /// Makes request hashes.
    pub hasher: Arc<Hasher>,
    /// Makes and reads what opens feeds.
    pub feeds: Arc<Signer>,
    /// Judge the links in mails.
    pub links: LinkKeys,
    /// Seals secrets that are kept in the database.
    pub sealer: Sealer,
    /// Bookings under way.
    pub flights: Arc<Flights>,
    /// Who follows which session live.
    pub hub: Arc<Hub>,
    /// What is open to whom.
    pub flags: Arc<Flags>,
    /// Who may call from a browser.
    pub cors: Cors,
    /// How the world reaches this process, without a slash at its end.
    pub public_url: Arc<str>,
    /// How far calls go to addresses that strangers give us.
    pub reach: Reach,
    /// Who invites to sessions in calendars.
    pub sender: Arc<Sender>,
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
            slow_query: Duration::from_millis(config.slow_query_ms.into()),
        };
        let mut db = Db::connect(config.database_url.expose(), &options)
            .await
            .context("cannot open the database")?;
        if let Some(url) = &config.database_read_url {
            db = db
                .with_replica(url.expose(), &options)
                .await
                .context("cannot open the replica of DATABASE_READ_URL")?;
        }
        let engine = Engine::new(&config.engine).context("cannot set up the engine's client")?;
        let mut state = Self::new(config, db, engine);
        let period = Duration::from_secs(config.feature_flags_seconds.into());
        state.flags.follow(state.db.clone(), period, |error| {
            tracing::warn!(error = %error, "the feature flags cannot be read; those at hand stay");
        });
        if let Some(url) = &config.redis_url {
            let patience = Duration::from_millis(config.redis_timeout_ms.into());
            let cache = Cache::connect(url.expose(), patience).context("REDIS_URL")?;
            state.copies = Copies::new(cache.clone(), state.db.clone());
            state.limits = Arc::new(Limits::new(config, Some(cache.clone()), Arc::clone(&state.verifier)));
            state.cache = Some(cache);
            state.hub.listen(News::connect(url.expose()).context("REDIS_URL")?);
        }
        Ok(state)
    }

    /// The parts around a database and an engine.
    #[must_use]
    pub fn new(config: &Config, db: Db, engine: Engine) -> Self {
        let keys = Keys::new(config.jwks.clone(), Patience::default());
        let issuer = config::trimmed(&config.issuer);
        let verifier = Arc::new(Verifier::new(keys, issuer, &config.audience));
        Self {
            hub: Arc::new(Hub::new(db.clone(), config.sse_limit)),
            db,
            cache: None,
            copies: Arc::default(),
            limits: Arc::new(Limits::new(config, None, Arc::clone(&verifier))),
            engine,
            verifier,
            people: Arc::default(),
            sessions: Arc::default(),
            hasher: Arc::new(Hasher::new(&config.derive_key)),
            feeds: Arc::new(Signer::new(&config.derive_key)),
            links: config.link_keys.clone(),
            sealer: Sealer::new(&config.derive_key),
            reach: config.reach,
            flights: Arc::default(),
            flags: Arc::default(),
            cors: config.cors.clone(),
            public_url: config::trimmed(&config.public_url).into(),
            sender: Arc::new(config.mail_from.clone()),
        }
    }
}
