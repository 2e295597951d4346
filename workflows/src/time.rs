//! Instants: points in time, in UTC, to the microsecond.

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};
use std::{fmt, ops, str::FromStr, time::Duration};

/// A point in time, RFC 3339 in UTC on the wire (`2026-06-01T08:00:00Z`).
///
/// Kept to the microsecond, which is what the databases keep, so that a value read back equals the one written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub struct Instant(Timestamp);

impl Instant {
    /// The instant of `timestamp`, cut to the microsecond.
    #[must_use]
    pub fn new(timestamp: Timestamp) -> Self {
        // Nearly all are whole already, and rounding costs more than what most callers do with the result.
        if timestamp.subsec_nanosecond() % 1_000 == 0 {
            return Self(timestamp);
        }
        Self(
            timestamp
                .round(
                    jiff::TimestampRound::new()
                        .smallest(Unit::Microsecond)
                        .mode(jiff::RoundMode::Floor),
                )
                .unwrap_or(timestamp),
        )
    }

    /// The instant `seconds` after 1970-01-01T00:00:00Z; out of range is cut to the first or last instant.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Timestamp::from_second(seconds).map_or(
            if seconds < 0 {
                Self::new(Timestamp::MIN)
            } else {
                Self::new(Timestamp::MAX)
            },
            Self::new,
        )
    }

    /// The same point in time for calendar arithmetic.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.unix_micros().div_euclid(1_000_000)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// This instant moved by `minutes`, cut to the range of instants.
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        let moved = self.0.as_second().saturating_add(minutes.saturating_mul(60));
        let whole = Self::from_unix_seconds(moved);
        Timestamp::new(whole.0.as_second(), self.0.subsec_nanosecond()).map_or(whole, Self)
    }

    /// Time from this instant until `later`; nothing when that has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::try_from(later.0.duration_since(self.0)).unwrap_or(Duration::ZERO)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Instant {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>().map(Self::new)
    }
}

impl From<Timestamp> for Instant {
    fn from(timestamp: Timestamp) -> Self {
        Self::new(timestamp)
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

impl From<std::time::SystemTime> for Instant {
    fn from(time: std::time::SystemTime) -> Self {
        Timestamp::try_from(time).map_or(Self(Timestamp::MAX), Self::new)
    }
}

impl ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.0.checked_add(duration).map_or(Self(Timestamp::MAX), Self::new)
    }
}

#[cfg(feature = "sea-orm")]
mod column {
    //! As a column: `timestamptz` on PostgreSQL, RFC 3339 text on SQLite (which sorts in time's order).

    use super::Instant;
    use sea_orm::{
        ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
        prelude::{ChronoDateTimeUtc, DateTimeUtc},
        sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
    };

    impl From<Instant> for DateTimeUtc {
        fn from(instant: Instant) -> Self {
            // Both count from 1970 in UTC, and chrono's range is the wider one.
            Self::from_timestamp_micros(instant.unix_micros()).unwrap_or_default()
        }
    }

    impl From<DateTimeUtc> for Instant {
        fn from(time: DateTimeUtc) -> Self {
            jiff::Timestamp::from_microsecond(time.timestamp_micros()).map_or(Self(jiff::Timestamp::MAX), Self)
        }
    }

    impl From<Instant> for Value {
        fn from(instant: Instant) -> Self {
            DateTimeUtc::from(instant).into()
        }
    }

    impl TryGetable for Instant {
        fn try_get_by<I: ColIdx>(result: &QueryResult, index: I) -> Result<Self, TryGetError> {
            ChronoDateTimeUtc::try_get_by(result, index).map(Self::from)
        }
    }

    impl ValueType for Instant {
        fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
            <DateTimeUtc as ValueType>::try_from(value).map(Self::from)
        }

        fn type_name() -> String {
            "Instant".to_owned()
        }

        fn array_type() -> ArrayType {
            ArrayType::ChronoDateTimeUtc
        }

        fn column_type() -> ColumnType {
            ColumnType::TimestampWithTimeZone
        }
    }

    impl Nullable for Instant {
        fn null() -> Value {
            DateTimeUtc::null()
        }
    }

    impl sea_orm::TryFromU64 for Instant {
        fn try_from_u64(_: u64) -> Result<Self, DbErr> {
            Err(DbErr::ConvertFromU64("Instant"))
        }
    }
}
