//! What is asked about busy feeds.

use super::wire::BusyFeedList;
use crate::{error::ApiError, http::deadline::Deadline, state::State};
use entities::{busy_feed, db};
use workflows::ids::SpecialistId;

/// The feeds of a specialist.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub(super) async fn list(
    state: &State,
    specialist: SpecialistId,
    deadline: Deadline,
) -> Result<BusyFeedList, ApiError> {
    let db = state.db.reader();
    let now = deadline.database(db::now(db)).await?;
    let feeds = deadline.database(busy_feed::of_specialist(db, specialist)).await?;
    Ok(BusyFeedList::new(feeds, now))
}
