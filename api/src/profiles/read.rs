//! What the database says about profiles.

use super::wire::ProfileView;
use crate::{error::ApiError, http::deadline::Deadline};
use entities::{db::Db, profile};
use workflows::ids::UserId;

/// The profile of somebody who has an account.
///
/// # Errors
/// [`ApiError::InvalidToken`] when it was deleted meanwhile, [`ApiError::DatabaseUnavailable`].
pub async fn of(db: &Db, user: UserId, deadline: Deadline) -> Result<ProfileView, ApiError> {
    let row = deadline.database(profile::of(db.reader(), user)).await?;
    row.map(ProfileView::from).ok_or_else(gone)
}

/// The account was deleted while the request was under way.
pub(super) fn gone() -> ApiError {
    ApiError::InvalidToken("the account is deleted")
}
