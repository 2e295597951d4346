//! One face for all providers.

use super::{http::HttpProvider, jitsi::Jitsi};
use crate::config::Meetings;
use workflows::{sessions::contract::Meeting, time::Instant};

/// Who makes the meeting links.
#[derive(Debug)]
pub enum MeetingProvider {
    /// Derived here, without a call.
    Jitsi(Box<Jitsi>),
    /// Made by a service.
    Http(HttpProvider),
}

/// What a meeting is known by, to us and to the provider: a repeat under the same key means the same meeting, and a key
/// is never given twice; see [`workflows::sessions::contract::meeting_key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingKey(String);

impl From<String> for MeetingKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl MeetingKey {
    /// As the provider sees it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a provider did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum MeetingError {
    /// It did not answer, or is overloaded: another attempt may work.
    #[error("the meeting provider is unavailable: {0}")]
    Unavailable(String),
    /// It says no, for good.
    #[error("the meeting provider refuses: {0}")]
    Refused(String),
}

impl MeetingProvider {
    /// The provider that the configuration names.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(meetings: &Meetings, derive_key: &str) -> anyhow::Result<Self> {
        Ok(match meetings {
            Meetings::Jitsi { url, app_id, key } => Self::Jitsi(Box::new(Jitsi::new(
                url,
                app_id.as_deref(),
                key.as_ref().map(|key| key.expose().as_str()),
                derive_key,
            ))),
            Meetings::Http { url, token, moves } => Self::Http(HttpProvider::new(
                url,
                token.as_ref().map(|token| token.expose().as_str()),
                *moves,
            )?),
        })
    }

    /// The meeting, where it can be made without a call.
    #[must_use]
    pub fn at_once(&self, key: &MeetingKey, ends_at: Instant) -> Option<Meeting> {
        match self {
            Self::Jitsi(jitsi) => Some(Meeting {
                url: jitsi.link(key, ends_at),
                reference: None,
                key: None,
            }),
            Self::Http(_) => None,
        }
    }

    /// Make the meeting, or find the one made before under this key.
    ///
    /// # Errors
    /// [`MeetingError`].
    pub async fn create(
        &self,
        key: &MeetingKey,
        starts_at: Instant,
        ends_at: Instant,
    ) -> Result<Meeting, MeetingError> {
        match self {
            Self::Jitsi(jitsi) => Ok(Meeting {
                url: jitsi.link(key, ends_at),
                reference: None,
                key: None,
            }),
            Self::Http(http) => http.create(key, starts_at, ends_at).await,
        }
    }

    /// Remove the meeting of this key, made or not.
    ///
    /// # Errors
    /// [`MeetingError`].
    pub async fn remove(&self, key: &MeetingKey) -> Result<(), MeetingError> {
        match self {
            Self::Jitsi(_) => Ok(()),
            Self::Http(http) => http.remove(key).await,
        }
    }

    /// Whether a meeting goes with a session that moves; otherwise the session gets a new one.
    #[must_use]
    pub fn moves_meetings(&self) -> bool {
        match self {
            Self::Jitsi(_) => true,
            Self::Http(http) => http.moves_meetings(),
        }
    }

    /// Whether there is something to remove when a session ends early.
    #[must_use]
    pub fn keeps_meetings(&self) -> bool {
        matches!(self, Self::Http(_))
    }
}
