//! The steps of a delivery: names, types and promises.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{Attempt, Due, NextEvent, Outcome, Record, Recorded, TellDisabled};
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::{ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// A receiver may take so long for one attempt: 15 seconds.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(15);

/// What happens to a delivery in the database.
pub struct WebhookSteps;

#[activity_definitions]
impl WebhookSteps {
    /// The first event of the session that the endpoint has yet to be told of; nothing when there is none.
    #[activity(name = "webhooks.next")]
    pub fn next(input: NextEvent) -> Result<Option<Due>, ActivityError> {
        unimplemented!()
    }

    /// Put an attempt on record, and disable an endpoint that wants no more or has failed for days. An attempt is counted
    /// once, however often this runs.
    #[activity(name = "webhooks.record")]
    pub fn record(input: Record) -> Result<Recorded, ActivityError> {
        unimplemented!()
    }
}

/// What leaves the house.
pub struct WebhookOutreachSteps;

#[activity_definitions]
impl WebhookOutreachSteps {
    /// Tell an endpoint of an event, once more under the same `webhook-id` where this runs twice.
    ///
    /// What the receiver does or does not answer is an outcome, not a failure.
    #[activity(name = "outreach.deliver_webhook")]
    pub fn deliver_webhook(input: Attempt) -> Result<Outcome, ActivityError> {
        unimplemented!()
    }

    /// Tell by mail, once, that an endpoint was disabled.
    #[activity(name = "outreach.tell_disabled")]
    pub fn tell_disabled(input: TellDisabled) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::webhook_outreach_steps::{DeliverWebhook, TellDisabled};
    pub use super::webhook_steps::{Next, Record};
}

/// One attempt at an endpoint. Our own trouble, such as a database that is away or no worker, is not the endpoint's: the
/// step is repeated until it can say what the endpoint did.
pub(super) fn attempt(queue: String) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(2 * ATTEMPT_LIMIT))
        .task_queue(queue)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_secs(1))
                .backoff_coefficient(2.0)
                .maximum_interval(Duration::from_secs(60))
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .summary("tell the endpoint".to_owned())
        .build()
}
