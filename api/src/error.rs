//! What goes wrong, as callers see it: `application/problem+json` in one shape.
//!
//! The only file that names a status code. A source is logged by [`crate::edge`], never sent.

use crate::{http::instant::Utc, series::wire::RefusedStartView};
use entities::fault::{self, Fault};
use poem::{
    Response,
    error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError},
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    error::{AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError},
    payload::Json,
    registry::{MetaResponse, MetaResponses, Registry},
    types::ToJSON,
};
use sea_orm::DbErr;
use std::{error::Error, sync::Arc};
use workflows::{
    accounts::error::AccountError,
    sessions::error::SessionError,
    slots::{error::SlotsError, refusal::Refusal},
    waitlist::error::WaitlistError,
};

/// Everything a request can be answered with but what it asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The body is no JSON.
    #[error("the body is not JSON: {0}")]
    InvalidJson(String),
    /// Well-formed and wrong: every field that is.
    #[error("{}", summary(.0))]
    InvalidRequest(Vec<FieldError>),
    /// The body is of another type.
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    /// The body is too long.
    #[error("the body is longer than 1 MiB")]
    PayloadTooLarge,
    /// No such path.
    #[error("there is nothing at this address")]
    NoSuchPath,
    /// No such method at that path.
    #[error("this address does not answer that method")]
    MethodNotAllowed {
        /// The methods it answers, for `Allow`.
        allow: String,
    },
    /// Not there, or not the caller's to know of.
    #[error("there is no such {}", .0.name())]
    NotFound(Thing),
    /// No token, or one that is not good; why, for the log only.
    #[error("a valid bearer token is needed")]
    InvalidToken(&'static str),
    /// Known, and not allowed.
    #[error("the caller may not do this")]
    InsufficientPermissions,
    /// It is not open to the caller at the moment, by a feature flag.
    #[error("this is not open at the moment")]
    FeatureOff,
    /// What is to be changed is not what the caller has seen of it.
    #[error("it has changed since you read it")]
    VersionMismatch,
    /// The issuer's keys have never been had, so no token can be judged.
    #[error("the identity provider cannot be reached")]
    IdentityUnavailable,
    /// A rule refuses the command.
    #[error("{}", sentence(error))]
    Refused {
        /// The refusal.
        error: SessionError,
        /// Starts that would do, for a refused start.
        next_slots: Vec<NextSlot>,
    },
    /// A rule refuses a series.
    #[error("{}", sentence(error))]
    SeriesRefused {
        /// The first refusal.
        error: SessionError,
        /// Every start that could not be had.
        refused: Vec<RefusedStartView>,
    },
    /// A rule of the waitlist refuses the command.
    #[error("{}", waitlist_sentence(*.0))]
    Waitlist(WaitlistError),
    /// A rule keeps the account from being deleted.
    #[error("{}", account_sentence(*.0))]
    Account(AccountError),
    /// The offer has the opposite answer.
    #[error("this offer has been answered otherwise")]
    OfferAnswered,
    /// The offer has ended without an answer.
    #[error("this offer has ended")]
    OfferLapsed,
    /// The webhook is disabled: it is told nothing.
    #[error("this webhook is disabled; enable it first")]
    WebhookDisabled,
    /// The range asked for has too many starts.
    #[error("the range has more starts than one answer lists; ask for a shorter one")]
    TooManyStarts,
    /// The database cannot be reached or does not answer in time.
    #[error("the database does not answer; nothing was changed")]
    DatabaseUnavailable(#[source] Option<DbErr>),
    /// The engine was not reached: nothing has been done.
    #[error("the booking engine cannot be reached; nothing was booked or changed")]
    EngineUnavailable,
    /// The engine was asked and did not answer: the command may have been kept.
    #[error("the booking engine did not answer in time; it may have kept the command")]
    OutcomeUnknown {
        /// Where the truth can be read.
        location: String,
        /// With which key a booking can be repeated.
        key: Option<String>,
    },
    /// As many sessions as this process can follow are followed, or it is about to stop.
    #[error("no more sessions can be followed live here right now")]
    StreamsUnavailable,
    /// The request took longer than any may.
    #[error("the request took too long")]
    TimedOut,
    /// The caller, or their address, asks too often.
    #[error("too many requests; try again later")]
    RateLimited {
        /// In how many seconds there is room for more.
        retry_after: u32,
    },
    /// As many requests as this process takes at once are under way.
    #[error("too much is going on here right now; try again")]
    Overloaded,
    /// The headers are too long.
    #[error("the headers are longer than 32 KiB")]
    HeadersTooLarge,
    /// A bug.
    #[error("something went wrong on our side")]
    Internal(#[source] Arc<dyn Error + Send + Sync>),
}

/// What can be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A session.
    Session,
    /// A specialist.
    Specialist,
    /// A recurring booking.
    Series,
    /// A feed of sessions.
    CalendarFeed,
    /// A place in a waitlist.
    WaitlistEntry,
    /// An offer, or a link to one.
    Offer,
    /// The opening hours of a specialist.
    Schedule,
    /// Something that a specialist offers.
    Service,
    /// A feature flag.
    FeatureFlag,
    /// A receiver of webhooks.
    Webhook,
    /// A session's workflow, which is forgotten some time after its end.
    Workflow,
    /// An insight: the library has none for the caller.
    Insight,
    /// A text of the library of insights.
    InsightText,
    /// The report of a day: one that is not over, or longer ago than reports are made for.
    Report,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct FieldError {
    /// The field, parameter or header; empty for the body as a whole.
    pub field: String,
    /// `missing`, `unknown`, `duplicate`, `invalid` or `too_long`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// A start that can be booked instead.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct NextSlot {
    /// Begin.
    pub starts_at: Utc,
    /// End, exclusive.
    pub ends_at: Utc,
}

/// A problem, after RFC 9457.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Problem {
    /// A name for the kind of problem.
    #[oai(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened, for people.
    pub detail: String,
    /// The address that was asked.
    pub instance: String,
    /// The stable code callers act on; the description of each status lists its codes. New ones may be added.
    pub error: String,
    /// The same as `detail`.
    pub message: String,
    /// The offending fields.
    pub errors: Option<Vec<FieldError>>,
    /// Starts that would do.
    pub next_slots: Option<Vec<NextSlot>>,
    /// Of a series: the starts that could not be had.
    pub refused: Option<Vec<RefusedStartView>>,
    /// The request, as the log knows it.
    pub request_id: String,
}

impl ApiError {
    /// A request with one wrong field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidRequest(vec![FieldError::new(field, "invalid", message)])
    }

    /// A bug, told by its source.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(Arc::from(source.into()))
    }

    /// The refusal of a command, without starts that would do.
    #[must_use]
    pub fn refused(error: SessionError) -> Self {
        Self::Refused {
            error,
            next_slots: Vec::new(),
        }
    }

    /// The stable code callers act on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidJson(_) => "invalid_json",
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::PayloadTooLarge => "payload_too_large",
            Self::NoSuchPath => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::NotFound(thing) => thing.code(),
            Self::InvalidToken(_) => "invalid_token",
            Self::InsufficientPermissions => "insufficient_permissions",
            Self::FeatureOff => "feature_off",
            Self::VersionMismatch => "version_mismatch",
            Self::IdentityUnavailable => "identity_unavailable",
            Self::Refused { error, .. } | Self::SeriesRefused { error, .. } => error.code(),
            Self::Waitlist(error) => error.code(),
            Self::Account(error) => error.code(),
            Self::OfferAnswered => "wrong_state",
            Self::OfferLapsed => "offer_lapsed",
            Self::WebhookDisabled => "webhook_disabled",
            Self::TooManyStarts => "too_many_starts",
            Self::DatabaseUnavailable(_) => "database_unavailable",
            Self::EngineUnavailable => "engine_unavailable",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::StreamsUnavailable => "streams_unavailable",
            Self::TimedOut => "timed_out",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::HeadersTooLarge => "headers_too_large",
            Self::Internal(_) => "internal_error",
        }
    }

    /// The kind in words.
    fn title(&self) -> String {
        let mut words = self.code().replace('_', " ");
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        words
    }

    /// Seconds after which trying again may help.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::IdentityUnavailable | Self::StreamsUnavailable => Some(5),
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::Overloaded => Some(1),
            Self::DatabaseUnavailable(_) | Self::EngineUnavailable | Self::OutcomeUnknown { .. } | Self::TimedOut => {
                Some(2)
            }
            Self::Refused {
                error: SessionError::Lapsed,
                ..
            }
            | Self::Waitlist(WaitlistError::Lapsed)
            | Self::Account(AccountError::Lapsed) => Some(2),
            _ => None,
        }
    }

    /// The answer to the request `request_id` for `instance`.
    #[must_use]
    pub fn respond(&self, instance: &str, request_id: &str) -> Response {
        let problem = Problem {
            kind: format!("urn:aroti:problem:{}", self.code()),
            title: self.title(),
            status: self.status().as_u16(),
            detail: self.to_string(),
            instance: instance.to_owned(),
            error: self.code().to_owned(),
            message: self.to_string(),
            errors: match self {
                Self::InvalidRequest(errors) => Some(errors.clone()),
                _ => None,
            },
            next_slots: match self {
                Self::Refused { error, next_slots } if is_about_a_start(error) => Some(next_slots.clone()),
                _ => None,
            },
            refused: match self {
                Self::SeriesRefused { refused, .. } => Some(refused.clone()),
                _ => None,
            },
            request_id: request_id.to_owned(),
        };
        let mut response = Response::builder()
            .status(self.status())
            .content_type("application/problem+json")
            .header(header::CACHE_CONTROL, "no-store")
            .body(problem.to_json_string());
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        };
        if let Some(seconds) = self.retry_after() {
            set(header::RETRY_AFTER, &seconds.to_string());
        }
        match self {
            Self::InvalidToken("") => set(header::WWW_AUTHENTICATE, "Bearer"),
            Self::InvalidToken(_)
            | Self::Refused {
                error: SessionError::AccountDeleted,
                ..
            }
            | Self::Waitlist(WaitlistError::AccountDeleted) => {
                set(header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#);
            }
            Self::MethodNotAllowed { allow } => set(header::ALLOW, allow),
            Self::OutcomeUnknown { location, key } => {
                set(header::LOCATION, location);
                if let Some(key) = key {
                    set(HeaderName::from_static("idempotency-key"), key);
                }
            }
            _ => {}
        }
        response
    }
}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::InvalidJson(_) => StatusCode::BAD_REQUEST,
            Self::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Self::InsufficientPermissions | Self::FeatureOff => StatusCode::FORBIDDEN,
            Self::VersionMismatch => StatusCode::PRECONDITION_FAILED,
            Self::NoSuchPath | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidRequest(_) | Self::TooManyStarts => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused { error, .. } | Self::SeriesRefused { error, .. } => refusal_status(error),
            Self::Waitlist(error) => waitlist_status(*error),
            Self::Account(AccountError::Lapsed) => StatusCode::SERVICE_UNAVAILABLE,
            Self::OfferAnswered | Self::WebhookDisabled | Self::Account(AccountError::SpecialistActive) => {
                StatusCode::CONFLICT
            }
            Self::OfferLapsed => StatusCode::GONE,
            Self::IdentityUnavailable
            | Self::DatabaseUnavailable(_)
            | Self::EngineUnavailable
            | Self::OutcomeUnknown { .. }
            | Self::StreamsUnavailable
            | Self::TimedOut
            | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn as_response(&self) -> Response {
        self.respond("", "")
    }
}

fn refusal_status(error: &SessionError) -> StatusCode {
    match error {
        SessionError::NotBookable { because } if because.first() == Some(&Refusal::SlotTaken) => StatusCode::CONFLICT,
        SessionError::ClientBusy | SessionError::WrongState { .. } | SessionError::AlreadyReviewed => {
            StatusCode::CONFLICT
        }
        SessionError::NotBookable { .. }
        | SessionError::IdempotencyKeyReused
        | SessionError::HoldLimit
        | SessionError::PastCutoff
        | SessionError::RescheduleLimit => StatusCode::UNPROCESSABLE_ENTITY,
        SessionError::VersionMismatch => StatusCode::PRECONDITION_FAILED,
        SessionError::SpecialistNotFound => StatusCode::NOT_FOUND,
        SessionError::AccountDeleted => StatusCode::UNAUTHORIZED,
        SessionError::Lapsed => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn waitlist_status(error: WaitlistError) -> StatusCode {
    match error {
        WaitlistError::SpecialistNotFound | WaitlistError::EntryNotFound => StatusCode::NOT_FOUND,
        WaitlistError::UnknownDuration | WaitlistError::Limit => StatusCode::UNPROCESSABLE_ENTITY,
        WaitlistError::AlreadyWaiting | WaitlistError::Accepted => StatusCode::CONFLICT,
        WaitlistError::AccountDeleted => StatusCode::UNAUTHORIZED,
        WaitlistError::Lapsed => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Whether other starts would help.
fn is_about_a_start(error: &SessionError) -> bool {
    matches!(error, SessionError::NotBookable { .. } | SessionError::ClientBusy)
}

/// A refusal in a sentence for people.
fn sentence(error: &SessionError) -> &'static str {
    match error {
        SessionError::NotBookable { because } => match because.first() {
            Some(Refusal::SlotTaken) => "somebody else has that time",
            Some(Refusal::TooSoon) => "that start is too soon",
            Some(Refusal::TooFar) => "that start is too far ahead",
            Some(Refusal::CapReached) => "the specialist takes no more sessions that day or week",
            Some(Refusal::DayOff) => "the specialist is away that day",
            Some(Refusal::ExternalBusy) => "the specialist is busy at that time",
            Some(Refusal::UnknownDuration) => "the specialist does not offer that",
            Some(Refusal::OutsideSchedule) | None => "no session can begin at that time",
        },
        SessionError::ClientBusy => "you have another session at that time",
        SessionError::SpecialistNotFound => "there is no such specialist",
        SessionError::AccountDeleted => "the account has been deleted",
        SessionError::IdempotencyKeyReused => "that idempotency key was used for another request",
        SessionError::Lapsed => "the command lapsed before it could be carried out; nothing was changed",
        SessionError::HoldLimit => "you hold as many slots as one may; confirm or cancel one first",
        SessionError::PastCutoff => "it is too close to the start to reschedule",
        SessionError::RescheduleLimit => "the session has been rescheduled as often as may be",
        SessionError::VersionMismatch => "it has changed since you read it",
        SessionError::WrongState { .. } => "the session's state does not allow this",
        SessionError::AlreadyReviewed => "the session has been reviewed already",
    }
}

fn waitlist_sentence(error: WaitlistError) -> &'static str {
    match error {
        WaitlistError::SpecialistNotFound => "there is no such specialist",
        WaitlistError::UnknownDuration => "the specialist does not offer that",
        WaitlistError::AlreadyWaiting => "you wait for that already; leave that place first to wait for other starts",
        WaitlistError::Limit => "you wait in as many lines as one may; leave one first",
        WaitlistError::AccountDeleted => "the account has been deleted",
        WaitlistError::EntryNotFound => "there is no such place in a waitlist",
        WaitlistError::Accepted => "you have taken an offer; cancel the session instead",
        WaitlistError::Lapsed => "the command lapsed before it could be carried out; nothing was changed",
    }
}

fn account_sentence(error: AccountError) -> &'static str {
    match error {
        AccountError::SpecialistActive => "clients can book you or have sessions with you; ask us to end that first",
        AccountError::Lapsed => "the command lapsed before it could be carried out; nothing was changed",
    }
}

fn summary(errors: &[FieldError]) -> String {
    match errors {
        [only] if only.field.is_empty() => only.message.clone(),
        [only] => format!("{}: {}", only.field, only.message),
        _ => format!("{} fields are wrong", errors.len()),
    }
}

impl FieldError {
    /// One thing that is wrong.
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((cut, _)) = message.char_indices().nth(200) {
            message.truncate(cut);
        }
        Self {
            field: field.into(),
            code: code.to_owned(),
            message,
        }
    }
}

impl Thing {
    fn name(self) -> &'static str {
        match self {
            Self::CalendarFeed => "calendar feed",
            Self::Session => "session",
            Self::Specialist => "specialist",
            Self::Series => "series",
            Self::WaitlistEntry => "place in a waitlist",
            Self::Offer => "offer",
            Self::Schedule => "schedule",
            Self::Service => "service",
            Self::FeatureFlag => "feature flag",
            Self::Webhook => "webhook",
            Self::Workflow => "workflow",
            Self::Insight => "insight",
            Self::InsightText => "text of insights",
            Self::Report => "report",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::CalendarFeed => "calendar_feed_not_found",
            Self::Session => "session_not_found",
            Self::Specialist => "specialist_not_found",
            Self::Series => "series_not_found",
            Self::WaitlistEntry => "waitlist_entry_not_found",
            Self::Offer => "offer_not_found",
            Self::Schedule => "schedule_not_found",
            Self::Service => "service_not_found",
            Self::FeatureFlag => "feature_flag_not_found",
            Self::Webhook => "webhook_not_found",
            Self::Workflow => "workflow_not_found",
            Self::Insight => "insight_not_found",
            Self::InsightText => "insight_text_not_found",
            Self::Report => "report_not_found",
        }
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        match fault::classify(&error) {
            // Reads lose no race; what writes here has tried again.
            Fault::Unavailable | Fault::Serialization => Self::DatabaseUnavailable(Some(error)),
            Fault::Constraint(_) | Fault::Other => Self::internal(error),
        }
    }
}

impl From<SlotsError> for ApiError {
    fn from(error: SlotsError) -> Self {
        match error {
            SlotsError::TooManyStarts { .. } => Self::TooManyStarts,
            // What is stored was checked when it was stored.
            stored => Self::internal(stored),
        }
    }
}

/// What the libraries below refuse, told in our shape; `allow` are the methods of the path.
pub(crate) fn from_library(error: poem::Error, allow: impl FnOnce() -> String) -> ApiError {
    let error = match error.downcast::<ApiError>() {
        Ok(error) => return error,
        Err(error) => error,
    };
    if error.is::<NotFoundError>() || error.is::<poem::error::ParsePathError>() {
        ApiError::NoSuchPath
    } else if error.is::<MethodNotAllowedError>() {
        ApiError::MethodNotAllowed { allow: allow() }
    } else if error.is::<AuthorizationError>() {
        ApiError::InvalidToken("")
    } else if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        ApiError::invalid(*name, reason)
    } else if error.is::<ParsePathError>() {
        ApiError::NoSuchPath
    } else if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        ApiError::invalid("", reason)
    } else if error.is::<ContentTypeError>() {
        ApiError::UnsupportedMediaType
    } else if let Some(body) = error.downcast_ref::<ReadBodyError>() {
        match body {
            ReadBodyError::PayloadTooLarge => ApiError::PayloadTooLarge,
            ReadBodyError::Utf8(_) => ApiError::InvalidJson("not UTF-8".to_owned()),
            ReadBodyError::Io(_) => ApiError::InvalidJson("it ended too early".to_owned()),
            ReadBodyError::BodyHasBeenTaken => ApiError::internal("the body was read twice"),
        }
    } else {
        match error.status() {
            StatusCode::NOT_FOUND => ApiError::NoSuchPath,
            StatusCode::BAD_REQUEST => ApiError::invalid("", error.to_string()),
            _ => ApiError::internal(error.to_string()),
        }
    }
}

/// Every route may answer these; what is particular to one is in its documentation.
impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        let content = || <Json<Problem> as poem_openapi::ResponseContent>::media_types();
        let one = |status, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: content()
                .into_iter()
                .map(|media| poem_openapi::registry::MetaMediaType {
                    content_type: "application/problem+json",
                    ..media
                })
                .collect(),
            headers: Vec::new(),
        };
        MetaResponses {
            responses: vec![
                one(400, "The body is no JSON: `invalid_json`."),
                one(401, "No token, or one that is not good: `invalid_token`."),
                one(
                    403,
                    "Not allowed: `insufficient_permissions`, or not open to the caller: `feature_off`.",
                ),
                one(
                    404,
                    "Not there, or not the caller's: `session_not_found`, `specialist_not_found`, `series_not_found`, \
                     `calendar_feed_not_found`, `waitlist_entry_not_found`, `offer_not_found`, `workflow_not_found`, \
                     `schedule_not_found`, `service_not_found`, `feature_flag_not_found`, `webhook_not_found`, \
                     `insight_not_found`, `insight_text_not_found`, `report_not_found`. \
                     No such address: `not_found`.",
                ),
                one(
                    405,
                    "Another method than this address answers, which `Allow` tells: `method_not_allowed`.",
                ),
                one(
                    409,
                    "The race is lost, or the state forbids it: `slot_taken`, `client_busy`, `wrong_state`, \
                     `already_reviewed`, `already_waiting`, `specialist_active`, `webhook_disabled`.",
                ),
                one(410, "It has ended: `offer_lapsed`."),
                one(412, "It has changed since it was read: `version_mismatch`."),
                one(413, "The body is too long: `payload_too_large`."),
                one(415, "The body is no JSON by its type: `unsupported_media_type`."),
                one(
                    422,
                    "Well-formed and refused. Wrong fields: `invalid_request`. A start that cannot be had: \
                     `outside_schedule`, `too_soon`, `too_far`, `cap_reached`, `day_off`, `external_busy`, \
                     `unknown_duration`. A rule: `idempotency_key_reused`, `hold_limit`, `past_cutoff`, \
                     `reschedule_limit`, `waitlist_limit`, `too_many_starts`.",
                ),
                one(429, "Too many requests; try again after `Retry-After`: `rate_limited`."),
                one(431, "The headers are too long: `headers_too_large`."),
                one(500, "A bug: `internal_error`."),
                one(
                    503,
                    "Something that is needed is away; try again after `Retry-After`. Nothing was done: \
                     `identity_unavailable`, `database_unavailable`, `engine_unavailable`, `streams_unavailable`, \
                     `overloaded`. \
                     Nobody knows yet: `outcome_unknown`, `timed_out`.",
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        <Problem as poem_openapi::types::Type>::register(registry);
    }
}
