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
    sessions::{events::hub::Hub, flight::Flights, hash::Hasher},
    temporal::Engine,
};
use anyhow::{Context, Result};
use entities::{
    cache::{Cache, news::News},
    db::{self, Db},
};
use settings::{LinkKeys, Sender};
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
    /// Whom we have met lately.
    pub people: Arc<People>,
    /// Makes request hashes.
    pub hasher: Arc<Hasher>,
    /// Makes and reads what opens feeds.
    pub feeds: Arc<Signer>,
    /// Judge the links in mails.
    pub links: LinkKeys,
    /// Bookings under way.
    pub flights: Arc<Flights>,
    /// Who follows which session live.
    pub hub: Arc<Hub>,
    /// Who may call from a browser.
    pub cors: Cors,
    /// How the world reaches this process, without a slash at its end.
    pub public_url: Arc<str>,
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
        };
        let db = Db::connect(config.database_url.expose(), &options)
            .await
            .context("cannot open the database")?;
        let engine = Engine::new(&config.engine).context("cannot set up the engine's client")?;
        let mut state = Self::new(config, db, engine);
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
            hasher: Arc::new(Hasher::new(&config.derive_key)),
            feeds: Arc::new(Signer::new(&config.derive_key)),
            links: config.link_keys.clone(),
            flights: Arc::default(),
            cors: config.cors.clone(),
            public_url: config::trimmed(&config.public_url).into(),
            sender: Arc::new(config.mail_from.clone()),
        }
    }
}
