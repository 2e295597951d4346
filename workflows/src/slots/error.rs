//! What is refused before any slot is looked for.

use super::schedule::{MinuteOfDay, Zone};
use jiff::civil::Date;

/// A question about slots that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// The zone is not in the bundled tz database.
    #[error("unknown time zone {name:?}")]
    UnknownZone {
        /// The name as it was given.
        name: String,
    },
    /// The text is not a time of day from `00:00` to `24:00`.
    #[error("{text:?} is not a time of day such as 09:00")]
    InvalidTime {
        /// The text as it was given.
        text: String,
    },
    /// The window's end is not after its start.
    #[error("window {from}-{to} does not end after it starts")]
    InvalidWindow {
        /// Start of the window.
        from: MinuteOfDay,
        /// End of the window.
        to: MinuteOfDay,
    },
    /// The duration is zero.
    #[error("a duration is at least one minute")]
    InvalidDuration,
    /// The interval between starts is zero.
    #[error("an interval between starts is at least one minute")]
    InvalidInterval,
    /// Two overrides are given for one date.
    #[error("two overrides of {date}")]
    DuplicateOverride {
        /// The date.
        date: Date,
    },
    /// The wall clock reading lies outside the years that instants cover.
    #[error("{date} in {} is out of range", zone.name())]
    OutOfRange {
        /// The local date.
        date: Date,
        /// The zone it was to be read in.
        zone: Zone,
    },
    /// The range asked for has more starts than one answer lists.
    #[error("more than {limit} starts in the range")]
    TooManyStarts {
        /// As many would have been listed.
        limit: u64,
    },
}

impl SlotsError {
    /// The stable name that callers compare with.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownZone { .. } => "unknown_zone",
            Self::InvalidTime { .. } => "invalid_time",
            Self::InvalidWindow { .. } => "invalid_window",
            Self::InvalidDuration => "invalid_duration",
            Self::InvalidInterval => "invalid_interval",
            Self::DuplicateOverride { .. } => "duplicate_override",
            Self::OutOfRange { .. } => "out_of_range",
            Self::TooManyStarts { .. } => "too_many_starts",
        }
    }
}
