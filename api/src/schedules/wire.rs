//! Schedules on the wire.

use crate::http::{
    body::{Fields, Strict},
    values::{LocalDate, ZoneName},
};
use entities::{column, schedule, schedule_override};
use poem_openapi::{
    Object,
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::Serialize;
use serde_json::Value;
use std::{borrow::Cow, ops::RangeInclusive};
use workflows::{
    ids::SpecialistId,
    slots::schedule::{Weekly, Window},
    time::Instant,
};

/// As many windows may a day have.
const MOST_WINDOWS: usize = 48;
/// A year: no notice is longer.
const NOTICE: RangeInclusive<i32> = 0..=525_600;
/// Three years.
const WINDOW_DAYS: RangeInclusive<i32> = 0..=1_095;
/// How many sessions, and how many moves of one.
const COUNT: RangeInclusive<i32> = 0..=1_000;
/// A day.
const HOLD: RangeInclusive<i32> = 1..=1_440;

/// Opening hours of a day: pairs such as `["09:00","17:00"]`, in their order, none beginning before the last has ended.
/// `24:00` is the midnight that ends the day; without any the day is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hours(pub Vec<Window>);

impl Type for Hours {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "hours".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let time = MetaSchema {
            example: Some("09:00".into()),
            ..MetaSchema::new("string")
        };
        let window = MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(time)))),
            min_items: Some(2),
            max_items: Some(2),
            ..MetaSchema::new("array")
        };
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(window)))),
            max_items: Some(MOST_WINDOWS),
            ..MetaSchema::new("array")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Hours {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let shape = || ParseError::custom("must be a list of pairs such as [\"09:00\",\"17:00\"]");
        let pairs: Vec<[String; 2]> = serde_json::from_value(value.unwrap_or_default()).map_err(|_| shape())?;
        if MOST_WINDOWS < pairs.len() {
            return Err(ParseError::custom(format!("has more than {MOST_WINDOWS} windows")));
        }
        let windows = pairs
            .iter()
            .map(|[from, to]| Window::new(from.parse()?, to.parse()?))
            .collect::<Result<Vec<_>, workflows::slots::error::SlotsError>>();
        let windows = windows.map_err(|error| ParseError::custom(error.to_string()))?;
        // They may touch: a break of no length is nobody's mistake.
        if windows.array_windows().any(|[one, next]| next.from() < one.to()) {
            return Err(ParseError::custom(
                "windows must be in their order and must not overlap",
            ));
        }
        Ok(Self(windows))
    }
}

impl ToJSON for Hours {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }
}

/// Hours of an ordinary week; a day that is absent is closed.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct WeekRequest {
    /// Mondays.
    #[oai(nullable)]
    pub mon: Option<Hours>,
    /// Tuesdays.
    #[oai(nullable)]
    pub tue: Option<Hours>,
    /// Wednesdays.
    #[oai(nullable)]
    pub wed: Option<Hours>,
    /// Thursdays.
    #[oai(nullable)]
    pub thu: Option<Hours>,
    /// Fridays.
    #[oai(nullable)]
    pub fri: Option<Hours>,
    /// Saturdays.
    #[oai(nullable)]
    pub sat: Option<Hours>,
    /// Sundays.
    #[oai(nullable)]
    pub sun: Option<Hours>,
}

impl Strict for WeekRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            mon: fields.optional("mon"),
            tue: fields.optional("tue"),
            wed: fields.optional("wed"),
            thu: fields.optional("thu"),
            fri: fields.optional("fri"),
            sat: fields.optional("sat"),
            sun: fields.optional("sun"),
        })
    }
}

impl From<WeekRequest> for Weekly {
    fn from(week: WeekRequest) -> Self {
        let WeekRequest {
            mon,
            tue,
            wed,
            thu,
            fri,
            sat,
            sun,
        } = week;
        let windows = |hours: Option<Hours>| hours.unwrap_or_default().0;
        Self {
            mon: windows(mon),
            tue: windows(tue),
            wed: windows(wed),
            thu: windows(thu),
            fri: windows(fri),
            sat: windows(sat),
            sun: windows(sun),
        }
    }
}

/// A schedule as it is to be, as a whole.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// The zone of the opening hours.
    pub time_zone: ZoneName,
    /// Hours of an ordinary week.
    pub weekly: WeekRequest,
    /// A start is at least as far ahead.
    #[oai(validator(minimum(value = "0"), maximum(value = "525600")))]
    pub minimum_notice_minutes: i32,
    /// The last day that can be booked is as many days ahead; no such limit when absent.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1095")))]
    pub booking_window_days: Option<i32>,
    /// The last date that can be booked; no such limit when absent.
    #[oai(nullable)]
    pub book_until: Option<LocalDate>,
    /// Sessions that may start on one date; no such limit when absent.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000")))]
    pub max_per_day: Option<i32>,
    /// Sessions that may start in one week, Monday to Sunday; no such limit when absent.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000")))]
    pub max_per_week: Option<i32>,
    /// A cancellation closer to the start is late.
    #[oai(validator(minimum(value = "0"), maximum(value = "525600")))]
    pub cancel_notice_minutes: i32,
    /// A client cannot move a session closer to its start.
    #[oai(validator(minimum(value = "0"), maximum(value = "525600")))]
    pub reschedule_notice_minutes: i32,
    /// How often a client may move a session; no such limit when absent.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000")))]
    pub max_reschedules: Option<i32>,
    /// How long a hold lasts.
    #[oai(validator(minimum(value = "1"), maximum(value = "1440")))]
    pub hold_minutes: i32,
}

impl Strict for ScheduleRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let time_zone = fields.required("time_zone");
        let weekly = fields.required_object("weekly");
        let minimum_notice_minutes = fields.number("minimum_notice_minutes", NOTICE);
        let booking_window_days = fields.optional_number("booking_window_days", WINDOW_DAYS);
        let book_until = fields.optional("book_until");
        let max_per_day = fields.optional_number("max_per_day", COUNT);
        let max_per_week = fields.optional_number("max_per_week", COUNT);
        let cancel_notice_minutes = fields.number("cancel_notice_minutes", NOTICE);
        let reschedule_notice_minutes = fields.number("reschedule_notice_minutes", NOTICE);
        let max_reschedules = fields.optional_number("max_reschedules", COUNT);
        let hold_minutes = fields.number("hold_minutes", HOLD);
        Some(Self {
            time_zone: time_zone?,
            weekly: weekly?,
            minimum_notice_minutes: minimum_notice_minutes?,
            booking_window_days,
            book_until,
            max_per_day,
            max_per_week,
            cancel_notice_minutes: cancel_notice_minutes?,
            reschedule_notice_minutes: reschedule_notice_minutes?,
            max_reschedules,
            hold_minutes: hold_minutes?,
        })
    }
}

impl ScheduleRequest {
    /// The zone, and the rest as the row of `specialist`, in its first version.
    #[must_use]
    pub fn into_row(self, specialist: SpecialistId, now: Instant) -> (String, schedule::Model) {
        let Self {
            time_zone,
            weekly,
            minimum_notice_minutes,
            booking_window_days,
            book_until,
            max_per_day,
            max_per_week,
            cancel_notice_minutes,
            reschedule_notice_minutes,
            max_reschedules,
            hold_minutes,
        } = self;
        let row = schedule::Model {
            specialist_id: specialist,
            weekly: column::WeeklyHours(weekly.into()),
            minimum_notice_minutes,
            booking_window_days,
            book_until: book_until.map(|date| column::LocalDate(date.0)),
            max_per_day,
            max_per_week,
            cancel_notice_minutes,
            reschedule_notice_minutes,
            max_reschedules,
            hold_minutes,
            version: 1,
            updated_at: now,
        };
        (time_zone.0.name().to_owned(), row)
    }
}

/// Hours of an ordinary week.
#[derive(Debug, Object, Serialize)]
pub struct WeekView {
    /// Mondays.
    pub mon: Hours,
    /// Tuesdays.
    pub tue: Hours,
    /// Wednesdays.
    pub wed: Hours,
    /// Thursdays.
    pub thu: Hours,
    /// Fridays.
    pub fri: Hours,
    /// Saturdays.
    pub sat: Hours,
    /// Sundays.
    pub sun: Hours,
}

impl From<Weekly> for WeekView {
    fn from(weekly: Weekly) -> Self {
        let Weekly {
            mon,
            tue,
            wed,
            thu,
            fri,
            sat,
            sun,
        } = weekly;
        Self {
            mon: Hours(mon),
            tue: Hours(tue),
            wed: Hours(wed),
            thu: Hours(thu),
            fri: Hours(fri),
            sat: Hours(sat),
            sun: Hours(sun),
        }
    }
}

/// A schedule. Its `ETag` is made of its version.
#[derive(Debug, Object, Serialize)]
pub struct ScheduleView {
    /// The zone of the opening hours.
    pub time_zone: String,
    /// Hours of an ordinary week.
    pub weekly: WeekView,
    /// A start is at least as far ahead.
    pub minimum_notice_minutes: i32,
    /// The last day that can be booked is as many days ahead.
    #[oai(nullable)]
    pub booking_window_days: Option<i32>,
    /// The last date that can be booked.
    #[oai(nullable)]
    pub book_until: Option<String>,
    /// Sessions that may start on one date.
    #[oai(nullable)]
    pub max_per_day: Option<i32>,
    /// Sessions that may start in one week.
    #[oai(nullable)]
    pub max_per_week: Option<i32>,
    /// A cancellation closer to the start is late.
    pub cancel_notice_minutes: i32,
    /// A client cannot move a session closer to its start.
    pub reschedule_notice_minutes: i32,
    /// How often a client may move a session.
    #[oai(nullable)]
    pub max_reschedules: Option<i32>,
    /// How long a hold lasts.
    pub hold_minutes: i32,
}

impl ScheduleView {
    /// The view of a schedule in that zone.
    #[must_use]
    pub fn new(time_zone: String, row: schedule::Model) -> Self {
        let schedule::Model {
            specialist_id: _,
            weekly,
            minimum_notice_minutes,
            booking_window_days,
            book_until,
            max_per_day,
            max_per_week,
            cancel_notice_minutes,
            reschedule_notice_minutes,
            max_reschedules,
            hold_minutes,
            version: _,
            updated_at: _,
        } = row;
        Self {
            time_zone,
            weekly: weekly.0.into(),
            minimum_notice_minutes,
            booking_window_days,
            book_until: book_until.map(|date| date.0.to_string()),
            max_per_day,
            max_per_week,
            cancel_notice_minutes,
            reschedule_notice_minutes,
            max_reschedules,
            hold_minutes,
        }
    }
}

/// The hours of a date.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct OverrideRequest {
    /// What replaces the weekly hours; none is a day off.
    pub windows: Hours,
}

impl Strict for OverrideRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let windows = fields.required("windows");
        Some(Self { windows: windows? })
    }
}

/// A date whose hours differ.
#[derive(Debug, Object, Serialize)]
pub struct OverrideView {
    /// The date, in the zone of the schedule.
    pub date: String,
    /// What replaces the weekly hours; none is a day off.
    pub windows: Hours,
}

impl From<schedule_override::Model> for OverrideView {
    fn from(row: schedule_override::Model) -> Self {
        let schedule_override::Model {
            specialist_id: _,
            date,
            windows,
        } = row;
        Self {
            date: date.0.to_string(),
            windows: Hours(windows.0),
        }
    }
}

/// A page of dates whose hours differ.
#[derive(Debug, Object, Serialize)]
pub struct OverrideList {
    /// The dates, in their order.
    pub items: Vec<OverrideView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Hours;
    use poem_openapi::types::ParseFromJSON;
    use serde_json::json;

    #[test]
    fn hours_are_pairs_in_their_order() {
        let read = |value| Hours::parse_from_json(Some(value));
        for good in [
            json!([]),
            json!([["09:00", "17:00"]]),
            json!([["00:00", "12:00"], ["12:00", "24:00"]]),
        ] {
            let hours = read(good.clone()).unwrap();
            assert_eq!(serde_json::to_value(hours).unwrap(), good);
        }
        for bad in [
            json!("09:00"),
            json!([["09:00"]]),
            json!([["9:00", "17:00"]]),
            json!([["17:00", "09:00"]]),
            json!([["09:00", "09:00"]]),
            json!([["24:00", "24:00"]]),
            json!([["09:00", "24:01"]]),
            json!([["09:00", "12:00"], ["11:00", "17:00"]]),
            json!([["13:00", "17:00"], ["09:00", "12:00"]]),
            json!([[9, 17]]),
            json!(vec![["09:00", "17:00"]; 49]),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
