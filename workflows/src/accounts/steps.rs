//! The steps of a deletion: names, types and promises. None has an undo: there is no way back.
//!
//! Declared here, implemented by the worker. Each step may run twice: a repeat finds what it did and answers the same.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{Erased, Identity, MarkDeleted, Marked, OfAccount};
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::{ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// How long letters about what was called off are waited for: 3 days, as long as each is tried for.
pub const LETTERS_LIMIT: Duration = Duration::from_secs(3 * 86_400);

/// What happens to an account.
pub struct AccountSteps;

#[activity_definitions]
impl AccountSteps {
    /// From now on the account is deleted: no token of it opens anything, and nothing is booked for it any more. Its
    /// feeds and devices go at once.
    #[activity(name = "accounts.mark_deleted")]
    pub fn mark_deleted(input: MarkDeleted) -> Result<Marked, ActivityError> {
        unimplemented!()
    }

    /// Give up every place in a waitlist and call off every session that has not begun.
    #[activity(name = "accounts.call_off")]
    pub fn call_off(input: OfAccount) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Nothing is left to be written about what was called off; fails until that is so.
    #[activity(name = "accounts.await_letters")]
    pub fn await_letters(input: OfAccount) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Erase who the person was: profile, texts, the words and the name on reviews, and what a specialist's record says.
    #[activity(name = "accounts.erase")]
    pub fn erase(input: OfAccount) -> Result<Erased, ActivityError> {
        unimplemented!()
    }

    /// Have the identity provider forget the person.
    #[activity(name = "accounts.delete_identity")]
    pub fn delete_identity(input: OfAccount) -> Result<Identity, ActivityError> {
        unimplemented!()
    }

    /// Put on record that nothing is left.
    #[activity(name = "accounts.close")]
    pub fn close(input: OfAccount) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::account_steps::{AwaitLetters, CallOff, Close, DeleteIdentity, Erase, MarkDeleted};
}

/// A step on our own database or on other runs: attempts of 30 s, for as long as it takes: each goes on where the one before has ended.
pub(super) fn lasting(summary: &str) -> ActivityOptions {
    patient(
        ActivityCloseTimeouts::StartToClose(Duration::from_secs(30)),
        Duration::from_secs(60),
        summary,
    )
}

/// Asking the identity provider: attempts of 30 s, at most 10 minutes apart, for as long as it takes.
pub(super) fn elsewhere(summary: &str) -> ActivityOptions {
    patient(
        ActivityCloseTimeouts::StartToClose(Duration::from_secs(30)),
        Duration::from_secs(600),
        summary,
    )
}

/// Waiting for letters: looked for at most 15 minutes apart, until [`LETTERS_LIMIT`].
pub(super) fn letters(summary: &str) -> ActivityOptions {
    patient(
        ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: LETTERS_LIMIT,
            start_to_close: Duration::from_secs(30),
        },
        Duration::from_secs(900),
        summary,
    )
}

fn patient(limits: ActivityCloseTimeouts, longest_pause: Duration, summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(limits)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(500))
                .backoff_coefficient(2.0)
                .maximum_interval(longest_pause)
                .build(),
        )
        // Who asks the run to stop does not bring the account back.
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}
