//! What is taken already.

use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// A live session, or a whole group start: held, confirmed, completed or no-show.
///
/// Left out by whoever reads them: cancelled, expired and failed sessions, the one being rescheduled, and the caller's own
/// hold being confirmed.
///
/// # Units
/// The buffers: whole minutes, the session's own, as they were when it was booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occupied {
    /// Its start.
    pub starts_at: Instant,
    /// Its end, exclusive.
    pub ends_at: Instant,
    /// Kept free before it.
    #[serde(default)]
    pub buffer_before_minutes: u32,
    /// Kept free after it.
    #[serde(default)]
    pub buffer_after_minutes: u32,
    /// When a hold stops blocking and counting; nothing for whatever is no hold.
    #[serde(default)]
    pub expires_at: Option<Instant>,
    /// Seats left in a group start of the very service asked for; 0 for everything else.
    #[serde(default)]
    pub seats_left: u32,
}

/// Time that an external calendar blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Busy {
    /// First instant blocked.
    pub from: Instant,
    /// First instant free again; one that is not after `from` blocks nothing.
    pub to: Instant,
}
