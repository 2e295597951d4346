//! What the database says about profiles.

use super::wire::ProfileView;
use crate::{copies::Encoded, error::ApiError, http::deadline::Deadline, state::State};
use entities::profile;
use workflows::ids::UserId;

/// The profile of somebody who has an account, kept for their next requests under the tag of its version.
///
/// # Errors
/// [`ApiError::InvalidToken`] when it was deleted meanwhile, [`ApiError::DatabaseUnavailable`].
pub async fn of(state: &State, user: UserId, deadline: Deadline) -> Result<Encoded, ApiError> {
    let view = async {
        let row = deadline.database(profile::of(state.db.reader(), user)).await?;
        Ok(row.map(ProfileView::from).map(|view| Encoded {
            etag: view.etag(),
            ..Encoded::new(&view, None)
        }))
    };
    let copy = state.copies.read(profile::place(user), deadline, view).await?;
    copy.ok_or_else(gone)
}

/// The account was deleted while the request was under way.
pub(super) fn gone() -> ApiError {
    ApiError::InvalidToken("the account is deleted")
}
