//! Types of columns that are neither ids nor instants: lists kept as JSON, and local dates.
#![expect(unused_qualifications, reason = "the macro of `Sealed` writes one")]

use jiff::civil;
use sea_orm::{
    ColIdx, DbErr, DeriveValueType, FromJsonQueryResult, QueryResult, TryFromU64, TryGetError, TryGetable, Value,
    prelude::ChronoDate,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use workflows::slots::schedule::{Weekly, Window};

/// Words in their order: specialties, languages, channels, names of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Words(pub Vec<String>);

/// A secret under the key of the processes; of no use without it, and never shown.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Minutes before a start at which to remind of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct OffsetsMinutes(pub Vec<u32>);

/// Hours of an ordinary week: `{"mon": [["09:00", "17:00"]], …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct WeeklyHours(pub Weekly);

/// Hours of one day: `[["10:00", "12:00"]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Windows(pub Vec<Window>);

/// A date of somebody's calendar: `date` on PostgreSQL, `YYYY-MM-DD` on SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDate(pub civil::Date);

impl From<civil::Date> for LocalDate {
    fn from(date: civil::Date) -> Self {
        Self(date)
    }
}

impl From<LocalDate> for civil::Date {
    fn from(date: LocalDate) -> Self {
        date.0
    }
}

impl From<LocalDate> for ChronoDate {
    fn from(LocalDate(date): LocalDate) -> Self {
        // Both are the proleptic Gregorian calendar, and chrono's range is the wider one.
        Self::from_ymd_opt(date.year().into(), month_or_day(date.month()), month_or_day(date.day())).unwrap_or_default()
    }
}

impl TryFrom<ChronoDate> for LocalDate {
    type Error = jiff::Error;

    fn try_from(date: ChronoDate) -> Result<Self, jiff::Error> {
        date.format("%Y-%m-%d").to_string().parse().map(Self)
    }
}

impl From<LocalDate> for Value {
    fn from(date: LocalDate) -> Self {
        ChronoDate::from(date).into()
    }
}

impl TryGetable for LocalDate {
    fn try_get_by<I: ColIdx>(result: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let date = ChronoDate::try_get_by(result, index)?;
        <Self as TryFrom<ChronoDate>>::try_from(date)
            .map_err(|error| TryGetError::DbErr(DbErr::Type(error.to_string())))
    }
}

impl ValueType for LocalDate {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let date = <ChronoDate as ValueType>::try_from(value)?;
        <Self as TryFrom<ChronoDate>>::try_from(date).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        "LocalDate".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::ChronoDate
    }

    fn column_type() -> ColumnType {
        ColumnType::Date
    }
}

impl Nullable for LocalDate {
    fn null() -> Value {
        ChronoDate::null()
    }
}

impl TryFromU64 for LocalDate {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("LocalDate"))
    }
}

/// A number that the schema keeps from being negative.
pub(crate) fn unsigned(number: i32) -> u32 {
    number.max(0).unsigned_abs()
}

fn month_or_day(number: i8) -> u32 {
    u32::from(number.unsigned_abs())
}
