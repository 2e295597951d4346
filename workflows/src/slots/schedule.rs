//! When a specialist works: weekly hours and exceptions on a local wall clock, and the limits on booking them.

use super::error::SlotsError;
use jiff::{
    civil::{Date, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Opening hours of a specialist and the limits on booking them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The zone of every date and time below.
    pub time_zone: Zone,
    /// Hours of an ordinary week.
    pub weekly: Weekly,
    /// Dates whose windows replace the weekly ones; none is a day off.
    #[serde(default)]
    pub overrides: BTreeMap<Date, Vec<Window>>,
    /// A start is at least as far ahead.
    #[serde(default)]
    pub minimum_notice_minutes: u32,
    /// The last local date bookable is as many days after today's.
    #[serde(default)]
    pub booking_window_days: Option<u32>,
    /// The last local date bookable.
    #[serde(default)]
    pub book_until: Option<Date>,
    /// Sessions that may start on one local date.
    #[serde(default)]
    pub max_per_day: Option<u32>,
    /// Sessions that may start in one ISO week.
    #[serde(default)]
    pub max_per_week: Option<u32>,
}

impl Schedule {
    /// The windows of `date` as they are stored: its override's, else its weekday's.
    #[must_use]
    pub fn windows(&self, date: Date) -> &[Window] {
        self.overrides
            .get(&date)
            .map_or_else(|| self.weekly.on(date.weekday()), Vec::as_slice)
    }

    /// Whether an override closes `date` altogether.
    #[must_use]
    pub fn is_day_off(&self, date: Date) -> bool {
        self.overrides.get(&date).is_some_and(Vec::is_empty)
    }
}

/// Hours of an ordinary week; a day without windows is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weekly {
    /// Windows of Mondays.
    pub mon: Vec<Window>,
    /// Windows of Tuesdays.
    pub tue: Vec<Window>,
    /// Windows of Wednesdays.
    pub wed: Vec<Window>,
    /// Windows of Thursdays.
    pub thu: Vec<Window>,
    /// Windows of Fridays.
    pub fri: Vec<Window>,
    /// Windows of Saturdays.
    pub sat: Vec<Window>,
    /// Windows of Sundays.
    pub sun: Vec<Window>,
}

impl Weekly {
    /// The windows of a weekday.
    #[must_use]
    pub fn on(&self, weekday: Weekday) -> &[Window] {
        match weekday {
            Weekday::Monday => &self.mon,
            Weekday::Tuesday => &self.tue,
            Weekday::Wednesday => &self.wed,
            Weekday::Thursday => &self.thu,
            Weekday::Friday => &self.fri,
            Weekday::Saturday => &self.sat,
            Weekday::Sunday => &self.sun,
        }
    }
}

/// Opening hours within one day, end exclusive: `["09:00","17:00"]` on the wire.
///
/// Windows of a day may touch or overlap; together they are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "[MinuteOfDay; 2]", into = "[MinuteOfDay; 2]")]
pub struct Window {
    from: MinuteOfDay,
    to: MinuteOfDay,
}

impl Window {
    /// The hours from `from` until `to`.
    ///
    /// # Errors
    /// [`SlotsError::InvalidWindow`] where the end is not after the start: two windows cross midnight, one does not.
    pub fn new(from: MinuteOfDay, to: MinuteOfDay) -> Result<Self, SlotsError> {
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(SlotsError::InvalidWindow { from, to })
        }
    }

    /// Where the window begins; never `24:00`.
    #[must_use]
    pub fn from(self) -> MinuteOfDay {
        self.from
    }

    /// Where it ends, exclusive; `24:00` is the midnight that ends the day.
    #[must_use]
    pub fn to(self) -> MinuteOfDay {
        self.to
    }
}

impl TryFrom<[MinuteOfDay; 2]> for Window {
    type Error = SlotsError;

    fn try_from([from, to]: [MinuteOfDay; 2]) -> Result<Self, SlotsError> {
        Self::new(from, to)
    }
}

impl From<Window> for [MinuteOfDay; 2] {
    fn from(window: Window) -> Self {
        [window.from, window.to]
    }
}

/// A time of day on a wall clock, from `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MinuteOfDay(u16);

impl MinuteOfDay {
    /// `24:00`, the midnight that ends a day.
    pub const END: Self = Self(24 * 60);

    /// Minutes that the hands show past midnight: 0 to 1,440, whatever time has elapsed.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for MinuteOfDay {
    type Err = SlotsError;

    fn from_str(text: &str) -> Result<Self, SlotsError> {
        let invalid = || SlotsError::InvalidTime { text: text.to_owned() };
        let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
            return Err(invalid());
        };
        if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
            return Err(invalid());
        }
        let number = |tens: u8, ones: u8| u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
        let (hours, minutes) = (number(h1, h2), number(m1, m2));
        let minute = Self(hours * 60 + minutes);
        if minutes < 60 && minute <= Self::END {
            Ok(minute)
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl TryFrom<String> for MinuteOfDay {
    type Error = SlotsError;

    fn try_from(text: String) -> Result<Self, SlotsError> {
        text.parse()
    }
}

impl From<MinuteOfDay> for String {
    fn from(minute: MinuteOfDay) -> Self {
        minute.to_string()
    }
}

/// A zone of the bundled tz database, written as its IANA name.
///
/// The database is part of the program, so that every process and every replay agrees on it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone called `name`, in any case; neither an offset nor a POSIX rule is a name.
    ///
    /// # Errors
    /// [`SlotsError::UnknownZone`] if the database has no such name.
    pub fn new(name: &str) -> Result<Self, SlotsError> {
        TimeZoneDatabase::bundled()
            .get(name)
            .ok()
            .filter(|tz| tz.iana_name().is_some())
            .map(Self)
            .ok_or_else(|| SlotsError::UnknownZone { name: name.to_owned() })
    }

    /// Its name, as the database spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Its rules, for calendar arithmetic.
    #[must_use]
    pub fn tz(&self) -> &TimeZone {
        &self.0
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = SlotsError;

    fn from_str(name: &str) -> Result<Self, SlotsError> {
        Self::new(name)
    }
}

impl TryFrom<String> for Zone {
    type Error = SlotsError;

    fn try_from(name: String) -> Result<Self, SlotsError> {
        Self::new(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}
