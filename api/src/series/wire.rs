//! Series on the wire.

use crate::{
    error::ApiError,
    http::{
        body::{Fields, Strict},
        instant::Utc,
        values::LocalDate,
    },
    sessions::wire::SessionView,
};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use uuid::Uuid;
use workflows::series::{
    contract::{Mode, RefusedStart},
    recurrence::{Length, MAX_SESSIONS, Recurrence},
};

/// How a booking recurs: on the same wall-clock time, every so many weeks.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RecurrenceRequest {
    /// Every week (1), every second one (2), ….
    #[oai(validator(minimum(value = "1")))]
    pub every_weeks: u32,
    /// How many sessions, at most 26; otherwise `until`.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "26")))]
    pub count: Option<u32>,
    /// The last date it may fall on, included; otherwise `count`.
    #[oai(nullable)]
    pub until: Option<LocalDate>,
    /// What it does without.
    pub mode: ModeRequest,
}

/// What a series does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ModeRequest {
    /// Every week, or none.
    AllOrNothing,
    /// The weeks that can be had.
    BestEffort,
}

impl Strict for RecurrenceRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let every_weeks = fields.required::<u32>("every_weeks");
        if every_weeks == Some(0) {
            fields.refuse("every_weeks", "invalid", "must be at least 1");
        }
        match (fields.has("count"), fields.has("until")) {
            (true, true) => fields.refuse("until", "invalid", "give either this or count"),
            (false, false) => fields.refuse("count", "missing", "is required, or until"),
            _ => {}
        }
        let count = fields.optional::<u32>("count");
        if count.is_some_and(|count| !(1..=MAX_SESSIONS).contains(&count)) {
            fields.refuse("count", "invalid", format!("must be 1 to {MAX_SESSIONS}"));
        }
        let until = fields.optional("until");
        let mode = fields.required("mode");
        Some(Self {
            every_weeks: every_weeks?,
            count,
            until,
            mode: mode?,
        })
    }
}

impl RecurrenceRequest {
    /// The request as a decision about each field.
    #[must_use]
    pub fn into_wanted(self) -> (Recurrence, Mode) {
        let Self {
            every_weeks,
            count,
            until,
            mode,
        } = self;
        let length = match (count, until) {
            (_, Some(until)) => Length::Until(until.0),
            (count, None) => Length::Count(count.unwrap_or_default()),
        };
        let mode = match mode {
            ModeRequest::AllOrNothing => Mode::AllOrNothing,
            ModeRequest::BestEffort => Mode::BestEffort,
        };
        (Recurrence { every_weeks, length }, mode)
    }
}

/// A series.
#[derive(Debug, Object, Serialize)]
pub struct SeriesView {
    /// Its id.
    pub series_id: Uuid,
    /// Its sessions, earliest first.
    pub sessions: Vec<SessionView>,
    /// The starts that could not be had when it was booked.
    pub refused: Vec<RefusedStartView>,
}

/// A start that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct RefusedStartView {
    /// Which.
    pub starts_at: Utc,
    /// The code that tells why, as of a single booking.
    pub error: String,
}

impl From<RefusedStart> for RefusedStartView {
    fn from(refused: RefusedStart) -> Self {
        let RefusedStart { starts_at, refusal } = refused;
        Self {
            starts_at: starts_at.into(),
            error: refusal.code().to_owned(),
        }
    }
}

/// The address of a series.
#[must_use]
pub fn address(id: impl std::fmt::Display) -> String {
    format!("/api/series/{id}")
}

/// None of a series could be had.
#[must_use]
pub fn refused(refused: Vec<RefusedStart>) -> ApiError {
    match refused.first().cloned() {
        Some(first) => ApiError::SeriesRefused {
            error: first.refusal,
            refused: refused.into_iter().map(RefusedStartView::from).collect(),
        },
        None => ApiError::internal("a series refused for no reason"),
    }
}
