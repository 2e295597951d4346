//! The addresses of feeds.

use super::{token::Feed, wire::FeedView};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::{ApiError, Thing},
    http::deadline::Deadline,
    state::State,
};
use entities::{
    audit,
    calendar_feed::{self, Side},
    column::Words,
    db, user,
};
use uuid::Uuid;
use workflows::ids::AuditId;

/// The address of the caller's feed, made when it is asked for the first time.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn address(state: &State, caller: &Caller, side: Side, deadline: Deadline) -> Result<FeedView, ApiError> {
    let there = deadline
        .database(calendar_feed::of(state.db.reader(), caller.user, side))
        .await?;
    if let Some(row) = there {
        return Ok(view(state, &row));
    }
    let row = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        let now = db::now(&tx).await?;
        let row = calendar_feed::ensure(&tx, caller.user, side, now).await?;
        tx.commit().await?;
        Ok(row)
    });
    Ok(view(state, &row.await?))
}

/// Give the caller's feed another address; the one before is no more.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn rotate(
    state: &State,
    caller: &Caller,
    side: Side,
    request_id: &RequestId,
    deadline: Deadline,
) -> Result<FeedView, ApiError> {
    let row = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        let now = db::now(&tx).await?;
        let row = calendar_feed::rotate(&tx, caller.user, side, now).await?;
        let entry = audit::Model {
            id: AuditId(Uuid::now_v7()),
            at: now,
            actor_id: Some(caller.user),
            actor_role: match side {
                Side::Client => "user".to_owned(),
                Side::Specialist => "specialist".to_owned(),
            },
            action: "calendar_feed.rotate".to_owned(),
            target_kind: "user".to_owned(),
            target_id: caller.user.to_string(),
            fields: Words(vec!["generation".to_owned()]),
            request_id: Some(request_id.0.clone()),
        };
        audit::insert(&tx, entry).await?;
        tx.commit().await?;
        Ok(row)
    });
    Ok(view(state, &row.await?))
}

/// The feed that a token opens.
///
/// # Errors
/// [`ApiError::NotFound`] for a token that was not made here or is no more, and for the feed of a deleted account.
pub async fn open(state: &State, token: &str, deadline: Deadline) -> Result<Feed, ApiError> {
    let no_feed = || ApiError::NotFound(Thing::CalendarFeed);
    // The database is asked only about what we have signed.
    let feed = state.feeds.open(token).ok_or_else(no_feed)?;
    let db = state.db.reader();
    let row = deadline.database(calendar_feed::of(db, feed.user, feed.side)).await?;
    let is_current = row.is_some_and(|row| row.generation == feed.generation);
    if !is_current || deadline.database(user::is_deleted(db, feed.user)).await? {
        return Err(no_feed());
    }
    Ok(feed)
}

fn view(state: &State, row: &calendar_feed::Model) -> FeedView {
    let token = state.feeds.token(&Feed {
        user: row.user_id,
        side: row.side,
        generation: row.generation,
    });
    FeedView {
        url: format!("{}/feeds/{token}.ics", state.public_url),
    }
}
