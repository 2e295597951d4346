//! How failures of a step are told to the engine.
//!
//! A refusal is for good and its failure type is its code; anything that may pass is retried; what cannot be decoded
//! is for good. Messages carry no personal data: the engine keeps them in clear.

use crate::meetings::provider::MeetingError;
use entities::fault::{Fault, classify};
use sea_orm::DbErr;
use temporalio_sdk::{ApplicationFailure, activities::ActivityError};
use workflows::ids::{OfferId, SessionId};

/// Why a step did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Another attempt may work.
    #[error("{code}: {source}")]
    Passing {
        /// A stable code.
        code: &'static str,
        /// What happened.
        source: anyhow::Error,
    },
    /// No attempt will.
    #[error("{code}: {message}")]
    Final {
        /// A stable code.
        code: &'static str,
        /// What happened.
        message: String,
    },
}

impl From<DbErr> for StepError {
    fn from(error: DbErr) -> Self {
        let code = match classify(&error) {
            Fault::Unavailable => "database_unavailable",
            Fault::Serialization => "database_conflict",
            Fault::Constraint(_) => "database_constraint",
            Fault::Other => "database_error",
        };
        Self::Passing {
            code,
            source: error.into(),
        }
    }
}

impl From<MeetingError> for StepError {
    fn from(error: MeetingError) -> Self {
        match error {
            MeetingError::Unavailable(_) => Self::Passing {
                code: "meeting_provider_unavailable",
                source: error.into(),
            },
            MeetingError::Refused(message) => Self::Final {
                code: "meeting_provider_refused",
                message,
            },
        }
    }
}

impl StepError {
    /// The session's row is gone: nothing will bring it back.
    pub fn no_session(session: SessionId) -> Self {
        Self::Final {
            code: "session_not_found",
            message: format!("no row of session {session}"),
        }
    }

    /// The offer's row is gone: nothing will bring it back.
    pub fn no_offer(offer: OfferId) -> Self {
        Self::Final {
            code: "offer_not_found",
            message: format!("no row of offer {offer}"),
        }
    }

    /// How the engine is told. Not a `From`: the SDK converts every error by itself, into one that is retried.
    pub fn into_activity(self) -> ActivityError {
        match self {
            Self::Passing { code, source } => {
                tracing::warn!(error = %source, "a step is to be tried again: {code}");
                ApplicationFailure::builder(anyhow::anyhow!("{code}"))
                    .type_name(code.to_owned())
                    .build()
                    .into()
            }
            Self::Final { code, message } => {
                tracing::error!(error = %message, "a step failed for good: {code}");
                ApplicationFailure::builder(anyhow::anyhow!("{code}"))
                    .type_name(code.to_owned())
                    .non_retryable(true)
                    .build()
                    .into()
            }
        }
    }
}
