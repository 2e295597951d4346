//! What the schedule of the insights, its workflow and its step say to each other; stored in histories.

use crate::{sessions::contract::BOOKINGS_QUEUE, time::Instant};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The flow that new runs start with.
pub const CURRENT_FLOW: u32 = 1;

/// So many days after today are prepared.
pub const COMING_DAYS: u32 = 3;

/// The id of the schedule, and what the ids of its runs begin with; a namespace may have several queues.
#[must_use]
pub fn schedule_id(queue: &str) -> String {
    named("daily-insights", queue)
}

pub(crate) fn named(name: &str, queue: &str) -> String {
    if queue == BOOKINGS_QUEUE {
        name.to_owned()
    } else {
        format!("{name}-{queue}")
    }
}

/// The start input of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareInsights {
    /// The order of steps this run follows.
    pub flow: u32,
    /// So many days after the one that it is in UTC.
    pub coming_days: u32,
}

/// Input of step `insights.prepare_day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareDay {
    /// Which.
    pub date: Date,
    /// The workflow's time.
    pub now: Instant,
}

/// What became of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// Insights that the day has got.
    pub made: u32,
    /// Insights that it had.
    pub there: u32,
}
