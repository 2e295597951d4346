//! The states of a place in line, and of an offer.

use serde::{Deserialize, Serialize};

/// Where somebody who waits stands.
///
/// `waiting ⇄ offered → accepted`; `waiting | offered → closed`. Nothing leaves the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(
    feature = "sea-orm",
    sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")
)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// In line.
    Waiting,
    /// Keeps the place while an offer is open.
    Offered,
    /// Has taken an offer.
    Accepted,
    /// Has left, let offers lapse, or the range is over.
    Closed,
}

/// Where an offer stands; nothing leaves a state but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(
    feature = "sea-orm",
    sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")
)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// Open: the slot is held.
    Offered,
    /// The client wants it.
    Accepted,
    /// The client does not, or the session was called off otherwise.
    Declined,
    /// Not answered in time.
    Lapsed,
    /// The client has left the line.
    Withdrawn,
}
