//! What callers, the workflows of a series and their steps say to each other; stored in histories.

use crate::{
    ids::{SeriesId, SessionId, SpecialistId, TextId, UserId},
    sessions::{
        contract::{Role, ServiceChoice, session_id},
        error::SessionError,
    },
    time::Instant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The flow that new series start with.
pub const CURRENT_FLOW: u32 = 1;

/// The id of the series that `client` books under `key`: a key means one thing, a session or a series.
#[must_use]
pub fn series_id(client: UserId, key: &str) -> SeriesId {
    SeriesId(session_id(client, key).0)
}

/// The id of the `n`th session of a series, from 0.
#[must_use]
pub fn session_of(series: SeriesId, n: u32) -> SessionId {
    SessionId(Uuid::new_v5(&series.0, &n.to_be_bytes()))
}

/// The workflow id of the booking of a series.
#[must_use]
pub fn workflow_id(series: SeriesId) -> String {
    format!("series-{series}")
}

/// The workflow id of the cancellation of a series.
#[must_use]
pub fn cancellation_id(series: SeriesId) -> String {
    format!("series-{series}-cancel")
}

/// What a series does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every week, or none.
    AllOrNothing,
    /// The weeks that can be had.
    BestEffort,
}

/// The start input of the workflow that books a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookSeries {
    /// The order of steps this run follows.
    pub flow: u32,
    /// The series: [`series_id`] of client and key.
    pub series: SeriesId,
    /// With whom.
    pub specialist: SpecialistId,
    /// For whom.
    pub client: UserId,
    /// What.
    pub service: ServiceChoice,
    /// When its sessions begin, in their order.
    pub starts: Vec<Instant>,
    /// The zone that its client thinks in; the specialist's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The client's notes, the same for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<TextId>,
    /// What it does without.
    pub mode: Mode,
    /// A keyed hash of the request's body: the same key with another one is refused.
    pub request_hash: String,
    /// Not reserved by then, the booking refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A start of a series that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedStart {
    /// Which.
    pub starts_at: Instant,
    /// Why.
    pub refusal: SessionError,
}

/// What became of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesAnswer {
    /// Sessions are reserved; what could not be had stands in the series' row.
    Reserved,
    /// None is, because of these starts.
    Refused(Vec<RefusedStart>),
    /// None is, for a reason that has to do with no start.
    Denied(SessionError),
}

/// Input of step `series.reserve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveSeries {
    /// What was asked for.
    pub book: BookSeries,
    /// The workflow's time.
    pub now: Instant,
}

/// Input of step `series.start_sessions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSeries {
    /// The series.
    pub series: SeriesId,
}

/// The start input of the workflow that calls a series off, and the input of its step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelSeries {
    /// The series.
    pub series: SeriesId,
    /// This command: what a session answered to an earlier one is not repeated to this one.
    #[serde(default)]
    pub id: Uuid,
    /// As whom.
    pub role: Role,
    /// Who, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// Why, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<TextId>,
    /// What is begun by then is carried through; what is not refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
