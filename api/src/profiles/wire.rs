//! Profiles on the wire.

use crate::{
    error::ApiError,
    http::{
        body::{Fields, Strict},
        params::IfMatch,
        values::{LocalDate, Locale, ZoneName},
    },
};
use entities::{
    column::{self, OffsetsMinutes, Words},
    profile,
};
use jiff::{Timestamp, civil::Date, tz::Offset};
use poem_openapi::{Enum, Object};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use uuid::Uuid;
use workflows::sessions::error::SessionError;

/// The longest name, in bytes.
const NAME_LIMIT: usize = 200;
/// How many reminders a session has at most.
const MOST_REMINDERS: usize = 5;
/// The earliest reminder: two weeks before the start.
const EARLIEST_REMINDER_MINUTES: u32 = 20_160;
/// Nobody alive was born before.
const EARLIEST_BIRTH: i16 = 1900;

/// A profile as it is to be; a field that is absent stays as it is.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ProfileRequest {
    /// Whose it is; cannot be changed, and may be sent as it was read.
    #[oai(nullable)]
    pub id: Option<Uuid>,
    /// How to be addressed, at most 200 bytes.
    #[oai(nullable, validator(min_length = 1, max_length = 200))]
    pub name: Option<String>,
    /// The identity provider's; cannot be changed here, and may be sent as it was read.
    #[oai(nullable)]
    pub email: Option<String>,
    /// For daily insights; `null` takes it back.
    #[oai(nullable)]
    pub birth_date: Option<LocalDate>,
    /// IANA name of the zone that mails are written in.
    #[oai(nullable)]
    pub time_zone: Option<ZoneName>,
    /// Language, a BCP 47 tag; one that there are no texts in is kept, and written to in English.
    #[oai(nullable)]
    pub locale: Option<Locale>,
    /// When to be reminded of a session: up to five, each once, 1 to 20160 (two weeks).
    #[oai(nullable, validator(max_items = 5, unique_items = true))]
    pub reminder_offsets_minutes: Option<Vec<u32>>,
    /// How to be told, each once.
    #[oai(nullable, validator(max_items = 2, unique_items = true))]
    pub channels: Option<Vec<Channel>>,
    /// The version that was read; another one by now is `412`.
    #[oai(nullable)]
    pub version: Option<i32>,
    /// Whether the birth date is to be taken back.
    #[oai(skip)]
    without_birth_date: bool,
}

/// A way to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By mail.
    Email,
    /// On a device.
    Push,
}

impl Channel {
    const ALL: [Self; 2] = [Self::Email, Self::Push];

    /// As it is stored.
    fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Push => "push",
        }
    }
}

impl Strict for ProfileRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.optional("id");
        let name = fields.text("name", NAME_LIMIT).map(|name| name.trim().to_owned());
        match &name {
            Some(name) if name.is_empty() => fields.refuse("name", "invalid", "must not be empty"),
            Some(name) if name.chars().any(char::is_control) => {
                fields.refuse("name", "invalid", "must be one line without control characters");
            }
            _ => {}
        }
        let email = fields.text("email", 320);
        let without_birth_date = fields.is_null("birth_date");
        let birth_date = fields.optional::<LocalDate>("birth_date");
        if birth_date.is_some_and(|date| !is_birth_date(date.0, Timestamp::now())) {
            let message = format!("must be a date from {EARLIEST_BIRTH} until today");
            fields.refuse("birth_date", "invalid", message);
        }
        let time_zone = fields.optional("time_zone");
        let locale = fields.optional("locale");
        let offsets = fields.optional::<Vec<u32>>("reminder_offsets_minutes");
        if let Some(problem) = offsets.as_deref().and_then(wrong_with_offsets) {
            fields.refuse("reminder_offsets_minutes", "invalid", problem);
        }
        let channels = fields.optional::<Vec<Channel>>("channels");
        if channels.as_deref().is_some_and(has_duplicates) {
            fields.refuse("channels", "invalid", "must name each once");
        }
        Some(Self {
            id,
            name,
            email,
            birth_date,
            time_zone,
            locale,
            reminder_offsets_minutes: offsets,
            channels,
            version: fields.optional("version"),
            without_birth_date,
        })
    }
}

/// What a request makes of a profile.
#[derive(Debug)]
pub struct Wanted {
    /// Whose it must be.
    pub id: Option<Uuid>,
    /// What the address must be.
    pub email: Option<String>,
    /// The version it must have.
    pub version: Option<i32>,
    /// The name.
    pub name: Option<String>,
    /// The birth date; another level for one that is taken back.
    pub birth_date: Option<Option<Date>>,
    /// The zone.
    pub time_zone: Option<String>,
    /// The language.
    pub locale: Option<String>,
    /// The reminders, the earliest first.
    pub reminder_offsets: Option<Vec<u32>>,
    /// How to be told.
    pub channels: Option<Vec<String>>,
}

impl ProfileRequest {
    /// The request as a decision about each field.
    ///
    /// # Errors
    /// A refusal `version_mismatch` where header and body name two versions, or the header one that none has.
    pub fn into_wanted(self, seen: &IfMatch) -> Result<Wanted, ApiError> {
        let Self {
            id,
            name,
            email,
            birth_date,
            time_zone,
            locale,
            reminder_offsets_minutes,
            channels,
            version,
            without_birth_date,
        } = self;
        let version = match (seen.version()?, version) {
            (Some(one), Some(other)) if one != other => return Err(ApiError::refused(SessionError::VersionMismatch)),
            (one, other) => one.or(other),
        };
        let birth_date = match birth_date {
            Some(date) => Some(Some(date.0)),
            None if without_birth_date => Some(None),
            None => None,
        };
        let in_order = |mut offsets: Vec<u32>| {
            offsets.sort_unstable_by(|one, other| other.cmp(one));
            offsets
        };
        let named = |mut channels: Vec<Channel>| {
            channels.sort_unstable();
            channels
                .into_iter()
                .map(|channel| channel.as_str().to_owned())
                .collect()
        };
        Ok(Wanted {
            id,
            email,
            version,
            name,
            birth_date,
            time_zone: time_zone.map(|zone| zone.0.name().to_owned()),
            locale: locale.map(|locale| locale.0),
            reminder_offsets: reminder_offsets_minutes.map(in_order),
            channels: channels.map(named),
        })
    }
}

/// A profile.
#[derive(Debug, Object, Serialize)]
pub struct ProfileView {
    /// Whose it is: the `sub` of their tokens.
    pub id: Uuid,
    /// How to be addressed.
    pub name: String,
    /// Where mails go.
    pub email: String,
    /// For daily insights.
    #[oai(nullable)]
    #[serde(serialize_with = "as_text")]
    pub birth_date: Option<LocalDate>,
    /// IANA name of the zone that mails are written in.
    pub time_zone: String,
    /// Language, a BCP 47 tag.
    pub locale: String,
    /// When to be reminded of a session, the earliest first.
    pub reminder_offsets_minutes: Vec<u32>,
    /// How to be told.
    pub channels: Vec<Channel>,
    /// Raised by every change.
    pub version: i32,
}

impl ProfileView {
    /// The tag of this version.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

impl From<profile::Model> for ProfileView {
    fn from(row: profile::Model) -> Self {
        let profile::Model {
            user_id,
            name,
            email,
            birth_date,
            time_zone,
            locale,
            reminder_offsets: OffsetsMinutes(reminder_offsets_minutes),
            channels: Words(channels),
            version,
            updated_at: _,
            email_as_of: _,
        } = row;
        let is_told = |channel: &Channel| channels.iter().any(|name| name == channel.as_str());
        Self {
            id: user_id.0,
            name,
            email,
            birth_date: birth_date.map(|column::LocalDate(date)| LocalDate(date)),
            time_zone,
            locale,
            reminder_offsets_minutes,
            channels: Channel::ALL.into_iter().filter(is_told).collect(),
            version,
        }
    }
}

fn as_text<S: Serializer>(date: &Option<LocalDate>, serializer: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(&date.0),
        None => serializer.serialize_none(),
    }
}

/// Whether somebody can have been born on that date: not tomorrow, wherever today is.
fn is_birth_date(date: Date, now: Timestamp) -> bool {
    let furthest_ahead = Offset::constant(14).to_datetime(now).date();
    EARLIEST_BIRTH <= date.year() && date <= furthest_ahead
}

fn wrong_with_offsets(offsets: &[u32]) -> Option<String> {
    if MOST_REMINDERS < offsets.len() {
        Some(format!("must be at most {MOST_REMINDERS}"))
    } else if offsets
        .iter()
        .any(|offset| !(1..=EARLIEST_REMINDER_MINUTES).contains(offset))
    {
        Some(format!("each must be 1 to {EARLIEST_REMINDER_MINUTES}"))
    } else if has_duplicates(offsets) {
        Some("must name each once".to_owned())
    } else {
        None
    }
}

fn has_duplicates<T: Ord>(items: &[T]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() < items.len()
}

#[cfg(test)]
mod tests {
    use super::is_birth_date;
    use jiff::civil::date;

    #[test]
    fn nobody_is_born_tomorrow() {
        let now = "2026-06-01T11:00:00Z".parse().unwrap();
        for (born, possible) in [
            (date(1899, 12, 31), false),
            (date(1900, 1, 1), true),
            (date(2026, 6, 1), true),
            // In Kiritimati it is the second already.
            (date(2026, 6, 2), true),
            (date(2026, 6, 3), false),
        ] {
            assert_eq!(is_birth_date(born, now), possible, "{born}");
        }
    }
}
