//! Who may come in: one count a request, for its address and for whom its token speaks for.

use super::{
    address::{Proxies, subject},
    here::Here,
};
use crate::{
    auth::{caller, verifier::Verifier},
    config::Config,
    error::ApiError,
};
use entities::cache::{
    Cache,
    quota::{Left, Quota},
};
use poem::{
    Request,
    http::{HeaderMap, HeaderName, HeaderValue},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use workflows::ids::UserId;

/// In how many seconds limits are counted.
const WINDOW_SECONDS: u32 = 60;
/// Answered whoever asks and however often: without them a busy process would be taken for a dead one.
const EXEMPT: [&str; 2] = ["/health", "/ready"];

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of this process, and those of all.
pub struct Limits {
    cache: Option<Cache>,
    here: Here,
    verifier: Arc<Verifier>,
    proxies: Proxies,
    per_user: u32,
    per_address: u32,
    at_once: Semaphore,
}

/// How a request stands with its limits.
#[derive(Clone, Debug, Default)]
pub struct Standing(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    user: Option<(u32, Left)>,
    address: Option<(u32, Left)>,
}

impl Limits {
    /// The limits that the configuration sets, counted in `cache` for all processes.
    #[must_use]
    pub fn new(config: &Config, cache: Option<Cache>, verifier: Arc<Verifier>) -> Self {
        Self {
            cache,
            here: Here::default(),
            verifier,
            proxies: config.trusted_proxies.clone(),
            per_user: config.rate_limit_user,
            per_address: config.rate_limit_ip,
            at_once: Semaphore::new(config.max_concurrent_requests as usize),
        }
    }

    /// A place among the requests that are answered at once, until it is dropped; nothing for those that need none.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] when there is none.
    pub fn place(&self, path: &str) -> Result<Option<SemaphorePermit<'_>>, ApiError> {
        if EXEMPT.contains(&path) {
            return Ok(None);
        }
        self.at_once.try_acquire().map(Some).map_err(|_| ApiError::Overloaded)
    }

    /// Count a request, before anything costly is done for it.
    ///
    /// Whose token is known already is counted in the same round trip; others by [`Limits::admit_user`], once it is.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`].
    pub async fn admit(&self, request: &Request, standing: &Standing) -> Result<(), ApiError> {
        if EXEMPT.contains(&request.uri().path()) {
            return Ok(());
        }
        let address = self
            .proxies
            .client(request)
            .and_then(|address| self.of_address(address));
        let token = caller::bearer(request).ok();
        let user = token.and_then(|token| self.verifier.known(token));
        let user = user.and_then(|identity| self.of_user(identity.user));
        let (user, address) = match (user, address) {
            (Some(user), Some(address)) => {
                let [user, address] = self.count_both(&user, &address).await;
                (Some(user), Some(address))
            }
            (Some(user), None) => (Some(self.count(&user).await), None),
            (None, Some(address)) => (None, Some(self.count(&address).await)),
            (None, None) => (None, None),
        };
        let mut counted = standing.counted();
        counted.user = user.map(|left| (self.per_user, left));
        counted.address = address.map(|left| (self.per_address, left));
        counted.verdict()
    }

    /// Count a request of `user`, unless it has been counted with its address.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`].
    pub async fn admit_user(&self, user: UserId, standing: &Standing) -> Result<(), ApiError> {
        let Some(quota) = self.of_user(user).filter(|_| standing.counted().user.is_none()) else {
            return Ok(());
        };
        let left = self.count(&quota).await;
        let mut counted = standing.counted();
        counted.user = Some((self.per_user, left));
        counted.verdict()
    }

    fn of_user(&self, user: UserId) -> Option<Quota> {
        quota("user", user, self.per_user)
    }

    fn of_address(&self, address: std::net::IpAddr) -> Option<Quota> {
        quota("ip", subject(address), self.per_address)
    }

    async fn count(&self, quota: &Quota) -> Left {
        if let Some(cache) = &self.cache
            && let Ok(left) = cache.count(quota).await
        {
            return left;
        }
        self.here.count(quota)
    }

    async fn count_both(&self, one: &Quota, other: &Quota) -> [Left; 2] {
        if let Some(cache) = &self.cache
            && let Ok(left) = cache.count_both(one, other).await
        {
            return left;
        }
        [self.here.count(one), self.here.count(other)]
    }
}

/// None where there is no limit.
fn quota(kind: &str, subject: impl std::fmt::Display, limit: u32) -> Option<Quota> {
    (0 < limit).then(|| Quota {
        key: format!("limit:{kind}:{subject}"),
        limit,
        window_seconds: WINDOW_SECONDS,
    })
}

impl Standing {
    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Say what is left, as draft-ietf-httpapi-ratelimit-headers-10 has it.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let counted = self.counted();
        let kinds = [("user", counted.user), ("ip", counted.address)];
        let told: Vec<_> = kinds
            .into_iter()
            .filter_map(|(name, counted)| counted.map(|(limit, left)| (name, limit, left)))
            .collect();
        if told.is_empty() {
            return;
        }
        let policies = told
            .iter()
            .map(|(name, limit, _)| format!("\"{name}\";q={limit};w={WINDOW_SECONDS}"));
        let left = told
            .iter()
            .map(|(name, _, left)| format!("\"{name}\";r={};t={}", left.remaining, left.reset_seconds));
        let lists = [
            (RATE_LIMIT_POLICY, policies.collect::<Vec<_>>()),
            (RATE_LIMIT, left.collect()),
        ];
        for (name, items) in lists {
            let list = HeaderValue::from_str(&items.join(", ")).expect("names and numbers");
            headers.insert(name, list);
        }
    }
}

impl Counted {
    fn verdict(&self) -> Result<(), ApiError> {
        let denied = [self.user, self.address]
            .into_iter()
            .flatten()
            .filter(|(_, left)| !left.allowed);
        match denied.map(|(_, left)| left.reset_seconds.max(1)).max() {
            Some(retry_after) => Err(ApiError::RateLimited { retry_after }),
            None => Ok(()),
        }
    }
}
