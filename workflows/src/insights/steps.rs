//! The step of the insights.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{PrepareDay, Prepared};
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::{ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// What happens to the insights of a day.
pub struct InsightSteps;

#[activity_definitions]
impl InsightSteps {
    /// Choose the texts that a day lacks, of each sign and language of the library. Undo: none, a day may have them.
    ///
    /// What is there stays: a repeat, and whoever asked for the day before, see the same.
    #[activity(name = "insights.prepare_day")]
    pub fn prepare_day(input: PrepareDay) -> Result<Prepared, ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::insight_steps::PrepareDay;
}

/// Work on our own database that nobody waits for: attempts of 30 s within `limit`, up to 5 minutes apart.
pub(crate) fn background(summary: String, limit: Duration) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: limit,
        start_to_close: Duration::from_secs(30),
    })
    .retry_policy(
        RetryPolicy::builder()
            .initial_interval(Duration::from_millis(500))
            .backoff_coefficient(2.0)
            .maximum_interval(Duration::from_secs(300))
            .build(),
    )
    .cancellation_token(WorkflowCancellationToken::new())
    .summary(summary)
    .build()
}
