//! From a wall clock to instants: times that do not exist, and times that occur twice.

use super::{
    error::SlotsError,
    schedule::{MinuteOfDay, Zone},
};
use crate::time::Instant;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

/// What a reading of a wall clock stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// It occurs; where it occurs twice, this is the earlier.
    At(Instant),
    /// The clock skips it; `moved` is where it lands when it moves forward by the gap.
    Skipped {
        /// The reading moved forward by the gap.
        moved: Instant,
    },
}

impl Wall {
    /// The instant, if the reading occurs.
    #[must_use]
    pub fn exact(self) -> Option<Instant> {
        match self {
            Self::At(instant) => Some(instant),
            Self::Skipped { .. } => None,
        }
    }
}

/// What the wall clock of `zone` means by `time` on `date`.
///
/// # Errors
/// [`SlotsError::OutOfRange`] within a day of the years -9999 and 9999.
pub fn resolve(zone: &Zone, date: Date, time: Time) -> Result<Wall, SlotsError> {
    let (timestamp, skipped) = read(zone.tz(), date.to_datetime(time)).ok_or_else(|| SlotsError::OutOfRange {
        date,
        zone: zone.clone(),
    })?;
    let instant = Instant::new(timestamp);
    Ok(if skipped {
        Wall::Skipped { moved: instant }
    } else {
        Wall::At(instant)
    })
}

/// Whether any instant has this local date; Apia went from 2011-12-29 to 2011-12-31.
pub(super) fn exists(tz: &TimeZone, date: Date) -> bool {
    let offset = |time| tz.to_ambiguous_timestamp(date.to_datetime(time)).offset();
    // One gap from the first to the last reading of a date swallows it whole.
    let first = offset(Time::MIN);
    !(matches!(first, AmbiguousOffset::Gap { .. }) && first == offset(Time::MAX))
}

/// The instant at which a window's edge lies, moved forward by a gap or the earlier of two, and whether the clock skips it.
///
/// Nothing where instants end.
pub(super) fn edge(tz: &TimeZone, date: Date, minute: MinuteOfDay) -> Option<(Timestamp, bool)> {
    let reading = if minute == MinuteOfDay::END {
        date.tomorrow().ok()?.to_datetime(Time::MIN)
    } else {
        let (hour, minute) = (minute.minutes() / 60, minute.minutes() % 60);
        date.to_datetime(Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?)
    };
    read(tz, reading)
}

fn read(tz: &TimeZone, reading: DateTime) -> Option<(Timestamp, bool)> {
    let (offset, skipped) = match tz.to_ambiguous_timestamp(reading).offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset, false),
        AmbiguousOffset::Fold { before, .. } => (before, false),
        // Read with the offset from before the gap, a time is as long after the gap as it is into it.
        AmbiguousOffset::Gap { before, .. } => (before, true),
    };
    Some((offset.to_timestamp(reading).ok()?, skipped))
}
