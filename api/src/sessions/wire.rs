//! Sessions on the wire.

use crate::{
    http::{
        body::{Fields, Strict},
        instant::Utc,
        values::{LocalDate, LocalTime, ZoneName},
    },
    series::wire::RecurrenceRequest,
};
use entities::{session::Shown, session_event};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId},
    series::{contract::Mode, recurrence::Recurrence},
    sessions::{
        contract::{Entry, Progress, ServiceChoice, workflow_id},
        state::SessionState,
    },
};

/// The longest notes and reasons, in bytes.
const LONGEST_TEXT: usize = 4 * 1024;

/// What to book: when (an instant, or a wall clock's date and time) and what (a service, or a duration).
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct BookRequest {
    /// With whom.
    pub specialist_id: Uuid,
    /// The start; otherwise `date` and `time`.
    #[oai(nullable)]
    pub starts_at: Option<Utc>,
    /// The start's date on the wall clock of `time_zone`.
    #[oai(nullable)]
    pub date: Option<LocalDate>,
    /// The start's time on that wall clock; of a time that occurs twice, the earlier.
    #[oai(nullable)]
    pub time: Option<LocalTime>,
    /// How long; of several services of that length, the first listed. Otherwise `service_id`.
    #[oai(nullable)]
    pub duration_minutes: Option<u32>,
    /// Which service.
    #[oai(nullable)]
    pub service_id: Option<Uuid>,
    /// What the specialist should know, at most 4 KiB.
    #[oai(nullable, validator(max_length = 4096))]
    pub notes: Option<String>,
    /// The caller's zone; the specialist's when absent.
    #[oai(nullable)]
    pub time_zone: Option<ZoneName>,
    /// Hold the slot for a while only, until it is confirmed.
    #[oai(nullable)]
    pub hold: Option<bool>,
    /// Book a series of sessions, the first of them then.
    #[oai(nullable)]
    pub recurrence: Option<RecurrenceRequest>,
}

/// When a booking is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Then.
    At(Utc),
    /// When the wall clock shows this.
    Wall(LocalDate, LocalTime),
}

/// A booking as its request says it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// With whom.
    pub specialist: SpecialistId,
    /// When.
    pub start: Start,
    /// What.
    pub service: ServiceChoice,
    /// The client's notes.
    pub notes: Option<String>,
    /// The client's zone.
    pub time_zone: Option<ZoneName>,
    /// Whether the slot is only held.
    pub hold: bool,
    /// How it recurs, and what a series does without.
    pub recurrence: Option<(Recurrence, Mode)>,
}

impl Strict for BookRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        check_choices(fields);
        let specialist_id = fields.required("specialist_id");
        let request = Self {
            specialist_id: specialist_id.unwrap_or_default(),
            starts_at: fields.optional("starts_at"),
            date: fields.optional("date"),
            time: fields.optional("time"),
            duration_minutes: fields.optional("duration_minutes"),
            service_id: fields.optional("service_id"),
            notes: fields.text("notes", LONGEST_TEXT),
            time_zone: fields.optional("time_zone"),
            hold: fields.optional("hold"),
            recurrence: fields.object("recurrence"),
        };
        if request.recurrence.is_some() && request.hold == Some(true) {
            fields.refuse("hold", "invalid", "a series cannot be held");
        }
        specialist_id.map(|_| request)
    }
}

/// One way of saying when, and one of saying what.
fn check_choices(fields: &mut Fields) {
    let (instant, date, time) = (fields.has("starts_at"), fields.has("date"), fields.has("time"));
    match (instant, date, time) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => fields.refuse("starts_at", "invalid", "give either this or date and time"),
        (false, true, false) => fields.refuse("time", "missing", "goes with date"),
        (false, false, true) => fields.refuse("date", "missing", "goes with time"),
        (false, false, false) => fields.refuse("starts_at", "missing", "is required, or date and time"),
    }
    match (fields.has("duration_minutes"), fields.has("service_id")) {
        (true, true) => fields.refuse("service_id", "invalid", "give either this or duration_minutes"),
        (false, false) => fields.refuse("duration_minutes", "missing", "is required, or service_id"),
        _ => {}
    }
}

impl BookRequest {
    /// The request as a decision about each field.
    ///
    /// # Panics
    /// Never for a request that was read: the choices were checked there.
    #[must_use]
    pub fn into_wanted(self) -> Wanted {
        let Self {
            specialist_id,
            starts_at,
            date,
            time,
            duration_minutes,
            service_id,
            notes,
            time_zone,
            hold,
            recurrence,
        } = self;
        let start = match (starts_at, date.zip(time)) {
            (Some(at), _) => Start::At(at),
            (None, Some((date, time))) => Start::Wall(date, time),
            (None, None) => unreachable!("checked when it was read"),
        };
        let service = match (service_id, duration_minutes) {
            (Some(id), _) => ServiceChoice::Id(ServiceId(id)),
            (None, Some(minutes)) => ServiceChoice::Minutes(minutes),
            (None, None) => unreachable!("checked when it was read"),
        };
        Wanted {
            specialist: SpecialistId(specialist_id),
            start,
            service,
            notes,
            time_zone,
            hold: hold.unwrap_or_default(),
            recurrence: recurrence.map(RecurrenceRequest::into_wanted),
        }
    }
}

/// What to change: the start (an instant, or a wall clock's date and time), the notes, or both.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The new start; otherwise `date` and `time`, or none to leave it.
    #[oai(nullable)]
    pub starts_at: Option<Utc>,
    /// The new start's date on the wall clock of `time_zone`.
    #[oai(nullable)]
    pub date: Option<LocalDate>,
    /// The new start's time on that wall clock.
    #[oai(nullable)]
    pub time: Option<LocalTime>,
    /// The zone of `date` and `time`; that of the session when absent.
    #[oai(nullable)]
    pub time_zone: Option<ZoneName>,
    /// What the specialist should know, at most 4 KiB; empty to have none, absent to leave it.
    #[oai(nullable, validator(max_length = 4096))]
    pub notes: Option<String>,
}

/// What is to change, as its request says it.
#[derive(Clone, Debug)]
pub struct WantedChange {
    /// The new start.
    pub start: Option<Start>,
    /// The zone that a wall clock is read in; the session's when absent.
    pub time_zone: Option<ZoneName>,
    /// The notes; empty to have none.
    pub notes: Option<String>,
}

impl Strict for ChangeRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        match (fields.has("starts_at"), fields.has("date"), fields.has("time")) {
            (true, true, _) | (true, _, true) => {
                fields.refuse("starts_at", "invalid", "give either this or date and time")
            }
            (_, true, false) => fields.refuse("time", "missing", "goes with date"),
            (_, false, true) => fields.refuse("date", "missing", "goes with time"),
            (false, false, false) if !fields.has("notes") => {
                fields.refuse("starts_at", "missing", "is required, or date and time, or notes");
            }
            _ => {}
        }
        Some(Self {
            starts_at: fields.optional("starts_at"),
            date: fields.optional("date"),
            time: fields.optional("time"),
            time_zone: fields.optional("time_zone"),
            notes: fields.text("notes", LONGEST_TEXT),
        })
    }
}

impl ChangeRequest {
    /// The request as a decision about each field.
    #[must_use]
    pub fn into_wanted(self) -> WantedChange {
        let Self {
            starts_at,
            date,
            time,
            time_zone,
            notes,
        } = self;
        let wall = date.zip(time).map(|(date, time)| Start::Wall(date, time));
        WantedChange {
            start: starts_at.map(Start::At).or(wall),
            time_zone,
            notes,
        }
    }
}

/// Why a session is called off.
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct CancelRequest {
    /// In the caller's words, at most 4 KiB.
    #[oai(nullable, validator(max_length = 4096))]
    pub reason: Option<String>,
}

impl Strict for CancelRequest {
    const MAY_BE_ABSENT: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            reason: fields.text("reason", LONGEST_TEXT),
        })
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The slot is taken; a hold, or a link is still being made.
    Held,
    /// It will take place.
    Confirmed,
    /// Its end has passed.
    Completed,
    /// The client did not come.
    NoShow,
    /// It was called off.
    Cancelled,
    /// A hold that was not confirmed in time.
    Expired,
    /// It could not be arranged.
    Failed,
}

impl From<SessionState> for Status {
    fn from(state: SessionState) -> Self {
        match state {
            SessionState::Held => Self::Held,
            SessionState::Confirmed => Self::Confirmed,
            SessionState::Completed => Self::Completed,
            SessionState::NoShow => Self::NoShow,
            SessionState::Cancelled => Self::Cancelled,
            SessionState::Expired => Self::Expired,
            SessionState::Failed => Self::Failed,
        }
    }
}

impl From<Status> for SessionState {
    fn from(status: Status) -> Self {
        match status {
            Status::Held => Self::Held,
            Status::Confirmed => Self::Confirmed,
            Status::Completed => Self::Completed,
            Status::NoShow => Self::NoShow,
            Status::Cancelled => Self::Cancelled,
            Status::Expired => Self::Expired,
            Status::Failed => Self::Failed,
        }
    }
}

/// A session.
#[derive(Debug, Object, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: Uuid,
    /// The workflow that it is.
    pub workflow_id: String,
    /// Where it stands.
    pub status: Status,
    /// Who gives it.
    pub specialist_id: Uuid,
    /// Who booked it: the `sub` of their tokens.
    pub user_id: Uuid,
    /// What was booked.
    pub service_id: Uuid,
    /// The recurring booking that it is one of.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_id: Option<Uuid>,
    /// Begin.
    pub starts_at: Utc,
    /// End, exclusive.
    pub ends_at: Utc,
    /// The zone shown to its client.
    pub time_zone: String,
    /// What the client wrote.
    #[oai(nullable)]
    pub notes: Option<String>,
    /// Where to meet, once it is confirmed.
    #[oai(nullable)]
    pub meeting_url: Option<String>,
    /// When a hold ends.
    #[oai(nullable)]
    pub hold_expires_at: Option<Utc>,
    /// Whether it was cancelled under the policy's notice.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_cancel: Option<bool>,
    /// The calendar's sequence.
    pub sequence: i32,
    /// Raised by every change; the `ETag` is made of it.
    pub version: i32,
    /// When it was booked.
    pub created_at: Utc,
    /// When it was last changed.
    pub updated_at: Utc,
    /// What has happened, oldest first.
    pub progress: Vec<EventView>,
    /// Where to go from here.
    pub links: SessionLinks,
}

/// An entry of a session's timeline.
#[derive(Debug, Object, Serialize)]
pub struct EventView {
    /// Its number, rising.
    pub seq: i32,
    /// Which step.
    pub step: String,
    /// How it went.
    pub status: String,
    /// When.
    pub at: Utc,
    /// More.
    #[oai(nullable)]
    pub detail: Option<String>,
}

/// Addresses around a session.
#[derive(Debug, Object, Serialize)]
pub struct SessionLinks {
    /// The session; `PUT` changes it, `DELETE` calls it off.
    #[oai(rename = "self")]
    #[serde(rename = "self")]
    pub this: String,
    /// What its workflow says.
    pub progress: String,
    /// Of a hold: `POST` confirms it.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Who gives it.
    pub specialist: String,
}

/// The address of a session.
#[must_use]
pub fn address(id: impl std::fmt::Display) -> String {
    format!("/api/sessions/{id}")
}

impl From<Shown> for SessionView {
    fn from(shown: Shown) -> Self {
        let Shown { row, notes, timeline } = shown;
        let links = SessionLinks {
            this: address(row.id),
            progress: format!("{}/progress", address(row.id)),
            confirm: row.hold_expires_at.map(|_| format!("{}/confirm", address(row.id))),
            specialist: format!("/api/specialists/{}", row.specialist_id),
        };
        Self {
            id: row.id.0,
            workflow_id: row.workflow_id,
            status: row.status.into(),
            specialist_id: row.specialist_id.0,
            user_id: row.client_id.0,
            service_id: row.service_id.0,
            series_id: row.series_id.map(|id| id.0),
            starts_at: row.starts_at.into(),
            ends_at: row.ends_at.into(),
            time_zone: row.time_zone,
            notes,
            meeting_url: row.meeting_url,
            hold_expires_at: row.hold_expires_at.map(Utc),
            late_cancel: row.late_cancel,
            sequence: row.sequence,
            version: row.version,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            progress: timeline.into_iter().map(EventView::from).collect(),
            links,
        }
    }
}

impl SessionView {
    /// The tag of this version.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.version)
    }
}

/// The tag of a session's version.
#[must_use]
pub fn etag(version: i32) -> String {
    format!("\"{version}\"")
}

impl From<session_event::Model> for EventView {
    fn from(event: session_event::Model) -> Self {
        let session_event::Model {
            session_id: _,
            seq,
            at,
            step,
            status,
            detail,
            key: _,
        } = event;
        Self {
            seq,
            step,
            status,
            at: at.into(),
            detail,
        }
    }
}

/// A page of sessions.
#[derive(Debug, Object, Serialize)]
pub struct SessionList {
    /// The sessions, latest start first.
    pub items: Vec<SessionView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// What a session's workflow says of itself.
#[derive(Debug, Object, Serialize)]
pub struct ProgressView {
    /// The workflow.
    pub workflow_id: String,
    /// The run that answered.
    pub run_id: String,
    /// The session's state; absent while the reservation is being decided.
    #[oai(nullable)]
    pub status: Option<Status>,
    /// What it waits for.
    #[oai(nullable)]
    pub waiting_for: Option<String>,
    /// When its next timer fires.
    #[oai(nullable)]
    pub next_timer_at: Option<Utc>,
    /// What has happened, by the workflow's own account.
    pub timeline: Vec<StepView>,
}

/// An entry of a workflow's timeline.
#[derive(Debug, Object, Serialize)]
pub struct StepView {
    /// When.
    pub at: Utc,
    /// Which step.
    pub step: String,
    /// How it went.
    pub status: String,
    /// More.
    #[oai(nullable)]
    pub detail: Option<String>,
}

impl ProgressView {
    /// The answer of a run.
    #[must_use]
    pub fn new(session: workflows::ids::SessionId, run_id: String, progress: Progress) -> Self {
        let Progress {
            status,
            waiting_for,
            next_timer_at,
            timeline,
        } = progress;
        let timeline = timeline.into_iter().map(|entry| {
            let Entry {
                at,
                step,
                status,
                detail,
            } = entry;
            StepView {
                at: at.into(),
                step,
                status,
                detail,
            }
        });
        Self {
            workflow_id: workflow_id(session),
            run_id,
            status: status.map(Status::from),
            waiting_for,
            next_timer_at: next_timer_at.map(Utc),
            timeline: timeline.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
