//! The business answers that are a no.

use serde::{Deserialize, Serialize};

/// Why an account is not deleted. Travels in workflow outcomes, so variants are only ever added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AccountError {
    /// It is a specialist's who can be booked, or has sessions to give.
    #[error("a specialist who can be booked or has sessions to give")]
    SpecialistActive,
    /// The command was not carried out before it lapsed; nothing has changed.
    #[error("the command lapsed before it could be carried out")]
    Lapsed,
}

impl AccountError {
    /// The stable code callers act on.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SpecialistActive => "specialist_active",
            Self::Lapsed => "engine_unavailable",
        }
    }
}
