//! The states of a session.

use serde::{Deserialize, Serialize};

/// Where a session stands.
///
/// `held → confirmed → completed → no_show`; `confirmed → no_show`; `held → expired`;
/// `held | confirmed → cancelled`; `held → failed`. Nothing leaves the last four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(
    feature = "sea-orm",
    sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")
)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The slot is taken: by a hold, which has an expiry, or by a booking whose link is still being made.
    Held,
    /// It will take place.
    Confirmed,
    /// Its end has passed.
    Completed,
    /// Its specialist says that the client did not come.
    NoShow,
    /// It was called off.
    Cancelled,
    /// A hold that was not confirmed in time.
    Expired,
    /// A step failed for good and everything was undone.
    Failed,
}

impl SessionState {
    /// The states that block a slot: the ones the database's constraints are over.
    pub const BLOCKING: [Self; 4] = [Self::Held, Self::Confirmed, Self::Completed, Self::NoShow];

    /// Whether a session in this state blocks its slot.
    #[must_use]
    pub fn blocks(self) -> bool {
        Self::BLOCKING.contains(&self)
    }

    /// The state as it is stored and shown: `held`, `no_show`, ….
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Completed => "completed",
            Self::NoShow => "no_show",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}
