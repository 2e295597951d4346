//! When a series takes place: the same wall-clock time, every so many weeks.

use crate::{
    slots::{
        error::SlotsError,
        schedule::Zone,
        wall::{self, Wall},
    },
    time::Instant,
};
use jiff::{Span, civil::Date};

/// The most sessions of one series.
pub const MAX_SESSIONS: u32 = 26;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// Every week, every second one, ….
    pub every_weeks: u32,
    /// For how long.
    pub length: Length,
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many sessions.
    Count(u32),
    /// To this date on the wall clock, included.
    Until(Date),
}

/// Why a recurrence is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// There would be none, or more than [`MAX_SESSIONS`].
    #[error("a series has 1 to {MAX_SESSIONS} sessions")]
    Length,
    /// The weeks lead beyond the calendar.
    #[error("the series leads beyond the calendar")]
    Calendar,
}

impl From<SlotsError> for RecurrenceError {
    fn from(_: SlotsError) -> Self {
        Self::Calendar
    }
}

impl Recurrence {
    /// The starts of a series whose first one is `first`, on the wall clock of `zone`.
    ///
    /// A time that does not exist in some week moves forward by the gap; one that occurs twice means the earlier, but
    /// for the first, which is the instant that was asked for.
    ///
    /// # Errors
    /// [`RecurrenceError`].
    pub fn starts(&self, zone: &Zone, first: Instant) -> Result<Vec<Instant>, RecurrenceError> {
        let wall = first.timestamp().to_zoned(zone.tz().clone());
        let most = match self.length {
            Length::Count(n) if (1..=MAX_SESSIONS).contains(&n) => n,
            Length::Count(_) => return Err(RecurrenceError::Length),
            Length::Until(_) => MAX_SESSIONS + 1,
        };
        let mut starts = vec![first];
        for n in 1..most {
            let weeks = i64::from(n) * i64::from(self.every_weeks);
            // So many weeks that no calendar has them are refused by the span already.
            let date = Span::new()
                .try_weeks(weeks)
                .and_then(|weeks| wall.date().checked_add(weeks))
                .map_err(|_| RecurrenceError::Calendar)?;
            if matches!(self.length, Length::Until(last) if last < date) {
                break;
            }
            starts.push(match wall::resolve(zone, date, wall.time())? {
                Wall::At(at) | Wall::Skipped { moved: at } => at,
            });
        }
        if matches!(self.length, Length::Until(last) if last < wall.date()) || starts.len() > MAX_SESSIONS as usize {
            return Err(RecurrenceError::Length);
        }
        Ok(starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(zone: &str, first: &str, every_weeks: u32, length: Length) -> Result<Vec<String>, RecurrenceError> {
        let recurrence = Recurrence { every_weeks, length };
        let starts = recurrence.starts(&Zone::new(zone).unwrap(), first.parse().unwrap())?;
        Ok(starts.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_wall_clock_is_kept_across_both_changes() {
        let autumn = starts("Europe/Berlin", "2026-10-20T07:00:00Z", 1, Length::Count(2)).unwrap();
        assert_eq!(autumn, ["2026-10-20T07:00:00Z", "2026-10-27T08:00:00Z"]);
        let spring = starts("Europe/Berlin", "2026-03-24T08:00:00Z", 1, Length::Count(2)).unwrap();
        assert_eq!(spring, ["2026-03-24T08:00:00Z", "2026-03-31T07:00:00Z"]);
        let both = starts("America/New_York", "2026-10-05T13:00:00Z", 5, Length::Count(6)).unwrap();
        assert_eq!(both[0], "2026-10-05T13:00:00Z");
        assert_eq!(both[1], "2026-11-09T14:00:00Z", "back to standard time");
        assert_eq!(both[5], "2027-03-29T13:00:00Z", "and forward again");
    }

    #[test]
    fn a_time_that_does_not_exist_moves_forward_by_the_gap() {
        let gap = starts("Europe/Berlin", "2026-03-22T01:30:00Z", 1, Length::Count(3)).unwrap();
        assert_eq!(
            gap,
            ["2026-03-22T01:30:00Z", "2026-03-29T01:30:00Z", "2026-04-05T00:30:00Z"]
        );
    }

    #[test]
    fn an_end_is_included_and_26_are_the_most() {
        let until = |date: &str| Length::Until(date.parse().unwrap());
        let first = "2026-06-01T07:00:00Z";
        let dates = starts("Europe/Berlin", first, 2, until("2026-06-29")).unwrap();
        assert_eq!(
            dates,
            ["2026-06-01T07:00:00Z", "2026-06-15T07:00:00Z", "2026-06-29T07:00:00Z"]
        );
        assert_eq!(starts("UTC", first, 1, until("2026-06-01")).unwrap().len(), 1);
        assert_eq!(starts("UTC", first, 1, Length::Count(26)).unwrap().len(), 26);
        assert_eq!(starts("UTC", first, 1, until("2026-11-23")).unwrap().len(), 26);
        for length in [
            Length::Count(0),
            Length::Count(27),
            until("2026-11-30"),
            until("2026-05-31"),
        ] {
            assert_eq!(
                starts("UTC", first, 1, length),
                Err(RecurrenceError::Length),
                "{length:?}"
            );
        }
        assert_eq!(
            starts("UTC", first, u32::MAX, Length::Count(26)),
            Err(RecurrenceError::Calendar)
        );
    }
}
