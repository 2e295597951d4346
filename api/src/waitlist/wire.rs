//! The waitlist on the wire.

use crate::http::{
    body::{Fields, Strict},
    instant::Utc,
    values::{LocalTime, ZoneName},
};
use entities::{service, session, specialist, waitlist_entry, waitlist_offer};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId},
    sessions::contract::ServiceChoice,
    slots::schedule::Zone,
    time::Instant,
    waitlist::state::{EntryState, OfferState},
};

/// The longest range, in days.
const LONGEST_DAYS: i64 = 366;

/// What to wait for: a service or a duration, and which starts would do.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct JoinRequest {
    /// With whom.
    pub specialist_id: Uuid,
    /// How long; of several services of that length, the first listed. Otherwise `service_id`.
    #[oai(nullable)]
    pub duration_minutes: Option<u32>,
    /// Which service.
    #[oai(nullable)]
    pub service_id: Option<Uuid>,
    /// A session starts then or later.
    pub from: Utc,
    /// A session starts before; at most 366 days later.
    pub to: Utc,
    /// A session starts at this time of day or later, on the wall clock of `time_zone`.
    #[oai(nullable)]
    pub earliest: Option<LocalTime>,
    /// A session starts at this time of day or earlier, on the wall clock of `time_zone`.
    #[oai(nullable)]
    pub latest: Option<LocalTime>,
    /// The zone of `earliest` and `latest`; the specialist's when absent.
    #[oai(nullable)]
    pub time_zone: Option<ZoneName>,
}

/// What somebody wants to wait for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// For whom.
    pub specialist: SpecialistId,
    /// For what.
    pub service: ServiceChoice,
    /// Starts then or later.
    pub from: Instant,
    /// Starts before.
    pub to: Instant,
    /// The start's time of day is this or later, in minutes since midnight.
    pub earliest_minute: Option<u32>,
    /// The start's time of day is this or earlier.
    pub latest_minute: Option<u32>,
    /// The zone of the two.
    pub time_zone: Option<Zone>,
}

impl Strict for JoinRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        match (fields.has("duration_minutes"), fields.has("service_id")) {
            (true, true) => fields.refuse("service_id", "invalid", "give either this or duration_minutes"),
            (false, false) => fields.refuse("duration_minutes", "missing", "is required, or service_id"),
            _ => {}
        }
        let specialist_id = fields.required("specialist_id");
        let (from, to) = (fields.required::<Utc>("from"), fields.required::<Utc>("to"));
        let (earliest, latest) = (
            fields.optional::<LocalTime>("earliest"),
            fields.optional::<LocalTime>("latest"),
        );
        if let (Some(Utc(from)), Some(Utc(to))) = (from, to) {
            if to <= from {
                fields.refuse("to", "invalid", "must lie behind from");
            } else if from.plus_minutes(LONGEST_DAYS * 24 * 60) < to {
                fields.refuse(
                    "to",
                    "invalid",
                    format!("lies more than {LONGEST_DAYS} days after from"),
                );
            }
        }
        if let (Some(earliest), Some(latest)) = (earliest, latest)
            && latest.0 < earliest.0
        {
            fields.refuse("latest", "invalid", "lies before earliest");
        }
        let (duration_minutes, service_id) = (fields.optional("duration_minutes"), fields.optional("service_id"));
        let time_zone = fields.optional("time_zone");
        Some(Self {
            specialist_id: specialist_id?,
            duration_minutes,
            service_id,
            from: from?,
            to: to?,
            earliest,
            latest,
            time_zone,
        })
    }
}

impl JoinRequest {
    /// The request as a decision about each field.
    ///
    /// # Panics
    /// Never for a request that was read: the choice was checked there.
    #[must_use]
    pub fn into_wanted(self) -> Wanted {
        let Self {
            specialist_id,
            duration_minutes,
            service_id,
            from,
            to,
            earliest,
            latest,
            time_zone,
        } = self;
        let service = match (service_id, duration_minutes) {
            (Some(id), _) => ServiceChoice::Id(ServiceId(id)),
            (None, Some(minutes)) => ServiceChoice::Minutes(minutes),
            (None, None) => unreachable!("checked when it was read"),
        };
        let minute = |LocalTime(time): LocalTime| {
            u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs())
        };
        Wanted {
            specialist: SpecialistId(specialist_id),
            service,
            from: from.0,
            to: to.0,
            earliest_minute: earliest.map(minute),
            latest_minute: latest.map(minute),
            time_zone: time_zone.map(|zone| zone.0),
        }
    }
}

/// Where somebody who waits stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EntryStatus {
    /// In line.
    Waiting,
    /// A slot is held for them.
    Offered,
    /// They have taken one.
    Accepted,
    /// They have left, let two offers lapse, or the range is over.
    Closed,
}

impl From<EntryState> for EntryStatus {
    fn from(state: EntryState) -> Self {
        match state {
            EntryState::Waiting => Self::Waiting,
            EntryState::Offered => Self::Offered,
            EntryState::Accepted => Self::Accepted,
            EntryState::Closed => Self::Closed,
        }
    }
}

/// A place in a specialist's waitlist.
#[derive(Debug, Object, Serialize)]
pub struct EntryView {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: EntryStatus,
    /// For whom is waited.
    pub specialist_id: Uuid,
    /// For what.
    pub service_id: Uuid,
    /// How long that takes.
    pub duration_minutes: u32,
    /// A session starts then or later.
    pub from: Utc,
    /// A session starts before.
    pub to: Utc,
    /// A session starts at this time of day or later.
    #[oai(nullable)]
    pub earliest: Option<String>,
    /// A session starts at this time of day or earlier.
    #[oai(nullable)]
    pub latest: Option<String>,
    /// The zone of the two.
    pub time_zone: String,
    /// The open offer.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<OpenOffer>,
    /// Since when they wait.
    pub created_at: Utc,
}

/// What is offered.
#[derive(Debug, Object, Serialize)]
pub struct OpenOffer {
    /// The session that is held: confirmed, it is theirs; cancelled, it is declined.
    pub session_id: Uuid,
    /// Its start.
    pub starts_at: Utc,
    /// When the offer ends.
    pub expires_at: Utc,
}

impl EntryView {
    /// The view of a row, of its service, and of its offer if one is open.
    #[must_use]
    pub fn new(row: waitlist_entry::Model, service: Option<&service::Model>, offer: Option<OpenOffer>) -> Self {
        let waitlist_entry::Model {
            id,
            specialist_id,
            client_id: _,
            service_id,
            place: _,
            from_at,
            to_at,
            earliest_minute,
            latest_minute,
            time_zone,
            named_zone: _,
            status,
            created_at,
            updated_at: _,
        } = row;
        let clock = |minute: i32| format!("{:02}:{:02}", minute / 60, minute % 60);
        // One whose offer has just lapsed is in line again, whether the session's run has noticed or not.
        let status = match status {
            EntryState::Offered if offer.is_none() => EntryState::Waiting,
            status => status,
        };
        Self {
            id: id.0,
            status: status.into(),
            specialist_id: specialist_id.0,
            service_id: service_id.0,
            duration_minutes: service.map_or(0, |service| service.duration_minutes.max(0).unsigned_abs()),
            from: from_at.into(),
            to: to_at.into(),
            earliest: earliest_minute.map(clock),
            latest: latest_minute.map(clock),
            time_zone,
            offer,
            created_at: created_at.into(),
        }
    }
}

/// A page of the caller's places.
#[derive(Debug, Object, Serialize)]
pub struct EntryList {
    /// The places, newest first.
    pub items: Vec<EntryView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// An answer to an offer.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Whether the slot is taken, or declined.
    pub accept: bool,
}

impl Strict for AnswerRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            accept: fields.required("accept")?,
        })
    }
}

/// Where an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum OfferStatus {
    /// Open.
    Offered,
    /// Taken.
    Accepted,
    /// Not wanted.
    Declined,
    /// Not answered in time.
    Lapsed,
    /// Whoever waited waits no more.
    Withdrawn,
}

impl From<OfferState> for OfferStatus {
    fn from(state: OfferState) -> Self {
        match state {
            OfferState::Offered => Self::Offered,
            OfferState::Accepted => Self::Accepted,
            OfferState::Declined => Self::Declined,
            OfferState::Lapsed => Self::Lapsed,
            OfferState::Withdrawn => Self::Withdrawn,
        }
    }
}

/// An offer, as whoever has its link may see it.
#[derive(Debug, Object, Serialize)]
pub struct OfferView {
    /// Where it stands.
    pub status: OfferStatus,
    /// The session that is held.
    pub session_id: Uuid,
    /// Who gives it.
    pub specialist_id: Uuid,
    /// Their name.
    pub specialist: String,
    /// What it is.
    pub service: String,
    /// Begin.
    pub starts_at: Utc,
    /// End, exclusive.
    pub ends_at: Utc,
    /// The zone shown to its client.
    pub time_zone: String,
    /// When the offer ends.
    pub expires_at: Utc,
}

impl OfferView {
    /// The view of an offer that stands so.
    #[must_use]
    pub fn new(
        status: OfferState,
        offer: &waitlist_offer::Model,
        session: &session::Model,
        specialist: Option<specialist::Model>,
        service: Option<service::Model>,
    ) -> Self {
        Self {
            status: status.into(),
            session_id: session.id.0,
            specialist_id: session.specialist_id.0,
            specialist: specialist.map(|specialist| specialist.name).unwrap_or_default(),
            service: service.map(|service| service.name).unwrap_or_default(),
            starts_at: session.starts_at.into(),
            ends_at: session.ends_at.into(),
            time_zone: session.time_zone.clone(),
            expires_at: offer.expires_at.into(),
        }
    }
}
