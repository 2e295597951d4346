//! The run of each day that reports on the one before.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{OfReport, ReportDay},
    rules::last_over,
    steps::{ReportMailSteps, ReportSteps, mail},
};
use crate::{
    failure::ended,
    insights::steps::background,
    sessions::contract::{Mailed, outreach_queue},
    time::Instant,
};
use jiff::Timestamp;
use std::time::{Duration, SystemTime};
use temporalio_common::search_attributes::{self, SearchAttributeKey};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

/// When the schedule wanted the run, which may be days before it could begin.
const WANTED: SearchAttributeKey<search_attributes::Timestamp> =
    SearchAttributeKey::datetime("TemporalScheduledStartTime");

/// A week: as long as missed days are made up for.
const PATIENCE: Duration = Duration::from_secs(7 * 86_400);

/// Reports on a day.
#[workflow]
pub struct DailyReport {
    report: ReportDay,
}

#[workflow_methods]
impl DailyReport {
    /// A run that has yet to report.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, report: ReportDay) -> Self {
        Self { report }
    }

    /// Compute the day, then mail it; whether it was mailed.
    #[run(name = "daily_report")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Mailed> {
        let now = now(ctx);
        let date = ctx
            .state(|s| s.report.date)
            .unwrap_or_else(|| last_over(wanted(ctx).unwrap_or(now)));
        let input = OfReport { date, now };
        let options = background(format!("compute {date}"), PATIENCE);
        if let Err(error) = ctx.execute_activity(ReportSteps::compute, input, options).await {
            return Err(ended(error).into());
        }
        let options = mail(outreach_queue(ctx.task_queue()));
        match ctx.execute_activity(ReportMailSteps::send_report, input, options).await {
            Ok(mailed) => Ok(mailed),
            Err(error) => Err(ended(error).into()),
        }
    }
}

fn now(ctx: &WorkflowContext<DailyReport>) -> Instant {
    Instant::from(ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH))
}

fn wanted(ctx: &WorkflowContext<DailyReport>) -> Option<Instant> {
    let at = ctx.search_attributes().get(&WANTED)?;
    Timestamp::new(at.seconds(), at.nanos()).ok().map(Instant::new)
}
