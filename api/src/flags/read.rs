//! What the database says about flags.

use super::wire::{FlagList, FlagView};
use crate::{error::ApiError, http::deadline::Deadline};
use entities::{db::Db, feature_flag};

/// Every flag: they are few.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn list(db: &Db, deadline: Deadline) -> Result<FlagList, ApiError> {
    let rows = deadline.database(feature_flag::all(db.reader())).await?;
    Ok(FlagList {
        items: rows.into_iter().map(FlagView::from).collect(),
    })
}
