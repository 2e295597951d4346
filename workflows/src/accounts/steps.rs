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

/// How long letters about what was called off are waited for, in minutes: 3 days, as long as each is tried for.
pub const LETTERS_LIMIT_MINUTES: i64 = 3 * 1_440;

/// The longest pause between two looks for them; the first is a second, and each twice as long as the one before.
pub(super) const LONGEST_LETTERS_PAUSE: Duration = Duration::from_secs(6 * 3_600);

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

    /// Whether something is left to be written about what was called off.
    #[activity(name = "accounts.letters_under_way")]
    pub fn letters_under_way(input: OfAccount) -> Result<bool, ActivityError> {
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
    pub use super::account_steps::{CallOff, Close, DeleteIdentity, Erase, LettersUnderWay, MarkDeleted};
}

/// A step on our own database or on other runs: attempts of 30 s, for as long as it takes: each goes on where the one before has ended.
pub(super) fn lasting(summary: &str) -> ActivityOptions {
    patient(Duration::from_secs(60), summary)
}

/// Asking the identity provider: attempts of 30 s, at most 10 minutes apart, for as long as it takes.
pub(super) fn elsewhere(summary: &str) -> ActivityOptions {
    patient(Duration::from_secs(600), summary)
}

fn patient(longest_pause: Duration, summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(Duration::from_secs(30)))
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
