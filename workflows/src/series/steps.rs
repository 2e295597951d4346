//! The steps of a series.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{CancelSeries, OfSeries, ReserveSeries, SeriesAnswer};
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::{ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// What happens to a series.
pub struct SeriesSteps;

#[activity_definitions]
impl SeriesSteps {
    /// Judge and take every slot, in one transaction. Undo: [`SeriesSteps::cancel_sessions`], which is asked for.
    ///
    /// A series whose row is there already is answered as it stands, before anything is judged.
    #[activity(name = "series.reserve")]
    pub fn reserve(input: ReserveSeries) -> Result<SeriesAnswer, ActivityError> {
        unimplemented!()
    }

    /// Start the workflow of each session that has none.
    #[activity(name = "series.start_sessions")]
    pub fn start_sessions(input: OfSeries) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Call off each session that can be called off.
    #[activity(name = "series.cancel_sessions")]
    pub fn cancel_sessions(input: CancelSeries) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::series_steps::{CancelSessions, Reserve, StartSessions};
}

/// Telling other workflows: attempts of 30 s, for as long as it takes.
pub(super) fn tell(summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(Duration::from_secs(30)))
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(200))
                .backoff_coefficient(2.0)
                .maximum_interval(Duration::from_secs(60))
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}
