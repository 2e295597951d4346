//! Specialists and their services on the wire, for those who run the place.

use crate::{
    http::{
        body::{Fields, Strict},
        instant::Utc,
        values::ZoneName,
    },
    specialists::wire::{Price, average},
};
use entities::{
    column::Words,
    service,
    specialist::{self, WithServices},
};
use poem_openapi::Object;
use serde::Serialize;
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId, UserId},
    time::Instant,
};

/// Two days: as long may a session and its buffers be.
const LONGEST_BLOCK: i32 = 2_880;

/// A specialist as they are to be, as a whole.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct SpecialistRequest {
    /// The id of somebody new, of the caller's making: a repeat of the request is answered with who was added by the
    /// first. Otherwise one is made.
    #[oai(nullable)]
    pub id: Option<Uuid>,
    /// Their login: the `sub` of their tokens.
    #[oai(nullable)]
    pub user_id: Option<Uuid>,
    /// Their name.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
    /// What stands under it.
    #[oai(nullable, validator(max_length = 200))]
    pub title: Option<String>,
    /// A few paragraphs.
    #[oai(nullable, validator(max_length = 8192))]
    pub bio: Option<String>,
    /// Where mails about sessions go.
    #[oai(validator(max_length = 254))]
    pub email: String,
    /// What they do.
    #[oai(nullable)]
    pub specialties: Option<Vec<String>>,
    /// What they speak.
    #[oai(nullable)]
    pub languages: Option<Vec<String>>,
    /// The zone of their opening hours.
    pub time_zone: ZoneName,
    /// Whether they can be booked; they can unless told.
    #[oai(nullable)]
    pub active: Option<bool>,
}

impl Strict for SpecialistRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (id, user_id) = (fields.optional("id"), fields.optional("user_id"));
        let name = fields.required_text("name", 200);
        let (title, bio) = (fields.text("title", 200), fields.text("bio", 8_192));
        let email = fields.required_text("email", 254);
        if email.as_ref().is_some_and(|email| !is_address(email)) {
            fields.refuse("email", "invalid", "is no address");
        }
        let (specialties, languages) = (fields.words("specialties"), fields.words("languages"));
        let time_zone = fields.required("time_zone");
        let active = fields.optional("active");
        Some(Self {
            id,
            user_id,
            name: name?,
            title,
            bio,
            email: email?,
            specialties: Some(specialties),
            languages: Some(languages),
            time_zone: time_zone?,
            active,
        })
    }
}

/// Whether a mail could go there; whether it arrives is for its server to say.
fn is_address(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"');
    match text.split_once('@') {
        Some((local, host)) => !local.is_empty() && !host.is_empty() && !host.contains('@') && text.chars().all(plain),
        None => false,
    }
}

impl SpecialistRequest {
    /// Somebody new, whom nobody has reviewed.
    #[must_use]
    pub fn into_row(self, id: SpecialistId) -> specialist::Model {
        let Self {
            id: _,
            user_id,
            name,
            title,
            bio,
            email,
            specialties,
            languages,
            time_zone,
            active,
        } = self;
        // When it is written is for the database to say.
        let at = Instant::from_unix_seconds(0);
        specialist::Model {
            id,
            user_id: user_id.map(UserId),
            name,
            title: title.unwrap_or_default(),
            bio: bio.unwrap_or_default(),
            email,
            specialties: Words(specialties.unwrap_or_default()),
            languages: Words(languages.unwrap_or_default()),
            time_zone: time_zone.0.name().to_owned(),
            active: active.unwrap_or(true),
            rating_sum: 0,
            review_count: 0,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }
}

/// An amount of money.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PriceRequest {
    /// In minor units of the currency.
    #[oai(validator(minimum(value = "0"), maximum(value = "2147483647")))]
    pub amount_minor: i32,
    /// The ISO 4217 code.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
}

impl Strict for PriceRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let amount_minor = fields.number("amount_minor", 0..=i32::MAX);
        let currency = fields.required_text("currency", 3);
        let is_code = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if currency.as_ref().is_some_and(|code| !is_code(code)) {
            fields.refuse("currency", "invalid", "must be three capital letters");
        }
        Some(Self {
            amount_minor: amount_minor?,
            currency: currency?,
        })
    }
}

/// A service as it is to be, as a whole.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ServiceRequest {
    /// The id of a new one, of the caller's making: a repeat of the request is answered with what was added by the first.
    /// Otherwise one is made.
    #[oai(nullable)]
    pub id: Option<Uuid>,
    /// Its place in the list; the last unless told.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000")))]
    pub position: Option<i32>,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
    /// How long a session takes; with its buffers two days at most.
    #[oai(validator(minimum(value = "1"), maximum(value = "2880")))]
    pub duration_minutes: i32,
    /// The time from one start to the next; as long as a session unless told.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1440")))]
    pub slot_interval_minutes: Option<i32>,
    /// Kept free before a session; nothing unless told.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "2880")))]
    pub buffer_before_minutes: Option<i32>,
    /// Kept free after it; nothing unless told.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "2880")))]
    pub buffer_after_minutes: Option<i32>,
    /// Seats of one start; one unless told.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000")))]
    pub capacity: Option<i32>,
    /// What it costs.
    pub price: PriceRequest,
    /// Whether it can be booked; it can unless told.
    #[oai(nullable)]
    pub active: Option<bool>,
}

impl Strict for ServiceRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.optional("id");
        let position = fields.optional_number("position", 0..=1_000);
        let name = fields.required_text("name", 200);
        let duration_minutes = fields.number("duration_minutes", 1..=LONGEST_BLOCK);
        let slot_interval_minutes = fields.optional_number("slot_interval_minutes", 1..=1_440);
        let buffer_before_minutes = fields.optional_number("buffer_before_minutes", 0..=LONGEST_BLOCK);
        let buffer_after_minutes = fields.optional_number("buffer_after_minutes", 0..=LONGEST_BLOCK);
        let buffers = buffer_before_minutes.unwrap_or_default() + buffer_after_minutes.unwrap_or_default();
        if duration_minutes.is_some_and(|minutes| LONGEST_BLOCK < minutes + buffers) {
            let message = format!("must be, with its buffers, {LONGEST_BLOCK} at most");
            fields.refuse("duration_minutes", "invalid", message);
        }
        let capacity = fields.optional_number("capacity", 1..=1_000);
        let price = fields.required_object("price");
        let active = fields.optional("active");
        Some(Self {
            id,
            position,
            name: name?,
            duration_minutes: duration_minutes?,
            slot_interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            capacity,
            price: price?,
            active,
        })
    }
}

impl ServiceRequest {
    /// The row; `position` where the request names none.
    #[must_use]
    pub fn row(&self, id: ServiceId, specialist: SpecialistId, position: i32) -> service::Model {
        let Self {
            id: _,
            position: wanted,
            name,
            duration_minutes,
            slot_interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            capacity,
            price,
            active,
        } = self;
        service::Model {
            id,
            specialist_id: specialist,
            position: wanted.unwrap_or(position),
            name: name.clone(),
            duration_minutes: *duration_minutes,
            slot_interval_minutes: slot_interval_minutes.unwrap_or((*duration_minutes).min(1_440)),
            buffer_before_minutes: buffer_before_minutes.unwrap_or(0),
            buffer_after_minutes: buffer_after_minutes.unwrap_or(0),
            capacity: capacity.unwrap_or(1),
            price_minor: price.amount_minor.into(),
            currency: price.currency.clone(),
            active: active.unwrap_or(true),
        }
    }
}

/// A specialist, with everything they have ever offered. Its `ETag` is made of its version.
#[derive(Debug, Object, Serialize)]
pub struct SpecialistRecord {
    /// Their id.
    pub id: Uuid,
    /// Their login.
    #[oai(nullable)]
    pub user_id: Option<Uuid>,
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
    /// Whether they can be booked.
    pub active: bool,
    /// The average of their reviews, one to five; absent without reviews.
    #[oai(nullable)]
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: i32,
    /// Raised by every change of theirs or of what they offer.
    pub version: i32,
    /// When they were added.
    pub created_at: Utc,
    /// When they were last changed.
    pub updated_at: Utc,
    /// What they offer or have offered, in its order.
    pub services: Vec<ServiceRecord>,
}

impl From<WithServices> for SpecialistRecord {
    fn from(found: WithServices) -> Self {
        let WithServices { specialist, services } = found;
        let specialist::Model {
            id,
            user_id,
            name,
            title,
            bio,
            email,
            specialties,
            languages,
            time_zone,
            active,
            rating_sum,
            review_count,
            version,
            created_at,
            updated_at,
        } = specialist;
        Self {
            id: id.0,
            user_id: user_id.map(|id| id.0),
            name,
            title,
            bio,
            email,
            specialties: specialties.0,
            languages: languages.0,
            time_zone,
            active,
            rating: average(rating_sum, i64::from(review_count)),
            review_count,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            services: services.into_iter().map(ServiceRecord::from).collect(),
        }
    }
}

/// Something that a specialist offers or has offered.
#[derive(Debug, Object, Serialize)]
pub struct ServiceRecord {
    /// Its id.
    pub id: Uuid,
    /// Its place in the list.
    pub position: i32,
    /// Its name.
    pub name: String,
    /// How long a session takes.
    pub duration_minutes: i32,
    /// The time from one start to the next.
    pub slot_interval_minutes: i32,
    /// Kept free before a session.
    pub buffer_before_minutes: i32,
    /// Kept free after it.
    pub buffer_after_minutes: i32,
    /// Seats of one start.
    pub capacity: i32,
    /// What it costs.
    pub price: Price,
    /// Whether it can be booked.
    pub active: bool,
}

impl From<service::Model> for ServiceRecord {
    fn from(service: service::Model) -> Self {
        let service::Model {
            id,
            specialist_id: _,
            position,
            name,
            duration_minutes,
            slot_interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            capacity,
            price_minor,
            currency,
            active,
        } = service;
        Self {
            id: id.0,
            position,
            name,
            duration_minutes,
            slot_interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            capacity,
            price: Price {
                amount_minor: price_minor,
                currency,
            },
            active,
        }
    }
}

/// A page of specialists.
#[derive(Debug, Object, Serialize)]
pub struct SpecialistRecords {
    /// The specialists, by name.
    pub items: Vec<SpecialistRecord>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// What a specialist offers or has offered.
#[derive(Debug, Object, Serialize)]
pub struct ServiceRecords {
    /// The services, in their order.
    pub items: Vec<ServiceRecord>,
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_has_a_host() {
        assert!(is_address("dana@example.test") && is_address("d.a+n-a@sub.example.test"));
        for text in [
            "",
            "dana",
            "@example.test",
            "dana@",
            "a@b@c",
            "Dana <dana@x.test>",
            "a b@c",
            "a,b@c",
        ] {
            assert!(!is_address(text), "{text}");
        }
    }
}
