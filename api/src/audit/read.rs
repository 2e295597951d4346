//! What the database says about the trail.

use super::wire::{ActList, ActView};
use crate::{
    error::ApiError,
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
};
use entities::{
    audit::{self, Filter},
    db::Db,
};

/// The list that cursors of this file belong to.
const LIST: &str = "audit";

/// A page of the entries that `filter` lets through, newest first; its place and its size are the page's.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(
    db: &Db,
    filter: Filter,
    limit: Limit,
    cursor: Option<&str>,
    deadline: Deadline,
) -> Result<ActList, ApiError> {
    let filter = Filter {
        after: page::after(LIST, cursor)?,
        limit: limit.0 + 1,
        ..filter
    };
    let rows = deadline.database(audit::page(db.reader(), &filter)).await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &(row.at, row.id)));
    Ok(ActList {
        items: rows.into_iter().map(ActView::from).collect(),
        next_cursor,
    })
}
