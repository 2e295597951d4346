//! The business answers that are a no.

use super::state::SessionState;
use crate::slots::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// Why a command of a session was refused. Travels in workflow outcomes, so variants are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum SessionError {
    /// The schedule, the limits or another session forbid the start; the reasons, most telling first.
    #[error("the start is not bookable: {}", because.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(", "))]
    NotBookable {
        /// Never empty.
        because: Vec<Refusal>,
    },
    /// The client has another session at that time.
    #[error("the client has another session at that time")]
    ClientBusy,
    /// No active specialist has that id.
    #[error("no such specialist")]
    SpecialistNotFound,
    /// The client's account has been deleted.
    #[error("the account is deleted")]
    AccountDeleted,
    /// The key was used for a request with another body.
    #[error("the idempotency key belongs to another request")]
    IdempotencyKeyReused,
    /// The command was not carried out before it lapsed; nothing has changed.
    #[error("the command lapsed before it could be carried out")]
    Lapsed,
    /// The client holds as many slots as one may.
    #[error("the client holds as many slots as one may")]
    HoldLimit,
    /// The policy that was agreed on forbids a reschedule so close to the start.
    #[error("too close to the start to be rescheduled")]
    PastCutoff,
    /// The policy that was agreed on allows no more reschedules.
    #[error("rescheduled as often as may be")]
    RescheduleLimit,
    /// The session has changed since the caller read it.
    #[error("the session has changed since it was read")]
    VersionMismatch,
    /// The session's state forbids the command.
    #[error("a {} session does not allow this", state.as_str())]
    WrongState {
        /// The state the command met.
        state: SessionState,
    },
    /// The session has a review.
    #[error("the session has been reviewed already")]
    AlreadyReviewed,
}

impl SessionError {
    /// The stable code callers act on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotBookable { because } => because.first().map_or("outside_schedule", |reason| reason.code()),
            Self::ClientBusy => "client_busy",
            Self::SpecialistNotFound => "specialist_not_found",
            Self::AccountDeleted => "invalid_token",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::Lapsed => "engine_unavailable",
            Self::HoldLimit => "hold_limit",
            Self::PastCutoff => "past_cutoff",
            Self::RescheduleLimit => "reschedule_limit",
            Self::VersionMismatch => "version_mismatch",
            Self::WrongState { .. } => "wrong_state",
            Self::AlreadyReviewed => "already_reviewed",
        }
    }
}
