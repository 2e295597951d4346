//! Any meeting service behind a small HTTP interface.
//!
//! `POST {base}/meetings` with `Idempotency-Key: {key}` and
//! `{"reference": key, "starts_at": …, "ends_at": …}` answers `{"url": …, "id"?: …}`, the same for the same key.
//! `DELETE {base}/meetings/{reference}` with the same header removes it; 404 and 410 mean that it is gone.

use super::provider::{MeetingError, MeetingKey};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;
use workflows::{sessions::contract::Meeting, time::Instant};

/// Time for one call; an attempt of the step may take 10 s.
const CALL_LIMIT: Duration = Duration::from_secs(8);
/// Longer answers are no meeting.
const BODY_LIMIT: u64 = 64 * 1024;

/// A meeting service.
pub struct HttpProvider {
    client: Client,
    base: Url,
    token: Option<String>,
    moves: bool,
}

impl std::fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpProvider")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Wanted<'a> {
    reference: &'a str,
    starts_at: Instant,
    ends_at: Instant,
}

#[derive(Deserialize)]
struct Made {
    url: String,
    id: Option<String>,
}

impl HttpProvider {
    /// A service below `base`, asked with a bearer `token` if there is one; its meetings are bound to no hour where they
    /// may `move` with their sessions.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &Url, token: Option<&str>, moves: bool) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(CALL_LIMIT)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            base: base.clone(),
            token: token.map(str::to_owned),
            moves,
        })
    }

    /// Whether a meeting goes with a session that moves.
    #[must_use]
    pub fn moves_meetings(&self) -> bool {
        self.moves
    }

    /// Make the meeting, or find the one made before under this key.
    ///
    /// # Errors
    /// [`MeetingError`]: a client error other than 408, 409, 425 and 429 is for good, and so is an answer that names no
    /// web address; anything else may pass.
    pub async fn create(
        &self,
        key: &MeetingKey,
        starts_at: Instant,
        ends_at: Instant,
    ) -> Result<Meeting, MeetingError> {
        let wanted = Wanted {
            reference: key.as_str(),
            starts_at,
            ends_at,
        };
        let answer = send(self.request(Method::POST, key, false).json(&wanted)).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(failure(status));
        }
        if answer.content_length().is_some_and(|length| BODY_LIMIT < length) {
            return Err(MeetingError::Refused("its answer is too long".to_owned()));
        }
        let body = answer
            .bytes()
            .await
            .map_err(|error| MeetingError::Unavailable(error.without_url().to_string()))?;
        let made = serde_json::from_slice::<Made>(&body).ok();
        match made.and_then(|made| Some((Url::parse(&made.url).ok()?, made.id))) {
            Some((url, reference)) if matches!(url.scheme(), "https" | "http") && url.as_str().len() <= 2048 => {
                Ok(Meeting {
                    url: url.into(),
                    reference,
                    key: None,
                })
            }
            _ => Err(MeetingError::Refused("its answer names no meeting".to_owned())),
        }
    }

    /// Remove the meeting of this key, made or not.
    ///
    /// # Errors
    /// [`MeetingError`], as in [`create`](Self::create).
    pub async fn remove(&self, key: &MeetingKey) -> Result<(), MeetingError> {
        let status = send(self.request(Method::DELETE, key, true)).await?.status();
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            _ => Err(failure(status)),
        }
    }

    fn request(&self, method: Method, key: &MeetingKey, one: bool) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("meetings");
            if one {
                path.push(key.as_str());
            }
        }
        let request = self.client.request(method, url).header("Idempotency-Key", key.as_str());
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Response, MeetingError> {
    request
        .send()
        .await
        .map_err(|error| MeetingError::Unavailable(error.without_url().to_string()))
}

fn failure(status: StatusCode) -> MeetingError {
    let passing = [408, 409, 425, 429].contains(&status.as_u16()) || !status.is_client_error();
    let said = format!("it answered {status}");
    if passing {
        MeetingError::Unavailable(said)
    } else {
        MeetingError::Refused(said)
    }
}
