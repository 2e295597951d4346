//! Why a start cannot be booked.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One rule that forbids a start; ordered as people read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Off the grid, or not inside opening hours.
    OutsideSchedule,
    /// Nearer than the minimum notice, or past.
    TooSoon,
    /// Beyond the booking window.
    TooFar,
    /// The day or the week has as many sessions as it may.
    CapReached,
    /// Meets a live session or a hold, buffers included.
    SlotTaken,
    /// As [`Refusal::OutsideSchedule`], on a date that an override closes.
    DayOff,
    /// Meets an external calendar.
    ExternalBusy,
    /// The duration is not offered; said by whoever knows the services, never by the calendar.
    UnknownDuration,
}

impl Refusal {
    /// The stable name that callers compare with.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OutsideSchedule => "outside_schedule",
            Self::TooSoon => "too_soon",
            Self::TooFar => "too_far",
            Self::CapReached => "cap_reached",
            Self::SlotTaken => "slot_taken",
            Self::DayOff => "day_off",
            Self::ExternalBusy => "external_busy",
            Self::UnknownDuration => "unknown_duration",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
