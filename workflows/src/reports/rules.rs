//! What counts in a report.

use crate::{insights::days::utc, sessions::rules::reminder_at, time::Instant};
use jiff::{civil::Date, tz::TimeZone};
use std::time::Duration;

/// The beginning and the end, exclusive, of a day in UTC; nothing at the ends of the calendar.
#[must_use]
pub fn bounds(date: Date) -> Option<(Instant, Instant)> {
    let start = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp().into());
    Some((start(date)?, start(date.tomorrow().ok()?)?))
}

/// The day before the one of `now`, in UTC: the last that is over.
#[must_use]
pub fn last_over(now: Instant) -> Date {
    let today = utc(now);
    today.yesterday().unwrap_or(today)
}

/// Whether the day is over.
#[must_use]
pub fn is_over(date: Date, now: Instant) -> bool {
    bounds(date).is_some_and(|(_, end)| end <= now)
}

/// A reminder that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Of which stage of the session: it moves with each announced reschedule.
    pub sequence: i32,
    /// How many minutes before the start it was due.
    pub offset_minutes: u32,
}

impl Reminder {
    /// Of the key that its mail is filed under, `mail:reminder:<sequence>:<minutes>:client`; nothing for another key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix("mail:reminder:")?.split(':');
        let reminder = Self {
            sequence: parts.next()?.parse().ok()?,
            offset_minutes: parts.next()?.parse().ok()?,
        };
        (parts.next() == Some("client") && parts.next().is_none()).then_some(reminder)
    }

    /// How much later than due it was sent, of a session that starts then.
    #[must_use]
    pub fn late(self, starts_at: Instant, sent_at: Instant) -> Duration {
        reminder_at(starts_at, self.offset_minutes).until(sent_at)
    }
}

/// How late the reminders of a day were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    n: u32,
    sum: Duration,
    max: Duration,
}

impl Lateness {
    /// One more.
    pub fn add(&mut self, late: Duration) {
        self.n += 1;
        self.sum += late;
        self.max = self.max.max(late);
    }

    /// The latest, in milliseconds; nothing without any.
    #[must_use]
    pub fn max_ms(&self) -> Option<i64> {
        (0 < self.n).then(|| milliseconds(self.max))
    }

    /// The mean, in milliseconds; nothing without any.
    #[must_use]
    pub fn mean_ms(&self) -> Option<i64> {
        self.sum.checked_div(self.n).map(milliseconds)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_those_of_utc() {
        let date: Date = "2026-11-20".parse().unwrap();
        assert_eq!(
            bounds(date),
            Some((at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z")))
        );
        assert!(!is_over(date, at("2026-11-20T23:59:59.999999Z")));
        assert!(is_over(date, at("2026-11-21T00:00:00Z")));
        assert_eq!(last_over(at("2026-11-21T06:00:00Z")), date);
        assert_eq!(last_over(at("2027-01-01T00:00:00Z")).to_string(), "2026-12-31");
        assert_eq!(bounds(Date::MAX), None);
        assert!(!is_over(Date::MAX, at("2026-11-21T00:00:00Z")));
    }

    #[test]
    fn a_reminder_is_read_from_its_key() {
        let read = Reminder::of_key("mail:reminder:2:1440:client").unwrap();
        assert_eq!((read.sequence, read.offset_minutes), (2, 1440));
        for key in [
            "mail:reminder:2:1440:started",
            "mail:reminder:2:client",
            "mail:confirmation:0:client",
            "mail:reminder:a:1:client",
            "mail:reminder:0:1:client:x",
            "",
        ] {
            assert_eq!(Reminder::of_key(key), None, "{key}");
        }
        let starts_at = at("2026-11-22T10:00:00Z");
        assert_eq!(read.late(starts_at, at("2026-11-21T10:00:01.5Z")).as_millis(), 1_500);
        assert_eq!(
            read.late(starts_at, at("2026-11-21T09:00:00Z")),
            Duration::ZERO,
            "not early"
        );
    }

    #[test]
    fn lateness_is_summed_up() {
        let mut lateness = Lateness::default();
        assert_eq!((lateness.max_ms(), lateness.mean_ms()), (None, None));
        for ms in [100, 400, 0] {
            lateness.add(Duration::from_millis(ms));
        }
        assert_eq!((lateness.max_ms(), lateness.mean_ms()), (Some(400), Some(166)));
    }
}
