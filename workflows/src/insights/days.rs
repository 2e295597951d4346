//! Which day it is for whom.

use crate::{slots::schedule::Zone, time::Instant};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use std::time::Duration;

/// Somebody's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// Its date on their calendar.
    pub date: Date,
    /// How long it lasts from now on; a day is not always 24 hours.
    pub left: Duration,
}

/// The day that it is in a zone, in UTC where the zone is unknown.
#[must_use]
pub fn today(now: Instant, zone: &str) -> Today {
    let tz = Zone::new(zone).map_or(TimeZone::UTC, |zone| zone.tz().clone());
    let date = tz.to_datetime(now.timestamp()).date();
    let midnight = date.tomorrow().ok().and_then(|next| next.to_zoned(tz).ok());
    let left = midnight.map_or(Duration::ZERO, |midnight| now.until(midnight.timestamp().into()));
    Today { date, left }
}

/// The date in UTC.
#[must_use]
pub fn utc(now: Instant) -> Date {
    TimeZone::UTC.to_datetime(now.timestamp()).date()
}

/// The earliest date that is not over everywhere: it still is that day twelve hours west of Greenwich.
#[must_use]
pub fn earliest(now: Instant) -> Date {
    utc(now.plus_minutes(-12 * 60))
}

/// The date in UTC and the `coming` ones after it.
///
/// East of Greenwich it is tomorrow already, by fourteen hours at most: one coming day is the least that does.
#[must_use]
pub fn to_prepare(now: Instant, coming: u32) -> Vec<Date> {
    let today = utc(now);
    (0..=i64::from(coming))
        .filter_map(|n| today.checked_add(n.days()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn one_instant_is_three_dates() {
        let now = at("2026-11-21T10:30:00Z");
        let date = |zone: &str| today(now, zone).date.to_string();
        assert_eq!(date("Pacific/Kiritimati"), "2026-11-22");
        assert_eq!(date("Europe/Berlin"), "2026-11-21");
        assert_eq!(date("Pacific/Honolulu"), "2026-11-21");
        let now = at("2026-11-21T09:59:00Z");
        assert_eq!(today(now, "Pacific/Honolulu").date.to_string(), "2026-11-20");
        assert_eq!(today(now, "Pacific/Kiritimati").date.to_string(), "2026-11-21");
        assert_eq!(today(now, "Nowhere/At_All").date.to_string(), "2026-11-21");
    }

    #[test]
    fn a_day_ends_at_its_own_midnight() {
        let left = |now: &str, zone: &str| today(at(now), zone).left.as_secs();
        assert_eq!(left("2026-11-21T23:59:30Z", "UTC"), 30);
        assert_eq!(left("2026-11-21T10:00:00Z", "Pacific/Kiritimati"), 86_400);
        // The clock is set back in the night to the 25th of October: a day of 25 hours; and forward: one of 23.
        assert_eq!(left("2026-10-24T22:00:00Z", "Europe/Berlin"), 25 * 3_600);
        assert_eq!(left("2026-03-28T23:00:00Z", "Europe/Berlin"), 23 * 3_600);
        // In Chile that happens at midnight: the day begins at one.
        assert_eq!(left("2026-09-06T03:00:00Z", "America/Santiago"), 3_600);
    }

    #[test]
    fn days_ahead_reach_the_whole_world() {
        let now = at("2026-12-30T23:00:00Z");
        let dates: Vec<_> = to_prepare(now, 3).iter().map(ToString::to_string).collect();
        assert_eq!(dates, ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]);
        assert_eq!(earliest(now).to_string(), "2026-12-30");
        assert_eq!(earliest(at("2026-12-30T11:59:00Z")).to_string(), "2026-12-29");
    }
}
