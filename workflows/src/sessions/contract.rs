//! What callers, the workflow and its steps say to each other.
//!
//! Everything here is stored in histories for as long as sessions live: a field is added with
//! `#[serde(default)]`, never renamed and never given another meaning. Ids and decisions only; free text by id.

use super::{error::SessionError, state::SessionState};
use crate::{
    ids::{SeatGroup, ServiceId, SessionId, SpecialistId, TextId, UserId},
    time::Instant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The flow that new sessions start with; see `workflow` for what each number means.
pub const CURRENT_FLOW: u32 = 3;

/// The namespace of session ids.
const SESSIONS: Uuid = Uuid::from_u128(0x6f0c_3b1e_52a7_5d0c_9a54_8a4e_17e0_b1c3);
/// The namespace of seat groups of shared starts.
const SEAT_GROUPS: Uuid = Uuid::from_u128(0x2d9a_7c44_0c1b_5f3e_8b7d_60f2_9c35_ee81);

/// The id of the session that `client` books under `key`: the same key always means the same session.
#[must_use]
pub fn session_id(client: UserId, key: &str) -> SessionId {
    SessionId(Uuid::new_v5(
        &Uuid::new_v5(&SESSIONS, client.0.as_bytes()),
        key.as_bytes(),
    ))
}

/// The workflow id of a session.
#[must_use]
pub fn workflow_id(session: SessionId) -> String {
    format!("session-{session}")
}

/// The key of the meeting that `session` has made as its `ordinal`th: never given twice, so that a meeting can be removed
/// without a look at whoever comes next.
///
/// Sessions that share a start share the key of the one that was there first.
#[must_use]
pub fn meeting_key(session: SessionId, ordinal: u32) -> String {
    format!("{session}-{ordinal}")
}

/// The session that a workflow is, if it is one.
#[must_use]
pub fn session_of(workflow_id: &str) -> Option<SessionId> {
    workflow_id.strip_prefix("session-")?.parse().ok()
}

/// What the sessions that may share a start have in common.
///
/// A service for one client at a time gives each session a group of its own; with a `capacity` above one
/// the group stands for (service, start).
#[must_use]
pub fn seat_group(session: SessionId, service: ServiceId, capacity: u32, starts_at: Instant) -> SeatGroup {
    if capacity <= 1 {
        return SeatGroup(session.0);
    }
    let start = starts_at.unix_micros().to_be_bytes();
    SeatGroup(Uuid::new_v5(&Uuid::new_v5(&SEAT_GROUPS, service.0.as_bytes()), &start))
}

/// The task queue of mails and other outreach that belongs to a `bookings` queue.
///
/// Workflows of the queue `bookings` send by `outreach`; of `bookings-x` by `outreach-x`.
#[must_use]
pub fn outreach_queue(bookings: &str) -> String {
    match bookings.strip_prefix(BOOKINGS_QUEUE) {
        Some(suffix) => format!("{OUTREACH_QUEUE}{suffix}"),
        None => format!("{OUTREACH_QUEUE}-{bookings}"),
    }
}

/// The default task queue of workflows and of the steps that touch our own database.
pub const BOOKINGS_QUEUE: &str = "bookings";
/// The default task queue of what leaves the house by mail.
pub const OUTREACH_QUEUE: &str = "outreach";

/// Which of a specialist's services is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceChoice {
    /// This one.
    Id(ServiceId),
    /// The first listed one of that many minutes.
    Minutes(u32),
}

/// The start input of a session's workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The order of steps this run follows, see [`CURRENT_FLOW`].
    pub flow: u32,
    /// The session: [`session_id`] of client and key.
    pub session: SessionId,
    /// With whom.
    pub specialist: SpecialistId,
    /// For whom.
    pub client: UserId,
    /// What.
    pub service: ServiceChoice,
    /// When it begins.
    pub starts_at: Instant,
    /// The zone that its client thinks in; the specialist's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The client's notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<TextId>,
    /// Whether the slot is held for a while only, until its client confirms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// A keyed hash of the request's body: the same key with another one is refused.
    pub request_hash: String,
    /// Not reserved by then, the booking refuses itself.
    pub not_after: Instant,
    /// The request that asked, for logs and traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The argument of update `book`: what a caller means the run to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// As in [`Book::request_hash`].
    pub request_hash: String,
}

/// Who gives a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one who booked.
    Client,
    /// The one who gives the session.
    Specialist,
    /// An administrator, by the API.
    Admin,
    /// The engine's operators, by a cancellation request of the run.
    Operator,
}

/// The argument of update `cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// As whom.
    pub role: Role,
    /// Who, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// Why, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<TextId>,
    /// Ends a slot that is held for a while, and nothing else: what its client has confirmed meanwhile stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_hold: bool,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The argument of update `confirm`: the client wants what is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmHold {
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What becomes of a session's notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notes {
    /// They stay.
    #[default]
    Keep,
    /// There are none any more.
    Clear,
    /// This text takes their place.
    Replace(TextId),
}

/// The argument of update `reschedule`: another start and, with it, other notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reschedule {
    /// The command: what it wrote is found by this when its step is repeated.
    pub id: Uuid,
    /// As whom.
    pub role: Role,
    /// Who, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// The new start; one that is the old start already reschedules nothing.
    pub starts_at: Instant,
    /// The notes.
    #[serde(default)]
    pub notes: Notes,
    /// The version that the caller has seen: refused when it is another one by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The argument of update `amend`: other notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amend {
    /// As in [`Reschedule::id`].
    pub id: Uuid,
    /// As whom.
    pub role: Role,
    /// Who, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// The notes.
    pub notes: Notes,
    /// As in [`Reschedule::version`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The argument of update `no_show`: the client did not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoShow {
    /// As whom: its specialist.
    pub role: Role,
    /// Who, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The argument of signal `profile_changed`: the client's profile says something else now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// Whether its zone is another one: a zone named with the booking gives way to it, and to nothing else.
    #[serde(default)]
    pub time_zone: bool,
    /// The row may say otherwise than the run, which takes over what it says. A field of this signal, so that a release
    /// that does not know it yet goes on with what a later one has done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub look_again: bool,
}

/// The answer to a command: updates lose the type of an error, so a no is an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T = Standing> {
    /// Carried out, or it had been already; the session as the command left it.
    Done(T),
    /// Refused; nothing has changed.
    Refused(SessionError),
}

/// The answer of update `book`. From flow 3 on it does not say how the session stands: the history has that from the
/// reserving step already.
pub type Booked = Answer<Option<Standing>>;

impl Answer {
    /// The same, with what is made of how the session stands.
    pub fn map<T>(self, make: impl FnOnce(Standing) -> T) -> Answer<T> {
        match self {
            Self::Done(standing) => Answer::Done(make(standing)),
            Self::Refused(refusal) => Answer::Refused(refusal),
        }
    }
}

/// Where a session stands, as the steps tell the workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub status: SessionState,
    /// Begin.
    pub starts_at: Instant,
    /// End, exclusive.
    pub ends_at: Instant,
    /// The calendar's sequence: rises with every change a calendar must learn of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sequence: u32,
    /// Minutes before the start at which its client wants to be reminded.
    pub reminder_offsets: Vec<u32>,
    /// Whether a meeting link has still to be made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link_pending: bool,
    /// Whether a provider keeps a meeting that must be removed when the session ends early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub meeting_to_remove: bool,
    /// The meeting it has or is to have, see [`meeting_key`]; where one is to be made, or may have to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meeting_key: Option<String>,
    /// Of a hold: when it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Instant>,
    /// Of a row that a step found, and did not write, such as the reserving one: when it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Instant>,
}

/// What is as it mostly is, a history does not say: a session is kept for months, a hundred bytes at a time.
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Input of step `sessions.reserve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// What was asked for.
    pub book: Book,
    /// The workflow's time.
    pub now: Instant,
}

/// Input of the steps that need no more than the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSession {
    /// The session.
    pub session: SessionId,
    /// The workflow's time.
    pub now: Instant,
    /// The request that led here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Output of step `sessions.create_meeting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Where the session takes place; sealed on its way through the engine, see `create_meeting`.
    pub url: String,
    /// The provider's name for it, where it gave one; sealed as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Which meeting it is, see [`meeting_key`]: a session that has moved meanwhile wants another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Input of step `sessions.remove_meeting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveMeeting {
    /// The session that has left it.
    pub session: SessionId,
    /// Which meeting; the session's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The workflow's time.
    pub now: Instant,
}

/// Input of step `sessions.confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The session.
    pub session: SessionId,
    /// The meeting made for it.
    pub meeting: Meeting,
    /// The workflow's time.
    pub now: Instant,
    /// The request that led here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Input of step `sessions.fail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fail {
    /// The session.
    pub session: SessionId,
    /// A code: why it failed.
    pub reason: String,
    /// The workflow's time.
    pub now: Instant,
    /// The request that led here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Input of the steps that carry out a command: `sessions.cancel`, `sessions.reschedule`, ….
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given<Command> {
    /// The session.
    pub session: SessionId,
    /// The command.
    pub command: Command,
    /// The workflow's time.
    pub now: Instant,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// It is booked.
    Confirmation,
    /// It begins soon.
    Reminder,
    /// It was called off.
    Cancellation,
    /// It could not be arranged; the slot is free again.
    Failure,
    /// It is over: how was it?
    ReviewInvitation,
}

impl MailKind {
    /// The kind as events and message ids name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Reminder => "reminder",
            Self::Cancellation => "cancellation",
            Self::Failure => "failure",
            Self::ReviewInvitation => "review_invitation",
        }
    }
}

/// Input of step `outreach.send_mails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMails {
    /// The session.
    pub session: SessionId,
    /// What about.
    pub kind: MailKind,
    /// The calendar sequence it speaks of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sequence: u32,
    /// Of a reminder: minutes before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_minutes: Option<u32>,
    /// The workflow's time.
    pub now: Instant,
}

/// Output of step `outreach.send_mails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mailed {
    /// Every recipient's server took it, now or before, or refused it for good (as the timeline says).
    Done,
    /// It was not to go: the session has moved or ended meanwhile.
    Dropped,
}

/// Input of step `sessions.drop_mail`: what could not be delivered in time is put on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropMail {
    /// The mail.
    pub mail: SendMails,
    /// A code: why it does not go.
    pub reason: String,
    /// The workflow's time.
    pub now: Instant,
}

/// One line of the workflow's own timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the workflow's time.
    pub at: Instant,
    /// Which step or command: `reserve`, `mail`, `reminder`, ….
    pub step: String,
    /// What became of it: `done`, `started`, `skipped`, `dropped`, `refused`, `failed`.
    pub status: String,
    /// More, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The answer to query `state`: the workflow as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The session's state; absent while the reservation is being decided or when it was refused.
    pub status: Option<SessionState>,
    /// What it waits for: `reservation`, `confirm`, `meeting_link`, `reminder`, `end`, `no_show_window`, or nothing more.
    pub waiting_for: Option<String>,
    /// When its next timer fires.
    pub next_timer_at: Option<Instant>,
    /// What has happened.
    pub timeline: Vec<Entry>,
}
