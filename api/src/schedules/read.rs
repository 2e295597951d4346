//! What the database says about schedules.

use super::wire::{OverrideList, OverrideView, ScheduleView};
use crate::{
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
};
use entities::{
    db::Db,
    schedule,
    schedule_override::{self, Filter},
    specialist,
};
use jiff::civil::Date;
use workflows::ids::SpecialistId;

/// The list that cursors of this file belong to.
const LIST: &str = "overrides";

/// A specialist, active or not.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn specialist(db: &Db, id: SpecialistId, deadline: Deadline) -> Result<specialist::Model, ApiError> {
    let found = deadline.database(specialist::by_id(db.reader(), id)).await?;
    found.ok_or(ApiError::NotFound(Thing::Specialist))
}

/// The schedule of a specialist, and its version.
///
/// # Errors
/// [`ApiError::NotFound`] for one that was never written.
pub async fn schedule(
    db: &Db,
    specialist: &specialist::Model,
    deadline: Deadline,
) -> Result<(ScheduleView, i32), ApiError> {
    let row = deadline.database(schedule::of(db.reader(), specialist.id)).await?;
    let row = row.ok_or(ApiError::NotFound(Thing::Schedule))?;
    let version = row.version;
    Ok((ScheduleView::new(specialist.time_zone.clone(), row), version))
}

/// Which dates are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// That one or later.
    pub from: Option<Date>,
    /// That one or earlier.
    pub to: Option<Date>,
    /// How many.
    pub limit: Limit,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of the dates whose hours differ.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn overrides(
    db: &Db,
    specialist: SpecialistId,
    wanted: Wanted,
    deadline: Deadline,
) -> Result<OverrideList, ApiError> {
    let Wanted {
        from,
        to,
        limit,
        cursor,
    } = wanted;
    let filter = Filter {
        from,
        to,
        after: page::after(LIST, cursor.as_deref())?,
        limit: limit.0 + 1,
    };
    let rows = deadline
        .database(schedule_override::page(db.reader(), specialist, filter))
        .await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &row.date.0));
    Ok(OverrideList {
        items: rows.into_iter().map(OverrideView::from).collect(),
        next_cursor,
    })
}
