//! Local dates of many instants, without asking the zone for each.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub(super) const MINUTE: i64 = 60_000_000;
pub(super) const DAY: i64 = 24 * 60 * MINUTE;

/// Local dates, as days since 1970-01-01, of instants that mostly come in order.
///
/// # Units
/// Instants: microseconds since 1970-01-01T00:00:00Z.
///
/// # Cost
/// Two lookups in the zone for every change of offset passed, one division for every date, two comparisons otherwise.
pub(super) struct LocalDays<'a> {
    tz: &'a TimeZone,
    /// The offset from UTC of the instants in `since..until`.
    offset: i64,
    since: i64,
    until: i64,
    /// The date of the instants in `from..to`.
    day: i64,
    from: i64,
    to: i64,
}

impl<'a> LocalDays<'a> {
    pub(super) fn new(tz: &'a TimeZone) -> Self {
        Self {
            tz,
            offset: 0,
            since: 0,
            until: 0,
            day: 0,
            from: 0,
            to: 0,
        }
    }

    /// The local date of `at`.
    pub(super) fn day_of(&mut self, at: i64) -> i64 {
        if at < self.from || self.to <= at {
            self.look_up(at);
        }
        self.day
    }

    fn look_up(&mut self, at: i64) {
        if at < self.since || self.until <= at {
            let timestamp = timestamp(at);
            let next = self.tz.following(timestamp).next();
            self.offset = i64::from(self.tz.to_offset(timestamp).seconds()) * 1_000_000;
            self.since = at;
            self.until = next.map_or(i64::MAX, |next| next.timestamp().as_microsecond());
        }
        self.day = (at + self.offset).div_euclid(DAY);
        let midnight = self.day * DAY - self.offset;
        self.from = midnight.max(self.since);
        self.to = (midnight + DAY).min(self.until);
    }
}

/// Days from 1970-01-01 to `date`.
pub(super) fn day_number(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

/// The timestamp of `at`, cut to the range of timestamps.
pub(super) fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
