//! What the database says about reports.

use super::wire::{ReportList, ReportView};
use crate::{
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
        values::LocalDate,
    },
};
use entities::{
    daily_report,
    db::{self, Db},
    specialist,
};
use jiff::{ToSpan, civil::Date};
use poem_openapi::types::ParseFromParameter;
use workflows::{insights::days::utc, reports::rules::is_over};

/// The list that cursors of this file belong to.
const LIST: &str = "reports";
/// Reports of days as long ago are made when somebody asks for them.
const ON_DEMAND_DAYS: i64 = 400;

/// A page of the reports of these days, both included, the newest first.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(
    db: &Db,
    (from, to): (Option<Date>, Option<Date>),
    limit: Limit,
    cursor: Option<&str>,
    deadline: Deadline,
) -> Result<ReportList, ApiError> {
    let before = page::after(LIST, cursor)?;
    let rows = deadline
        .database(daily_report::page(db.reader(), from, to, before, limit.0 + 1))
        .await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &row.date.0));
    Ok(ReportList {
        items: views(db, rows, deadline).await?,
        next_cursor,
    })
}

/// The report of a day.
///
/// # Errors
/// [`ApiError::NotFound`] for what is no day that is over, or one that is too long ago.
pub async fn one(db: &Db, date: &str, deadline: Deadline) -> Result<ReportView, ApiError> {
    let missing = ApiError::NotFound(Thing::Report);
    let Ok(LocalDate(date)) = LocalDate::parse_from_parameter(date) else {
        return Err(missing);
    };
    let now = deadline.database(db::now(db.reader())).await?;
    let on_demand = is_over(date, now) && utc(now).saturating_sub(ON_DEMAND_DAYS.days()) <= date;
    let report = if on_demand {
        Some(deadline.transaction(|| daily_report::ensure(db, date, now)).await?)
    } else {
        deadline.database(daily_report::find(db.reader(), date)).await?
    };
    let views = views(db, report.into_iter().collect(), deadline).await?;
    views.into_iter().next().ok_or(missing)
}

/// The reports with the names of the specialists in them.
async fn views(db: &Db, rows: Vec<daily_report::Model>, deadline: Deadline) -> Result<Vec<ReportView>, ApiError> {
    let ids = rows.iter().flat_map(|row| &row.specialists.0).map(|booked| booked.id);
    let names = deadline.database(specialist::names(db.reader(), ids)).await?;
    Ok(rows.into_iter().map(|row| ReportView::new(row, &names)).collect())
}
