//! The run of each day that has the coming ones prepared.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{PrepareDay, PrepareInsights, Prepared},
    days,
    steps::{InsightSteps, background},
};
use crate::{failure::ended, patience::now};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

/// A day is tried for so long; the next run begins with the days that are lacking then.
const PATIENCE: Duration = Duration::from_secs(20 * 3_600);

/// Has the coming days prepared.
#[workflow]
pub struct DailyInsights {
    prepare: PrepareInsights,
}

#[workflow_methods]
impl DailyInsights {
    /// A run that has yet to prepare anything.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, prepare: PrepareInsights) -> Self {
        Self { prepare }
    }

    /// Each day in its turn, the nearest first; what it comes to.
    #[run(name = "daily_insights")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Prepared> {
        let now = now(ctx);
        let coming = ctx.state(|s| s.prepare.coming_days);
        let mut all = Prepared::default();
        for date in days::to_prepare(now, coming) {
            let options = background(format!("prepare {date}"), PATIENCE);
            let input = PrepareDay { date, now };
            match ctx.execute_activity(InsightSteps::prepare_day, input, options).await {
                Ok(day) => {
                    all.made += day.made;
                    all.there += day.there;
                }
                Err(error) => return Err(ended(error).into()),
            }
        }
        Ok(all)
    }
}
