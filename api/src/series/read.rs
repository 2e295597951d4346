//! What the database says about series.

use super::wire::SeriesView;
use crate::{
    error::{ApiError, Thing},
    http::deadline::Deadline,
    sessions::read::views,
};
use entities::{db::Db, series};
use workflows::ids::{SeriesId, UserId};

/// A series that `client` booked.
///
/// # Errors
/// [`ApiError::NotFound`] for one that is not there or not theirs.
pub async fn row(db: &Db, client: UserId, id: SeriesId, deadline: Deadline) -> Result<series::Model, ApiError> {
    let row = deadline.database(series::of_client(db.reader(), client, id)).await?;
    row.ok_or(ApiError::NotFound(Thing::Series))
}

/// The view of a series, with its sessions as they are now.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn view(db: &Db, row: series::Model, deadline: Deadline) -> Result<SeriesView, ApiError> {
    let whole = async {
        let sessions = series::sessions(db.reader(), row.id).await?;
        views(db, sessions).await
    };
    Ok(SeriesView {
        series_id: row.id.0,
        sessions: deadline.database(whole).await?,
        refused: row.refused.0.into_iter().map(Into::into).collect(),
    })
}
