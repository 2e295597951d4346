//! What the schedule of the reports, its workflow and its steps say to each other; stored in histories.

use crate::{insights::contract::named, time::Instant};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The flow that new runs start with.
pub const CURRENT_FLOW: u32 = 1;

/// The id of the schedule, and what the ids of its runs begin with; a namespace may have several queues.
#[must_use]
pub fn schedule_id(queue: &str) -> String {
    named("daily-report", queue)
}

/// The start input of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDay {
    /// The order of steps this run follows.
    pub flow: u32,
    /// Of which day; absent, of the one before that for which the schedule wanted the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

/// Input of the steps `reports.compute` and `outreach.send_report`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfReport {
    /// The day.
    pub date: Date,
    /// The workflow's time.
    pub now: Instant,
}
