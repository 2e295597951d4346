//! The business answers that are a no.

use serde::{Deserialize, Serialize};

/// Why a command of the waitlist was refused. Travels in workflow outcomes, so variants are only ever added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum WaitlistError {
    /// No active specialist has that id.
    #[error("no such specialist")]
    SpecialistNotFound,
    /// The specialist does not offer that.
    #[error("the specialist does not offer that")]
    UnknownDuration,
    /// The client waits for that already, with another range or other hours.
    #[error("the client waits for that already")]
    AlreadyWaiting,
    /// The client waits in as many lines as one may.
    #[error("the client waits in as many lines as one may")]
    Limit,
    /// The client's account has been deleted.
    #[error("the account is deleted")]
    AccountDeleted,
    /// The client has no such entry.
    #[error("no such entry")]
    EntryNotFound,
    /// The entry has led to a session.
    #[error("the entry has led to a session")]
    Accepted,
    /// The command was not carried out before it lapsed; nothing has changed.
    #[error("the command lapsed before it could be carried out")]
    Lapsed,
}

impl WaitlistError {
    /// The stable code callers act on.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SpecialistNotFound => "specialist_not_found",
            Self::UnknownDuration => "unknown_duration",
            Self::AlreadyWaiting => "already_waiting",
            Self::Limit => "waitlist_limit",
            Self::AccountDeleted => "invalid_token",
            Self::EntryNotFound => "waitlist_entry_not_found",
            Self::Accepted => "wrong_state",
            Self::Lapsed => "engine_unavailable",
        }
    }
}
