//! Every code that the service answers with is in the contract, under its status, and the contract knows no other.

use crate::{
    error::{ApiError, Thing},
    openapi,
};
use poem::error::ResponseError;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};
use workflows::{
    accounts::error::AccountError,
    sessions::{error::SessionError, state::SessionState},
    slots::refusal::Refusal,
    waitlist::error::WaitlistError,
};

/// One of each variant; one that is left out does not compile.
macro_rules! every {
    ($kind:ty: $($variant:pat => $value:expr),+ $(,)?) => {{
        let _complete = |one: &$kind| match one { $($variant => (),)+ };
        vec![$($value),+]
    }};
}

fn refusals() -> Vec<Refusal> {
    every![Refusal:
        Refusal::OutsideSchedule => Refusal::OutsideSchedule,
        Refusal::TooSoon => Refusal::TooSoon,
        Refusal::TooFar => Refusal::TooFar,
        Refusal::CapReached => Refusal::CapReached,
        Refusal::SlotTaken => Refusal::SlotTaken,
        Refusal::DayOff => Refusal::DayOff,
        Refusal::ExternalBusy => Refusal::ExternalBusy,
        Refusal::UnknownDuration => Refusal::UnknownDuration,
    ]
}

fn of_sessions() -> Vec<SessionError> {
    let mut all = every![SessionError:
        SessionError::NotBookable { .. } => SessionError::NotBookable { because: Vec::new() },
        SessionError::ClientBusy => SessionError::ClientBusy,
        SessionError::SpecialistNotFound => SessionError::SpecialistNotFound,
        SessionError::AccountDeleted => SessionError::AccountDeleted,
        SessionError::IdempotencyKeyReused => SessionError::IdempotencyKeyReused,
        SessionError::Lapsed => SessionError::Lapsed,
        SessionError::HoldLimit => SessionError::HoldLimit,
        SessionError::PastCutoff => SessionError::PastCutoff,
        SessionError::RescheduleLimit => SessionError::RescheduleLimit,
        SessionError::VersionMismatch => SessionError::VersionMismatch,
        SessionError::WrongState { .. } => SessionError::WrongState { state: SessionState::Held },
        SessionError::AlreadyReviewed => SessionError::AlreadyReviewed,
    ];
    let starts = refusals().into_iter();
    all.extend(starts.map(|refusal| SessionError::NotBookable { because: vec![refusal] }));
    all
}

fn of_the_waitlist() -> Vec<WaitlistError> {
    every![WaitlistError:
        WaitlistError::SpecialistNotFound => WaitlistError::SpecialistNotFound,
        WaitlistError::UnknownDuration => WaitlistError::UnknownDuration,
        WaitlistError::AlreadyWaiting => WaitlistError::AlreadyWaiting,
        WaitlistError::Limit => WaitlistError::Limit,
        WaitlistError::AccountDeleted => WaitlistError::AccountDeleted,
        WaitlistError::EntryNotFound => WaitlistError::EntryNotFound,
        WaitlistError::Accepted => WaitlistError::Accepted,
        WaitlistError::Lapsed => WaitlistError::Lapsed,
    ]
}

fn of_accounts() -> Vec<AccountError> {
    every![AccountError:
        AccountError::SpecialistActive => AccountError::SpecialistActive,
        AccountError::Lapsed => AccountError::Lapsed,
    ]
}

fn things() -> Vec<Thing> {
    every![Thing:
        Thing::Session => Thing::Session,
        Thing::Specialist => Thing::Specialist,
        Thing::Series => Thing::Series,
        Thing::CalendarFeed => Thing::CalendarFeed,
        Thing::WaitlistEntry => Thing::WaitlistEntry,
        Thing::Offer => Thing::Offer,
        Thing::Schedule => Thing::Schedule,
        Thing::Service => Thing::Service,
        Thing::FeatureFlag => Thing::FeatureFlag,
        Thing::Webhook => Thing::Webhook,
        Thing::Workflow => Thing::Workflow,
        Thing::Insight => Thing::Insight,
        Thing::InsightText => Thing::InsightText,
        Thing::Report => Thing::Report,
    ]
}

fn errors() -> Vec<ApiError> {
    let mut all = every![ApiError:
        ApiError::InvalidJson(_) => ApiError::InvalidJson(String::new()),
        ApiError::InvalidRequest(_) => ApiError::InvalidRequest(Vec::new()),
        ApiError::UnsupportedMediaType => ApiError::UnsupportedMediaType,
        ApiError::PayloadTooLarge => ApiError::PayloadTooLarge,
        ApiError::NoSuchPath => ApiError::NoSuchPath,
        ApiError::MethodNotAllowed { .. } => ApiError::MethodNotAllowed { allow: String::new() },
        ApiError::NotFound(_) => ApiError::NotFound(Thing::Session),
        ApiError::InvalidToken(_) => ApiError::InvalidToken(""),
        ApiError::InsufficientPermissions => ApiError::InsufficientPermissions,
        ApiError::FeatureOff => ApiError::FeatureOff,
        ApiError::VersionMismatch => ApiError::VersionMismatch,
        ApiError::IdentityUnavailable => ApiError::IdentityUnavailable,
        ApiError::Refused { .. } => ApiError::refused(SessionError::ClientBusy),
        ApiError::SeriesRefused { .. } => ApiError::SeriesRefused {
            error: SessionError::ClientBusy,
            refused: Vec::new(),
        },
        ApiError::Waitlist(_) => ApiError::Waitlist(WaitlistError::Limit),
        ApiError::Account(_) => ApiError::Account(AccountError::SpecialistActive),
        ApiError::OfferAnswered => ApiError::OfferAnswered,
        ApiError::OfferLapsed => ApiError::OfferLapsed,
        ApiError::WebhookDisabled => ApiError::WebhookDisabled,
        ApiError::TooManyStarts => ApiError::TooManyStarts,
        ApiError::DatabaseUnavailable(_) => ApiError::DatabaseUnavailable(None),
        ApiError::EngineUnavailable => ApiError::EngineUnavailable,
        ApiError::OutcomeUnknown { .. } => ApiError::OutcomeUnknown { location: String::new(), key: None },
        ApiError::StreamsUnavailable => ApiError::StreamsUnavailable,
        ApiError::TimedOut => ApiError::TimedOut,
        ApiError::RateLimited { .. } => ApiError::RateLimited { retry_after: 1 },
        ApiError::Overloaded => ApiError::Overloaded,
        ApiError::HeadersTooLarge => ApiError::HeadersTooLarge,
        ApiError::Internal(_) => ApiError::Internal(Arc::new(io::Error::other("a bug"))),
    ];
    all.extend(things().into_iter().map(ApiError::NotFound));
    all.extend(of_sessions().into_iter().map(ApiError::refused));
    all.extend(of_accounts().into_iter().map(ApiError::Account));
    all.extend(of_the_waitlist().into_iter().map(ApiError::Waitlist));
    all
}

/// The codes of the code, by status.
fn answered() -> BTreeMap<String, BTreeSet<String>> {
    let mut codes: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for error in errors() {
        let status = error.status().as_u16().to_string();
        codes.entry(status).or_default().insert(error.code().to_owned());
    }
    codes
}

/// The codes that a description names: words in back-ticks, of small letters and underscores.
fn named(description: &str) -> BTreeSet<String> {
    let quoted = description.split('`').skip(1).step_by(2);
    let is_code = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    quoted.filter(is_code).map(str::to_owned).collect()
}

#[test]
fn every_code_is_documented_under_its_status() {
    let contract: Value = serde_json::from_str(&openapi::document()).unwrap();
    let operations = contract["paths"].as_object().unwrap().values();
    let operations = operations.flat_map(|path| path.as_object().unwrap().values());
    let mut n_compared = 0;
    for operation in operations {
        let name = &operation["operationId"];
        let problems: BTreeMap<_, _> = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, response)| response["content"]["application/problem+json"].is_object())
            .map(|(status, response)| (status.clone(), named(response["description"].as_str().unwrap())))
            .collect();
        if problems.is_empty() {
            continue; // health, which is for machines
        }
        n_compared += 1;
        assert_eq!(problems, answered(), "{name}");
    }
    assert!(20 < n_compared, "{n_compared}");
}
