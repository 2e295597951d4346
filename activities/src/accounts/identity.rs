//! The identity provider: Keycloak's admin API, as far as accounts are deleted by it.
//!
//! A token by the client's own credentials, kept until shortly before it ends; `DELETE …/admin/realms/{realm}/users/{id}`.

use reqwest::{Client, Response, StatusCode, header, redirect};
use serde::Deserialize;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use telemetry::Secret;
use url::{Url, form_urlencoded};
use workflows::ids::UserId;

/// Time for one call; an attempt of the step may take 30 s and makes two.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// A token is not used any more so long before it ends.
const MARGIN: Duration = Duration::from_secs(10);
/// Longer answers are read no further.
const BODY_LIMIT: usize = 64 * 1024;

/// Where a realm is, and as whom it is asked.
#[derive(Clone, Debug)]
pub struct Realm {
    /// The realm, such as `https://id.example.com/realms/aroti`.
    pub url: Url,
    /// The client whose service account may manage users.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
}

/// A realm of Keycloak.
pub struct IdentityProvider {
    client: Client,
    token_url: Url,
    users_url: Url,
    client_id: String,
    client_secret: Secret<String>,
    token: Mutex<Option<Token>>,
}

struct Token {
    text: Secret<String>,
    good_until: Instant,
}

/// Why the provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It does not answer, or not now.
    #[error("the identity provider does not answer: {0}")]
    Unavailable(String),
    /// It does not take us for who we say we are, or does not let us.
    #[error("the identity provider refuses us: {0}")]
    Refused(String),
}

impl IdentityError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "identity_provider_unavailable",
            Self::Refused(_) => "identity_provider_refused",
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    error: String,
}

impl IdentityProvider {
    /// The realm that the configuration names; nothing is asked yet.
    ///
    /// # Errors
    /// An address that is no realm's (`…/realms/{name}`), or an HTTP client that cannot be made.
    pub fn new(realm: &Realm) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(CALL_LIMIT)
            .redirect(redirect::Policy::none())
            .build()?;
        let Realm {
            url,
            client_id,
            client_secret,
        } = realm.clone();
        let base = url.as_str().trim_end_matches('/');
        let named = base
            .rsplit_once("/realms/")
            .filter(|(_, name)| !name.is_empty() && !name.contains('/'));
        let (server, name) = named.ok_or_else(|| anyhow::anyhow!("not the address of a realm"))?;
        Ok(Self {
            client,
            token_url: format!("{base}/protocol/openid-connect/token").parse()?,
            users_url: format!("{server}/admin/realms/{name}/users/").parse()?,
            client_id,
            client_secret,
            token: Mutex::new(None),
        })
    }

    /// Have it forget `user`; whom it does not know it has forgotten.
    ///
    /// # Errors
    /// [`IdentityError`]: another attempt may work.
    pub async fn delete(&self, user: UserId) -> Result<(), IdentityError> {
        let token = self.token().await?;
        let url = self.users_url.join(&user.to_string()).map_err(refused)?;
        let answer = self.client.delete(url).bearer_auth(token.expose()).send().await;
        let answer = answer.map_err(away)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::NOT_FOUND {
            // A proxy that hides the admin API says 404 too, and so does a realm that is not there.
            let said = said(answer).await;
            return if said.eq_ignore_ascii_case("user not found") {
                Ok(())
            } else {
                Err(IdentityError::Refused("404, and not about the user".to_owned()))
            };
        }
        if status == StatusCode::UNAUTHORIZED {
            // It may have been restarted with other keys: the next attempt asks for a fresh token.
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Err(failure(status))
    }

    /// A token that is good for a while.
    async fn token(&self) -> Result<Secret<String>, IdentityError> {
        if let Some(token) = &*self.token.lock().unwrap_or_else(PoisonError::into_inner)
            && Instant::now() < token.good_until
        {
            return Ok(token.text.clone());
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.client_secret.expose())
            .finish();
        let asked = Instant::now();
        let answer = self
            .client
            .post(self.token_url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(away)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(failure(status));
        }
        let granted: Option<Granted> = serde_json::from_slice(&body(answer).await?).ok();
        let granted = granted.ok_or_else(|| IdentityError::Refused("its answer has no token".to_owned()))?;
        let text = Secret::new(granted.access_token);
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(Token {
            text: text.clone(),
            good_until: (asked + Duration::from_secs(granted.expires_in.min(86_400)))
                .checked_sub(MARGIN)
                .unwrap_or(asked),
        });
        Ok(text)
    }
}

/// What an answer says is wrong.
async fn said(answer: Response) -> String {
    let said = body(answer)
        .await
        .ok()
        .and_then(|body| serde_json::from_slice::<Said>(&body).ok());
    said.map(|said| said.error).unwrap_or_default()
}

/// The body, as far as it is ever needed.
async fn body(mut answer: Response) -> Result<Vec<u8>, IdentityError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        bytes.extend_from_slice(&chunk);
        if BODY_LIMIT < bytes.len() {
            return Err(IdentityError::Refused("its answer is too long".to_owned()));
        }
    }
    Ok(bytes)
}

fn failure(status: StatusCode) -> IdentityError {
    let said = format!("it answered {}", status.as_u16());
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => IdentityError::Refused(said),
        _ => IdentityError::Unavailable(said),
    }
}

fn away(error: reqwest::Error) -> IdentityError {
    // Addresses carry who is deleted.
    IdentityError::Unavailable(error.without_url().to_string())
}

fn refused(error: url::ParseError) -> IdentityError {
    IdentityError::Refused(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{IdentityProvider, Realm};

    fn urls(realm: &str) -> anyhow::Result<(String, String)> {
        let provider = IdentityProvider::new(&Realm {
            url: realm.parse()?,
            client_id: "aroti-backend".to_owned(),
            client_secret: "secret".to_owned().into(),
        })?;
        Ok((provider.token_url.into(), provider.users_url.into()))
    }

    #[test]
    fn a_realm_says_where_its_users_are() {
        for (realm, server) in [
            ("https://id.example.com/realms/aroti", "https://id.example.com"),
            ("https://id.example.com/realms/aroti/", "https://id.example.com"),
            ("http://keycloak:8080/auth/realms/aroti", "http://keycloak:8080/auth"),
        ] {
            let (token, users) = urls(realm).unwrap();
            assert_eq!(token, format!("{server}/realms/aroti/protocol/openid-connect/token"));
            assert_eq!(users, format!("{server}/admin/realms/aroti/users/"));
        }
        for other in [
            "https://id.example.com/",
            "https://id.example.com/realms/",
            "https://id.example.com/realms/a/b",
        ] {
            assert!(urls(other).is_err(), "{other}");
        }
    }
}
