//! What the database says about reviews.

use super::wire::{ReviewList, ReviewView};
use crate::{
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
    specialists::wire::average,
};
use entities::{db::Db, review, specialist};
use sea_orm::EntityTrait;
use workflows::ids::SpecialistId;

/// The list that cursors of this file belong to.
const LIST: &str = "reviews";

/// A page of the reviews of an active specialist, newest first.
///
/// # Errors
/// [`ApiError::NotFound`], or [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(
    db: &Db,
    specialist: SpecialistId,
    limit: Limit,
    cursor: Option<&str>,
    deadline: Deadline,
) -> Result<ReviewList, ApiError> {
    let after = page::after(LIST, cursor)?;
    let found = deadline
        .database(specialist::Entity::find_by_id(specialist).one(db.reader()))
        .await?;
    found
        .filter(|specialist| specialist.active)
        .ok_or(ApiError::NotFound(Thing::Specialist))?;
    let rows = deadline
        .database(review::page(db.replica(), specialist, after, limit.0 + 1))
        .await?;
    let stars = deadline.database(review::histogram(db.replica(), specialist)).await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &(row.created_at, row.id)));
    let count = stars.iter().sum();
    let sum = stars.iter().zip(1..).map(|(n, stars)| n * stars).sum();
    Ok(ReviewList {
        items: rows.into_iter().map(ReviewView::from).collect(),
        next_cursor,
        average: average(sum, count),
        count,
        histogram: stars.into(),
    })
}
