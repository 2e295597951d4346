//! One face for all providers.

use super::{http::HttpProvider, jitsi::Jitsi};
use crate::config::Meetings;
use workflows::{ids::SeatGroup, sessions::contract::Meeting, time::Instant};

/// Who makes the meeting links.
#[derive(Debug)]
pub enum MeetingProvider {
    /// Derived here, without a call.
    Jitsi(Box<Jitsi>),
    /// Made by a service.
    Http(HttpProvider),
}

/// What a meeting is known by, to us and to the provider: a repeat under the same key means the same meeting.
///
/// Sessions that share a start share the meeting, so the key is that of the seat group, with an ordinal that rises
/// when a meeting is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingKey(String);

impl MeetingKey {
    /// The key of a seat group's `ordinal`th meeting.
    #[must_use]
    pub fn new(group: SeatGroup, ordinal: u32) -> Self {
        Self(format!("{group}-{ordinal}"))
    }

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
            Meetings::Http { url, token } => Self::Http(HttpProvider::new(
                url,
                token.as_ref().map(|token| token.expose().as_str()),
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

    /// Whether there is something to remove when a session ends early.
    #[must_use]
    pub fn keeps_meetings(&self) -> bool {
        matches!(self, Self::Http(_))
    }
}
