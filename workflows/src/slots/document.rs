//! A query as people write it down, and its answer.

use super::{
    busy::{Busy, Occupied},
    calendar::Calendar,
    error::SlotsError,
    offer::Offer,
    refusal::Refusal,
    schedule::{Schedule, Weekly, Window, Zone},
};
use crate::time::Instant;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that a question about slots depends on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    time_zone: String,
    weekly: WrittenWeekly,
    #[serde(default)]
    overrides: Vec<WrittenOverride>,
    duration_minutes: u32,
    interval_minutes: Option<u32>,
    #[serde(default)]
    buffer_before_minutes: u32,
    #[serde(default)]
    buffer_after_minutes: u32,
    #[serde(default)]
    minimum_notice_minutes: u32,
    booking_window_days: Option<u32>,
    book_until: Option<Date>,
    max_per_day: Option<u32>,
    max_per_week: Option<u32>,
    #[serde(default)]
    sessions: Vec<Occupied>,
    #[serde(default)]
    busy: Vec<Busy>,
    now: Instant,
    from: Option<Instant>,
    to: Option<Instant>,
    /// Asks about this start alone.
    at: Option<Instant>,
}

/// What a query is answered with.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    /// The free starts of the range.
    Slots {
        /// Earliest first.
        slots: Vec<Instant>,
    },
    /// The verdict on one start.
    Start {
        /// Whether nothing forbids it.
        bookable: bool,
        /// What does.
        because: Vec<Refusal>,
    },
}

/// Why a query has no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    /// It is understood and refused.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// It names neither a range nor a start.
    #[error("a query has from and to, or at")]
    MissingRange,
}

impl QueryError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Slots(error) => error.code(),
            Self::MissingRange => "missing_range",
        }
    }
}

impl Query {
    /// The answer to this query.
    pub(super) fn answer(self) -> Result<Answer, QueryError> {
        let Self {
            time_zone,
            weekly,
            overrides,
            duration_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            minimum_notice_minutes,
            booking_window_days,
            book_until,
            max_per_day,
            max_per_week,
            sessions,
            busy,
            now,
            from,
            to,
            at,
        } = self;
        let offer = Offer::new(
            duration_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
        )?;
        let schedule = Schedule {
            time_zone: Zone::new(&time_zone)?,
            weekly: weekly.try_into()?,
            overrides: by_date(overrides)?,
            minimum_notice_minutes,
            booking_window_days,
            book_until,
            max_per_day,
            max_per_week,
        };
        let calendar = Calendar {
            schedule: &schedule,
            offer: &offer,
            occupied: &sessions,
            busy: &busy,
            now,
        };
        if let Some(at) = at {
            let because = calendar.why_not(at);
            return Ok(Answer::Start {
                bookable: because.is_empty(),
                because,
            });
        }
        let (Some(from), Some(to)) = (from, to) else {
            return Err(QueryError::MissingRange);
        };
        Ok(Answer::Slots {
            slots: calendar
                .free(from, to)?
                .into_iter()
                .map(|slot| slot.starts_at)
                .collect(),
        })
    }
}

type WrittenWindow = [String; 2];

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenWeekly {
    mon: Vec<WrittenWindow>,
    tue: Vec<WrittenWindow>,
    wed: Vec<WrittenWindow>,
    thu: Vec<WrittenWindow>,
    fri: Vec<WrittenWindow>,
    sat: Vec<WrittenWindow>,
    sun: Vec<WrittenWindow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOverride {
    date: Date,
    windows: Vec<WrittenWindow>,
}

impl TryFrom<WrittenWeekly> for Weekly {
    type Error = SlotsError;

    fn try_from(weekly: WrittenWeekly) -> Result<Self, SlotsError> {
        let WrittenWeekly {
            mon,
            tue,
            wed,
            thu,
            fri,
            sat,
            sun,
        } = weekly;
        Ok(Self {
            mon: windows(&mon)?,
            tue: windows(&tue)?,
            wed: windows(&wed)?,
            thu: windows(&thu)?,
            fri: windows(&fri)?,
            sat: windows(&sat)?,
            sun: windows(&sun)?,
        })
    }
}

fn by_date(overrides: Vec<WrittenOverride>) -> Result<BTreeMap<Date, Vec<Window>>, SlotsError> {
    let mut by_date = BTreeMap::new();
    for WrittenOverride { date, windows: written } in overrides {
        if by_date.insert(date, windows(&written)?).is_some() {
            return Err(SlotsError::DuplicateOverride { date });
        }
    }
    Ok(by_date)
}

fn windows(written: &[WrittenWindow]) -> Result<Vec<Window>, SlotsError> {
    written
        .iter()
        .map(|[from, to]| Window::new(from.parse()?, to.parse()?))
        .collect()
}
