//! Judging tokens: RS256 only, from our issuer, for us, in time.

use super::jwks::{Keys, NoKey};
use crate::error::ApiError;
use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use uuid::Uuid;
use workflows::ids::UserId;

/// The longest token looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// How many good tokens are remembered.
const REMEMBERED: usize = 10_000;
/// Seconds that clocks may differ.
const LEEWAY: u64 = 30;

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The `sub`.
    pub user: UserId,
    /// The realm's roles.
    pub roles: Vec<String>,
    /// The address, where the token has one.
    pub email: Option<String>,
    /// The name, where the token has one.
    pub name: Option<String>,
    /// The second, since 1970, in which the token was made, where it says so.
    pub issued_at: Option<i64>,
    /// The second, since 1970, from which on the token is refused.
    pub refused_from: u64,
}

impl Identity {
    /// How long the token is still good.
    #[must_use]
    pub fn good_for(&self) -> Duration {
        Duration::from_secs(self.refused_from.saturating_sub(now()))
    }
}

/// What judges tokens.
pub struct Verifier {
    keys: Keys,
    validation: Validation,
    /// Good tokens by their digest, until they expire: judging one costs twenty times as much as finding it here.
    good: Mutex<HashMap<[u8; 32], Arc<Identity>>>,
    /// How many of them.
    room: usize,
}

impl Verifier {
    /// A judge of tokens that `issuer` made for `audience`.
    #[must_use]
    pub fn new(keys: Keys, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self {
            keys,
            validation,
            good: Mutex::default(),
            room: REMEMBERED,
        }
    }

    /// The same with room for so many good tokens.
    #[cfg(test)]
    pub(super) fn remembering(mut self, room: usize) -> Self {
        self.room = room;
        self
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn n_remembered(&self) -> usize {
        self.good.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whom the token speaks for.
    ///
    /// # Errors
    /// [`ApiError::InvalidToken`] for a token that is not good, [`ApiError::IdentityUnavailable`] when the keys to
    /// judge it by have never been had.
    pub async fn verify(&self, token: &str) -> Result<Arc<Identity>, ApiError> {
        if LONGEST < token.len() {
            return Err(ApiError::InvalidToken("too long"));
        }
        let digest = digest_of(token);
        if let Some(identity) = self.remembered(&digest) {
            return Ok(identity);
        }
        let header = decode_header(token).map_err(|_| ApiError::InvalidToken("malformed"))?;
        if header.alg != Algorithm::RS256 {
            return Err(ApiError::InvalidToken("not RS256"));
        }
        let id = header.kid.ok_or(ApiError::InvalidToken("no key id"))?;
        let key = self.keys.key(&id).await.map_err(|error| match error {
            NoKey::Unknown => ApiError::InvalidToken("unknown key"),
            NoKey::Unavailable => ApiError::IdentityUnavailable,
        })?;
        let claims: Claims = decode(token, &key, &self.validation)
            .map_err(|error| why(error.kind()))?
            .claims;
        let identity = Arc::new(claims.identity()?);
        self.remember(digest, Arc::clone(&identity));
        Ok(identity)
    }

    /// Whom the token speaks for, if it was judged before and is still good.
    #[must_use]
    pub fn known(&self, token: &str) -> Option<Arc<Identity>> {
        if LONGEST < token.len() {
            return None;
        }
        self.remembered(&digest_of(token))
    }

    fn remembered(&self, digest: &[u8; 32]) -> Option<Arc<Identity>> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = good.get(digest)?;
        (now() < identity.refused_from).then(|| Arc::clone(identity))
    }

    fn remember(&self, digest: [u8; 32], identity: Arc<Identity>) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if self.room <= good.len() {
            let now = now();
            good.retain(|_, identity| now < identity.refused_from);
        }
        if self.room <= good.len() {
            // More live tokens than we remember: begin anew rather than keep an order nobody needs otherwise.
            good.clear();
        }
        good.insert(digest, identity);
    }
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn digest_of(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

fn why(kind: &ErrorKind) -> ApiError {
    ApiError::InvalidToken(match kind {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not yet valid",
        ErrorKind::InvalidIssuer => "another issuer",
        ErrorKind::InvalidAudience => "another audience",
        ErrorKind::InvalidSignature => "bad signature",
        ErrorKind::InvalidAlgorithm => "not RS256",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "malformed",
    })
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    iat: Option<i64>,
    typ: Option<String>,
    email: Option<String>,
    name: Option<String>,
    #[serde(default)]
    realm_access: RealmAccess,
}

#[derive(Default, Deserialize)]
struct RealmAccess {
    #[serde(default)]
    roles: Vec<String>,
}

impl Claims {
    fn identity(self) -> Result<Identity, ApiError> {
        let Self {
            sub,
            exp,
            iat,
            typ,
            email,
            name,
            realm_access,
        } = self;
        // An ID token of our own client has our audience too, and was never meant for a request.
        if typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("bearer")) {
            return Err(ApiError::InvalidToken("no access token"));
        }
        let user = Uuid::parse_str(&sub).map_err(|_| ApiError::InvalidToken("the subject is no UUID"))?;
        Ok(Identity {
            user: UserId(user),
            roles: realm_access.roles,
            email,
            name,
            issued_at: iat,
            refused_from: exp.saturating_add(LEEWAY + 1),
        })
    }
}
