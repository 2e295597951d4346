//! The issuer's keys: fetched when needed, kept for an hour, and longer while the issuer is away.

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use url::Url;

/// The longest set of keys read, in bytes.
const LIMIT: usize = 256 * 1024;

/// How patient the keeper of keys is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Keys older than this are fetched again, while the old ones still serve.
    pub fresh: Duration,
    /// The least time between a fetch and the next one, once there are keys.
    pub between: Duration,
    /// How long a fetch may take.
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(3_600),
            between: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
        }
    }
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// The issuer's keys have never been had.
    Unavailable,
}

/// The keys of one issuer.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    url: Url,
    http: reqwest::Client,
    patience: Patience,
    set: RwLock<Option<Arc<Set>>>,
    /// When the last fetch ended; held while one is under way, so that there is one at a time.
    fetch: Mutex<Option<Instant>>,
}

struct Set {
    keys: HashMap<String, Arc<DecodingKey>>,
    fetched: Instant,
}

impl Keys {
    /// The keys at `url`; nothing is fetched yet.
    #[must_use]
    pub fn new(url: Url, patience: Patience) -> Self {
        let http = reqwest::Client::builder()
            .timeout(patience.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("the TLS library is built in");
        let (set, fetch) = (RwLock::new(None), Mutex::new(None));
        Self(Arc::new(Inner {
            url,
            http,
            patience,
            set,
            fetch,
        }))
    }

    /// The key called `id`.
    ///
    /// # Errors
    /// [`NoKey`] tells why there is none.
    pub async fn key(&self, id: &str) -> Result<Arc<DecodingKey>, NoKey> {
        let asked = Instant::now();
        if let Some(set) = self.current()
            && let Some(key) = set.keys.get(id)
        {
            if self.0.patience.fresh < set.fetched.elapsed() {
                self.refresh_meanwhile();
            }
            return Ok(Arc::clone(key));
        }
        self.refresh(asked).await;
        let set = self.current().ok_or(NoKey::Unavailable)?;
        set.keys.get(id).map(Arc::clone).ok_or(NoKey::Unknown)
    }

    fn current(&self) -> Option<Arc<Set>> {
        self.0.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetch while the old keys still serve: nobody waits for an issuer that is slow.
    fn refresh_meanwhile(&self) {
        if self.0.fetch.try_lock().is_ok() {
            let keys = self.clone();
            // Nothing hangs on it: whoever comes next tries again.
            tokio::spawn(async move { keys.refresh(Instant::now()).await });
        }
    }

    /// Fetch the keys, unless a fetch has ended since `asked` or a moment ago.
    async fn refresh(&self, asked: Instant) {
        let mut ended = self.0.fetch.lock().await;
        let had = self.current().is_some();
        let enough = ended.is_some_and(|ended| asked <= ended || (had && ended.elapsed() < self.0.patience.between));
        if enough {
            return;
        }
        match self.fetch().await {
            Ok(set) => *self.0.set.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(set)),
            Err(error) if had => tracing::warn!(%error, "could not fetch the issuer's keys; the old ones still serve"),
            Err(error) => tracing::error!(%error, "could not fetch the issuer's keys; no token can be judged"),
        }
        *ended = Some(Instant::now());
    }

    async fn fetch(&self) -> Result<Set, String> {
        let tell = |error: reqwest::Error| error.without_url().to_string();
        let mut response = self.0.http.get(self.0.url.clone()).send().await.map_err(tell)?;
        if !response.status().is_success() {
            return Err(format!("the issuer answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(tell)? {
            body.extend_from_slice(&chunk);
            if LIMIT < body.len() {
                return Err(format!("the issuer answered more than {LIMIT} bytes"));
            }
        }
        let set: JwkSet = serde_json::from_slice(&body).map_err(|error| format!("no set of keys: {error}"))?;
        let keys: HashMap<_, _> = set
            .keys
            .iter()
            .filter(|jwk| matches!(jwk.algorithm, AlgorithmParameters::RSA(_)))
            .filter(|jwk| matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)))
            .filter(|jwk| matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::RS256)))
            .filter_map(|jwk| Some((jwk.common.key_id.clone()?, Arc::new(DecodingKey::from_jwk(jwk).ok()?))))
            .collect();
        if keys.is_empty() {
            return Err("the issuer has no RS256 key for signatures".to_owned());
        }
        Ok(Set {
            keys,
            fetched: Instant::now(),
        })
    }
}
