//! Specialists and their availability on the wire.

use crate::http::instant::Utc;
use entities::{service, specialist::WithServices};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use uuid::Uuid;
use workflows::slots::{busy::Occupied, calendar::Slot, refusal::Refusal};

/// A person who gives sessions.
#[derive(Debug, Object, Serialize)]
pub struct SpecialistView {
    /// Their id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// What stands under it.
    pub title: String,
    /// A few paragraphs.
    pub bio: String,
    /// What they do.
    pub specialties: Vec<String>,
    /// What they speak.
    pub languages: Vec<String>,
    /// The zone of their opening hours.
    pub time_zone: String,
    /// The average of their reviews, one to five; absent without reviews.
    #[oai(nullable)]
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: i32,
    /// A start is at least as far ahead.
    pub minimum_notice_minutes: i32,
    /// The last day that can be booked is as many days ahead; none when there is no such limit.
    #[oai(nullable)]
    pub booking_window_days: Option<i32>,
    /// What they offer, in their order.
    pub services: Vec<ServiceView>,
}

/// Something a specialist offers.
#[derive(Debug, Object, Serialize)]
pub struct ServiceView {
    /// Its id.
    pub id: Uuid,
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
}

/// An amount of money.
#[derive(Debug, Object, Serialize)]
pub struct Price {
    /// In minor units of the currency.
    pub amount_minor: i64,
    /// The ISO 4217 code.
    pub currency: String,
}

/// The rules of booking that a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// A start is at least as far ahead.
    pub minimum_notice_minutes: i32,
    /// The last day that can be booked is as many days ahead.
    pub booking_window_days: Option<i32>,
}

impl SpecialistView {
    /// The view of a specialist whose active services are shown.
    #[must_use]
    pub fn new(found: WithServices, limits: Limits) -> Self {
        let WithServices { specialist, services } = found;
        let rating = average(specialist.rating_sum, i64::from(specialist.review_count));
        Self {
            id: specialist.id.0,
            name: specialist.name,
            title: specialist.title,
            bio: specialist.bio,
            specialties: specialist.specialties.0,
            languages: specialist.languages.0,
            time_zone: specialist.time_zone,
            rating,
            review_count: specialist.review_count,
            minimum_notice_minutes: limits.minimum_notice_minutes,
            booking_window_days: limits.booking_window_days,
            services: services
                .into_iter()
                .filter(|service| service.active)
                .map(ServiceView::from)
                .collect(),
        }
    }
}

/// The average of `n` ratings, to a hundredth.
#[must_use]
pub fn average(sum: i64, n: i64) -> Option<f64> {
    // Ratings are counted in thousands, far below where a float loses whole numbers.
    let hundredths = |n: i64| (sum * 100 + n / 2) as f64 / n as f64;
    (0 < n).then(|| hundredths(n).floor() / 100.0)
}

impl From<service::Model> for ServiceView {
    fn from(service: service::Model) -> Self {
        let service::Model {
            id,
            specialist_id: _,
            position: _,
            name,
            duration_minutes,
            slot_interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            capacity,
            price_minor,
            currency,
            active: _,
        } = service;
        Self {
            id: id.0,
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
        }
    }
}

/// A page of specialists.
#[derive(Debug, Object, Serialize)]
pub struct SpecialistList {
    /// The specialists.
    pub items: Vec<SpecialistView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// In which order specialists are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum SortBy {
    /// By name.
    #[default]
    Name,
    /// Best rated first.
    Rating,
    /// Cheapest first.
    Price,
}

/// Free slots of a service.
#[derive(Debug, Object, Serialize)]
pub struct AvailabilityView {
    /// Whose.
    pub specialist_id: Uuid,
    /// The zone of the dates below.
    pub time_zone: String,
    /// The days that have slots.
    pub days: Vec<DayView>,
}

/// A day with slots.
#[derive(Debug, Object, Serialize)]
pub struct DayView {
    /// Its date in the zone asked for.
    pub date: String,
    /// Its slots, earliest first.
    pub slots: Vec<SlotView>,
}

/// A start that can be booked.
#[derive(Debug, Object, Serialize)]
pub struct SlotView {
    /// Begin.
    pub starts_at: Utc,
    /// End, exclusive.
    pub ends_at: Utc,
    /// Seats left, where a group start has begun to fill.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats_left: Option<u32>,
}

impl From<Slot> for SlotView {
    fn from(slot: Slot) -> Self {
        let Slot {
            starts_at,
            ends_at,
            seats_left,
        } = slot;
        Self {
            starts_at: starts_at.into(),
            ends_at: ends_at.into(),
            seats_left,
        }
    }
}

/// Why a start can or cannot be booked.
#[derive(Debug, Object, Serialize)]
pub struct ExplainView {
    /// The start asked about.
    pub at: Utc,
    /// Whether it can be booked.
    pub bookable: bool,
    /// Every rule that forbids it, as codes.
    pub because: Vec<String>,
    /// The sessions that it would meet.
    pub blockers: Vec<BlockerView>,
}

/// A session that stands in the way.
#[derive(Debug, Object, Serialize)]
pub struct BlockerView {
    /// Its begin.
    pub starts_at: Utc,
    /// Its end, exclusive.
    pub ends_at: Utc,
    /// Kept free before it.
    pub buffer_before_minutes: u32,
    /// Kept free after it.
    pub buffer_after_minutes: u32,
    /// When it stops blocking, if it is a hold.
    #[oai(nullable)]
    pub expires_at: Option<Utc>,
}

impl ExplainView {
    /// The rules that forbid the start, and what it would meet.
    #[must_use]
    pub fn new(at: Utc, because: &[Refusal], blockers: Vec<Occupied>) -> Self {
        Self {
            at,
            bookable: because.is_empty(),
            because: because.iter().map(|refusal| refusal.code().to_owned()).collect(),
            blockers: blockers.into_iter().map(BlockerView::from).collect(),
        }
    }
}

impl From<Occupied> for BlockerView {
    fn from(occupied: Occupied) -> Self {
        let Occupied {
            starts_at,
            ends_at,
            buffer_before_minutes,
            buffer_after_minutes,
            expires_at,
            seats_left: _,
        } = occupied;
        Self {
            starts_at: starts_at.into(),
            ends_at: ends_at.into(),
            buffer_before_minutes,
            buffer_after_minutes,
            expires_at: expires_at.map(Utc),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::average;

    #[test]
    fn averages_round_to_a_hundredth() {
        assert_eq!(average(0, 0), None);
        assert_eq!(average(13, 3), Some(4.33));
        assert_eq!(average(14, 3), Some(4.67));
        assert_eq!(average(5, 1), Some(5.0));
    }
}
