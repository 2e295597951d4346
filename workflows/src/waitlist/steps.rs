//! The steps of a waitlist: names, types, undos and promises.
//!
//! Declared here, implemented by the worker. Each step may run twice: a repeat finds what it wrote and answers the same.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{Given, Join, Leave, OfOffer, OfferSlots, Placed, Round};
use crate::sessions::contract::Mailed;
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::{ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// What happens to a list in the database, and to the runs of the sessions that it offers.
pub struct WaitlistSteps;

#[activity_definitions]
impl WaitlistSteps {
    /// Give somebody the last place in line. Undo: [`WaitlistSteps::leave`].
    ///
    /// Who has that place already, for the same range and hours, keeps it.
    #[activity(name = "waitlist.join")]
    pub fn join(input: Given<Join>) -> Result<Placed, ActivityError> {
        unimplemented!()
    }

    /// Give a place up, and an open offer with it: its session is cancelled in the same transaction.
    #[activity(name = "waitlist.leave")]
    pub fn leave(input: Given<Leave>) -> Result<Placed, ActivityError> {
        unimplemented!()
    }

    /// Go along the line and offer each what is free for them: a session that is held, the offer and the changed place
    /// are one transaction. Undo: the session expires, or is cancelled.
    ///
    /// At the end of the line it also says which sessions' runs are still to be started or told, some at a time.
    #[activity(name = "waitlist.offer")]
    pub fn offer(input: OfferSlots) -> Result<Round, ActivityError> {
        unimplemented!()
    }

    /// Start the run of an offered session, which finds its row; one that runs already goes on.
    #[activity(name = "waitlist.open_session")]
    pub fn open_session(input: OfOffer) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Have the run of a session whose offer was withdrawn notice that it is cancelled.
    #[activity(name = "waitlist.withdraw")]
    pub fn withdraw(input: OfOffer) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// What leaves the house by mail.
pub struct OfferMailSteps;

#[activity_definitions]
impl OfferMailSteps {
    /// Send the mail of an offer, once, while the offer stands.
    #[activity(name = "outreach.send_offer")]
    pub fn send_offer(input: OfOffer) -> Result<Mailed, ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::offer_mail_steps::SendOffer;
    pub use super::waitlist_steps::{Join, Leave, Offer, OpenSession, Withdraw};
}

/// Telling another workflow something: attempts of 10 s, for as long as it may matter.
pub(super) fn command(summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: Duration::from_secs(7 * 86_400),
        start_to_close: Duration::from_secs(10),
    })
    .retry_policy(
        RetryPolicy::builder()
            .initial_interval(Duration::from_secs(1))
            .backoff_coefficient(2.0)
            .maximum_interval(Duration::from_secs(60))
            .build(),
    )
    .cancellation_token(WorkflowCancellationToken::new())
    .summary(summary.to_owned())
    .build()
}
