//! Accounts on the wire.

use crate::{
    busy_feeds::wire::{BusyFeedList, BusyFeedView},
    http::{
        body::{Fields, Strict},
        instant::Utc,
    },
    profiles::wire::ProfileView,
    reviews::wire::ReviewView,
    schedules::wire::{OverrideView, ScheduleView},
    series::wire::RefusedStartView,
    sessions::wire::SessionView,
};
use entities::{
    audit, busy_feed, calendar_feed,
    column::Words,
    device, review, schedule, schedule_override, series,
    session_text::{self, Kind},
    specialist, user, waitlist_entry, waitlist_offer,
};
use poem_openapi::{
    Enum, Object,
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromParameter, ParseResult, Type},
};
use serde::Serialize;
use std::borrow::Cow;
use uuid::Uuid;
use workflows::{
    time::Instant,
    waitlist::state::{EntryState, OfferState},
};

/// The longest token of a device, in bytes.
const TOKEN_LIMIT: usize = 512;

/// A deletion that goes on by itself.
#[derive(Debug, Object, Serialize)]
pub struct DeletionView {
    /// The workflow that it is.
    pub workflow_id: String,
}

/// What a platform's push service knows a device by: letters, digits and `:_.-`, at most 512.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceToken(pub String);

impl Type for DeviceToken {
    const IS_REQUIRED: bool = true;

    type RawValueType = String;
    type RawElementValueType = String;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(TOKEN_LIMIT),
            pattern: Some("^[A-Za-z0-9:_.-]+$".to_owned()),
            ..MetaSchema::new("string")
        }))
    }

    fn as_raw_value(&self) -> Option<&String> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a String> + 'a> {
        Box::new(std::iter::once(&self.0))
    }
}

impl ParseFromParameter for DeviceToken {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_.-".contains(&byte);
        if (1..=TOKEN_LIMIT).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::custom("letters, digits and :_.- only, at most 512"))
    }
}

/// A device to be registered.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct DeviceRequest {
    /// What it is.
    pub platform: Platform,
}

impl Strict for DeviceRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let platform = fields.required("platform");
        Some(Self { platform: platform? })
    }
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// An iPhone or iPad.
    Ios,
    /// An Android device.
    Android,
    /// A browser.
    Web,
}

impl From<Platform> for device::Platform {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Ios => Self::Ios,
            Platform::Android => Self::Android,
            Platform::Web => Self::Web,
        }
    }
}

impl From<device::Platform> for Platform {
    fn from(platform: device::Platform) -> Self {
        match platform {
            device::Platform::Ios => Self::Ios,
            device::Platform::Android => Self::Android,
            device::Platform::Web => Self::Web,
        }
    }
}

/// A device.
#[derive(Debug, Object, Serialize)]
pub struct DeviceView {
    /// What its platform's push service knows it by.
    pub token: String,
    /// What it is.
    pub platform: Platform,
    /// Since when it is the caller's.
    pub created_at: Utc,
    /// When it was last registered.
    pub last_seen_at: Utc,
}

impl From<device::Model> for DeviceView {
    fn from(row: device::Model) -> Self {
        let device::Model {
            token,
            user_id: _,
            platform,
            created_at,
            last_seen_at,
        } = row;
        Self {
            token,
            platform: platform.into(),
            created_at: created_at.into(),
            last_seen_at: last_seen_at.into(),
        }
    }
}

/// Everything that is stored about a person.
#[derive(Debug, Object, Serialize)]
pub struct ExportView {
    /// When it was read.
    pub exported_at: Utc,
    /// The account.
    pub account: ExportedAccount,
    /// What they say about themselves.
    pub profile: ProfileView,
    /// Of a specialist: what is shown of them.
    #[oai(nullable)]
    pub specialist: Option<ExportedSpecialist>,
    /// What they booked, the latest start first.
    pub sessions: Vec<ExportedSession>,
    /// What they booked as series.
    pub series: Vec<ExportedSeries>,
    /// Where they wait or waited.
    pub waitlist: Vec<ExportedEntry>,
    /// What they said about sessions.
    pub reviews: Vec<ExportedReview>,
    /// Their feeds; what opens one is its address alone, which is not stored.
    pub calendar_feeds: Vec<ExportedFeed>,
    /// Where push messages go.
    pub devices: Vec<DeviceView>,
    /// Every text that they wrote, also those that others have taken the place of.
    pub texts: Vec<ExportedText>,
    /// What they did, as the audit trail has it.
    pub audit: Vec<ExportedAct>,
}

/// What an account is.
#[derive(Debug, Object, Serialize)]
pub struct ExportedAccount {
    /// The `sub` of its tokens.
    pub id: Uuid,
    /// When it was first seen.
    pub created_at: Utc,
}

impl From<user::Model> for ExportedAccount {
    fn from(row: user::Model) -> Self {
        let user::Model {
            id,
            created_at,
            deleted_at: _,
            erased_at: _,
        } = row;
        Self {
            id: id.0,
            created_at: created_at.into(),
        }
    }
}

/// What is shown of a specialist, and when they work.
#[derive(Debug, Object, Serialize)]
pub struct ExportedSpecialist {
    /// Their id as a specialist.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// What stands under it.
    pub title: String,
    /// A few paragraphs.
    pub bio: String,
    /// Where mails about sessions go.
    pub email: String,
    /// What they do.
    pub specialties: Vec<String>,
    /// What they speak.
    pub languages: Vec<String>,
    /// The zone of their opening hours.
    pub time_zone: String,
    /// Their opening hours and policies.
    #[oai(nullable)]
    pub schedule: Option<ScheduleView>,
    /// Dates whose hours differ.
    pub overrides: Vec<OverrideView>,
    /// The calendars elsewhere that block their time.
    pub busy_feeds: Vec<BusyFeedView>,
    /// Whether they can be booked.
    pub active: bool,
    /// When they were added.
    pub created_at: Utc,
    /// When that was last changed.
    pub updated_at: Utc,
}

/// When a specialist works, as stored.
#[derive(Debug)]
pub struct Working {
    /// Opening hours and policies.
    pub schedule: Option<schedule::Model>,
    /// Dates whose hours differ.
    pub overrides: Vec<schedule_override::Model>,
    /// Calendars elsewhere.
    pub busy_feeds: Vec<busy_feed::Model>,
}

impl ExportedSpecialist {
    /// A specialist who works like that, at `now`.
    #[must_use]
    pub fn new(row: specialist::Model, working: Working, now: Instant) -> Self {
        let specialist::Model {
            id,
            user_id: _,
            name,
            title,
            bio,
            email,
            specialties: Words(specialties),
            languages: Words(languages),
            time_zone,
            active,
            // Others say that of them.
            rating_sum: _,
            review_count: _,
            version: _,
            created_at,
            updated_at,
        } = row;
        let Working {
            schedule,
            overrides,
            busy_feeds,
        } = working;
        Self {
            id: id.0,
            name,
            title,
            bio,
            email,
            specialties,
            languages,
            schedule: schedule.map(|row| ScheduleView::new(time_zone.clone(), row)),
            overrides: overrides.into_iter().map(Into::into).collect(),
            busy_feeds: BusyFeedList::new(busy_feeds, now).feeds,
            time_zone,
            active,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A session, with what its own resource does not show.
#[derive(Debug, Object, Serialize)]
pub struct ExportedSession {
    /// The session, with notes and timeline.
    pub session: SessionView,
    /// Why it was called off.
    #[oai(nullable)]
    pub cancel_reason: Option<String>,
    /// When to be reminded of it.
    pub reminder_offsets_minutes: Vec<u32>,
    /// How often it was rescheduled.
    pub reschedules: i32,
}

/// A recurring booking.
#[derive(Debug, Object, Serialize)]
pub struct ExportedSeries {
    /// Its id, which its sessions name.
    pub id: Uuid,
    /// With whom.
    pub specialist_id: Uuid,
    /// The starts that could not be had when it was booked.
    pub refused: Vec<RefusedStartView>,
    /// When it was booked.
    pub created_at: Utc,
}

impl From<series::Model> for ExportedSeries {
    fn from(row: series::Model) -> Self {
        let series::Model {
            id,
            client_id: _,
            specialist_id,
            // Made of a request, and of a key that only we have.
            request_hash: _,
            refused,
            created_at,
        } = row;
        Self {
            id: id.0,
            specialist_id: specialist_id.0,
            refused: refused.0.into_iter().map(Into::into).collect(),
            created_at: created_at.into(),
        }
    }
}

/// A place in a waitlist.
#[derive(Debug, Object, Serialize)]
pub struct ExportedEntry {
    /// Its id.
    pub id: Uuid,
    /// For whom is waited.
    pub specialist_id: Uuid,
    /// For what.
    pub service_id: Uuid,
    /// A session starts then or later.
    pub from: Utc,
    /// A session starts before.
    pub to: Utc,
    /// Its start's time of day is this or later, in minutes since midnight.
    #[oai(nullable)]
    pub earliest_minute: Option<i32>,
    /// Its start's time of day is this or earlier.
    #[oai(nullable)]
    pub latest_minute: Option<i32>,
    /// The zone of the two.
    pub time_zone: String,
    /// Where they stand: `waiting`, `offered`, `accepted` or `closed`.
    pub status: String,
    /// Since when they wait.
    pub created_at: Utc,
    /// When that last changed.
    pub updated_at: Utc,
    /// What was offered.
    pub offers: Vec<ExportedOffer>,
}

impl ExportedEntry {
    /// The row, and the offers made to it.
    #[must_use]
    pub fn new(row: waitlist_entry::Model, offers: Vec<ExportedOffer>) -> Self {
        let waitlist_entry::Model {
            id,
            specialist_id,
            client_id: _,
            service_id,
            // The order of the line, which says how many others wait.
            place: _,
            from_at,
            to_at,
            earliest_minute,
            latest_minute,
            time_zone,
            named_zone: _,
            status,
            created_at,
            updated_at,
        } = row;
        let status = match status {
            EntryState::Waiting => "waiting",
            EntryState::Offered => "offered",
            EntryState::Accepted => "accepted",
            EntryState::Closed => "closed",
        };
        Self {
            id: id.0,
            specialist_id: specialist_id.0,
            service_id: service_id.0,
            from: from_at.into(),
            to: to_at.into(),
            earliest_minute,
            latest_minute,
            time_zone,
            status: status.to_owned(),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            offers,
        }
    }
}

/// A slot that was offered.
#[derive(Debug, Object, Serialize)]
pub struct ExportedOffer {
    /// Its id.
    pub id: Uuid,
    /// The session that was held.
    pub session_id: Uuid,
    /// Its start.
    pub starts_at: Utc,
    /// When the offer ended or ends.
    pub expires_at: Utc,
    /// How it stands: `offered`, `accepted`, `declined`, `lapsed` or `withdrawn`.
    pub status: String,
    /// When it was made.
    pub created_at: Utc,
}

impl From<waitlist_offer::Model> for ExportedOffer {
    fn from(row: waitlist_offer::Model) -> Self {
        let waitlist_offer::Model {
            id,
            entry_id: _,
            specialist_id: _,
            session_id,
            starts_at,
            expires_at,
            status,
            created_at,
            announced_at: _,
            ended_at: _,
        } = row;
        let status = match status {
            OfferState::Offered => "offered",
            OfferState::Accepted => "accepted",
            OfferState::Declined => "declined",
            OfferState::Lapsed => "lapsed",
            OfferState::Withdrawn => "withdrawn",
        };
        Self {
            id: id.0,
            session_id: session_id.0,
            starts_at: starts_at.into(),
            expires_at: expires_at.into(),
            status: status.to_owned(),
            created_at: created_at.into(),
        }
    }
}

/// A review, and what it is about.
#[derive(Debug, Object, Serialize)]
pub struct ExportedReview {
    /// About whom.
    pub specialist_id: Uuid,
    /// Of which session.
    #[oai(nullable)]
    pub session_id: Option<Uuid>,
    /// What it says.
    pub review: ReviewView,
}

impl From<review::Model> for ExportedReview {
    fn from(row: review::Model) -> Self {
        Self {
            specialist_id: row.specialist_id.0,
            session_id: row.session_id.map(|id| id.0),
            review: row.into(),
        }
    }
}

/// A feed of sessions.
#[derive(Debug, Object, Serialize)]
pub struct ExportedFeed {
    /// Which of their sessions it shows: `client`, what they booked; `specialist`, what they give.
    pub side: String,
    /// How often its address was made, from 1.
    pub generation: i32,
    /// When it was first asked for.
    pub created_at: Utc,
    /// When its address was last changed.
    pub updated_at: Utc,
}

impl From<calendar_feed::Model> for ExportedFeed {
    fn from(row: calendar_feed::Model) -> Self {
        let calendar_feed::Model {
            user_id: _,
            side,
            generation,
            created_at,
            updated_at,
        } = row;
        let side = match side {
            calendar_feed::Side::Client => "client",
            calendar_feed::Side::Specialist => "specialist",
        };
        Self {
            side: side.to_owned(),
            generation,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A text.
#[derive(Debug, Object, Serialize)]
pub struct ExportedText {
    /// What it was written as: `notes` or `reason`.
    pub kind: String,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Utc,
}

impl From<session_text::Model> for ExportedText {
    fn from(row: session_text::Model) -> Self {
        let session_text::Model {
            id: _,
            author_id: _,
            kind,
            text,
            created_at,
        } = row;
        let kind = match kind {
            Kind::Notes => "notes",
            Kind::Reason => "reason",
        };
        Self {
            kind: kind.to_owned(),
            text,
            created_at: created_at.into(),
        }
    }
}

/// Something that they did.
#[derive(Debug, Object, Serialize)]
pub struct ExportedAct {
    /// When.
    pub at: Utc,
    /// In which role.
    pub role: String,
    /// What.
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    /// To which one.
    pub target_id: String,
    /// To which of its fields.
    pub fields: Vec<String>,
    /// In which request.
    #[oai(nullable)]
    pub request_id: Option<String>,
}

impl From<audit::Model> for ExportedAct {
    fn from(row: audit::Model) -> Self {
        let audit::Model {
            id: _,
            at,
            actor_id: _,
            actor_role,
            action,
            target_kind,
            target_id,
            fields: Words(fields),
            request_id,
        } = row;
        Self {
            at: at.into(),
            role: actor_role,
            action,
            target_kind,
            target_id,
            fields,
            request_id,
        }
    }
}
