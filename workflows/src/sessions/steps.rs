//! The steps of a session: names, types, undos and promises.
//!
//! Declared here, implemented by the worker. [`SessionSteps`] touch our own database or a meeting provider and run on
//! the queue of the workflows; [`OutreachSteps`] send mail and run on a queue of their own, so that a slow mail server
//! takes no booking's place. Each step may run twice: a repeat finds what it wrote and answers the same.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{
    Amend, Answer, Cancel, Confirm, ConfirmHold, DropMail, Fail, Given, MailKind, Mailed, Meeting, NoShow, OfSession,
    ProfileChanged, RemoveMeeting, Reschedule, Reserve, SendMails, Standing,
};
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::{
    ActivityCancellationType, ActivityCloseTimeouts, ActivityOptions, LocalActivityOptions, RetryPolicy,
    WorkflowCancellationToken,
};

/// How long a meeting provider is asked before the session is given up: 15 minutes.
pub const LINK_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A mail's attempt that is not heard of for so long is given up: 12 seconds.
pub const SILENCE: Duration = Duration::from_secs(12);

/// What happens to a session in the database and at the meeting provider.
pub struct SessionSteps;

#[activity_definitions]
impl SessionSteps {
    /// Judge and take the slot: locks, reads, judgement and rows in one transaction. Undo: [`SessionSteps::fail`].
    ///
    /// A session whose row is there already is answered as it stands, before anything is judged.
    #[activity(name = "sessions.reserve")]
    pub fn reserve(input: Reserve) -> Result<Answer, ActivityError> {
        unimplemented!()
    }

    /// Have the provider make the meeting, under the session's key. Undo: [`SessionSteps::remove_meeting`].
    #[activity(name = "sessions.create_meeting")]
    pub fn create_meeting(input: OfSession) -> Result<Meeting, ActivityError> {
        unimplemented!()
    }

    /// Have the provider forget a meeting, made or not, unless another session still has it.
    #[activity(name = "sessions.remove_meeting")]
    pub fn remove_meeting(input: RemoveMeeting) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Put the link on record: `held → confirmed`, or the new link of a session that has moved. Answers how the session
    /// stands, whatever its state.
    #[activity(name = "sessions.confirm")]
    pub fn confirm(input: Confirm) -> Result<Standing, ActivityError> {
        unimplemented!()
    }

    /// The link cannot be made: `held → failed`, the slot is free again; a session that has moved goes on without.
    #[activity(name = "sessions.fail")]
    pub fn fail(input: Fail) -> Result<Standing, ActivityError> {
        unimplemented!()
    }

    /// Call the session off: `held | confirmed → cancelled`.
    #[activity(name = "sessions.cancel")]
    pub fn cancel(input: Given<Cancel>) -> Result<Answer, ActivityError> {
        unimplemented!()
    }

    /// The client wants what is held: the expiry goes; `held → confirmed` where the link takes no call.
    #[activity(name = "sessions.confirm_hold")]
    pub fn confirm_hold(input: Given<ConfirmHold>) -> Result<Answer, ActivityError> {
        unimplemented!()
    }

    /// The hold's time is over: `held → expired`.
    #[activity(name = "sessions.expire")]
    pub fn expire(input: OfSession) -> Result<Standing, ActivityError> {
        unimplemented!()
    }

    /// Win the new slot and let go of the old one, in one transaction; refused, the session keeps what it has.
    #[activity(name = "sessions.reschedule")]
    pub fn reschedule(input: Given<Reschedule>) -> Result<Answer, ActivityError> {
        unimplemented!()
    }

    /// Change the notes.
    #[activity(name = "sessions.amend")]
    pub fn amend(input: Given<Amend>) -> Result<Answer, ActivityError> {
        unimplemented!()
    }

    /// The client did not come: `confirmed | completed → no_show`.
    #[activity(name = "sessions.no_show")]
    pub fn no_show(input: Given<NoShow>) -> Result<Answer, ActivityError> {
        unimplemented!()
    }

    /// Take over the client's reminders and, where it has changed, zone.
    #[activity(name = "sessions.take_over_profile")]
    pub fn take_over_profile(input: Given<ProfileChanged>) -> Result<Standing, ActivityError> {
        unimplemented!()
    }

    /// Nothing can happen to the session any more: put that on record.
    #[activity(name = "sessions.close")]
    pub fn close(input: OfSession) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Its end has passed: `confirmed → completed`.
    #[activity(name = "sessions.complete")]
    pub fn complete(input: OfSession) -> Result<Standing, ActivityError> {
        unimplemented!()
    }

    /// Put on record that a mail does not go, and why.
    #[activity(name = "sessions.drop_mail")]
    pub fn drop_mail(input: DropMail) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// What leaves the house by mail.
pub struct OutreachSteps;

#[activity_definitions]
impl OutreachSteps {
    /// Send one kind of mail of a session to all whom it concerns, each once.
    ///
    /// Reads the session at every attempt: a reminder claims its turn under the session's lock and is dropped when
    /// the session has moved or ended.
    #[activity(name = "outreach.send_mails")]
    pub fn send_mails(input: SendMails) -> Result<Mailed, ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::outreach_steps::SendMails;
    pub use super::session_steps::{
        Amend, Cancel, Close, Complete, Confirm, ConfirmHold, CreateMeeting, DropMail, Expire, Fail, NoShow,
        RemoveMeeting, Reschedule, Reserve, TakeOverProfile,
    };
}

/// A step on our own database: one attempt at most 4 s, all of them within 5 s.
///
/// While it runs the engine hears nothing of the session, so it gives up soon; the workflow then tries again by a
/// timer, with a fresh `now`. Two attempts follow at once, for a lost connection or a serialization failure.
pub(crate) fn local(summary: &str) -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(Duration::from_secs(4))
        .schedule_to_close_timeout(Duration::from_secs(5))
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(100))
                .backoff_coefficient(3.0)
                .maximum_interval(Duration::from_secs(1))
                .maximum_attempts(3)
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}

/// Making a meeting: attempts of 10 s until [`LINK_LIMIT`].
pub(super) fn link(token: WorkflowCancellationToken) -> ActivityOptions {
    provider(LINK_LIMIT, "make the meeting link", token)
}

/// Removing a meeting: an undo, so it is tried for a week.
pub(super) fn unlink() -> ActivityOptions {
    provider(
        Duration::from_secs(7 * 86_400),
        "remove the meeting",
        WorkflowCancellationToken::new(),
    )
}

fn provider(limit: Duration, summary: &str, token: WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: limit,
        start_to_close: Duration::from_secs(10),
    })
    .retry_policy(
        RetryPolicy::builder()
            .initial_interval(Duration::from_secs(1))
            .backoff_coefficient(2.0)
            .maximum_interval(Duration::from_secs(60))
            .build(),
    )
    .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
    .cancellation_token(token)
    .summary(summary.to_owned())
    .build()
}

/// Sending the mails of that kind.
pub(super) fn mail(kind: MailKind, queue: String, limit: Duration) -> ActivityOptions {
    outreach(format!("send the {} mail", kind.as_str()), queue, limit)
}

/// Sending mails: attempts of 120 s (two recipients, a slow server) until `limit`, at most 5 minutes apart.
///
/// An attempt shows that it lives every few seconds, so that one whose worker died is repeated after [`SILENCE`].
pub(crate) fn outreach(summary: String, queue: String, limit: Duration) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: limit,
        start_to_close: Duration::from_secs(120).min(limit),
    })
    .heartbeat_timeout(SILENCE)
    .task_queue(queue)
    .retry_policy(
        RetryPolicy::builder()
            .initial_interval(Duration::from_secs(1))
            .backoff_coefficient(2.0)
            .maximum_interval(Duration::from_secs(300))
            .build(),
    )
    .cancellation_token(WorkflowCancellationToken::new())
    .summary(summary)
    .build()
}
