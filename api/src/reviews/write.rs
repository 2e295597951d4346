//! Writing a review.

use super::wire::{ReviewRequest, ReviewView};
use crate::{
    auth::caller::Caller, edge::RequestId, error::ApiError, http::deadline::Deadline, sessions::read, state::State,
};
use entities::{
    audit::{self, Act, Actor},
    db::{self, Db, lock_both},
    fault::{self, Fault},
    feature_flag::REVIEWS_OPEN,
    review, session,
    user::{self, Account},
};
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;
use workflows::{
    ids::{ReviewId, SessionId},
    reviews::rules,
    sessions::error::SessionError,
    time::Instant,
};

/// Review a session of the caller's.
///
/// # Errors
/// [`ApiError::NotFound`] for what the caller may not see, [`ApiError::InsufficientPermissions`] for a session that
/// somebody else booked, [`ApiError::FeatureOff`] while reviews are closed, or the refusal.
pub async fn add(
    state: &State,
    caller: &Caller,
    id: SessionId,
    said: ReviewRequest,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<ReviewView, ApiError> {
    if !state.flags.is_on(REVIEWS_OPEN, caller.user) {
        return Err(ApiError::FeatureOff);
    }
    let row = read::row(&state.db, caller, id, deadline).await?;
    if row.client_id != caller.user {
        return Err(ApiError::InsufficientPermissions);
    }
    let now = deadline.database(db::now(state.db.reader())).await?;
    let written = deadline
        .transaction(|| write(&state.db, &row, &said, &request_id, now))
        .await?;
    written.map(ReviewView::from).map_err(ApiError::refused)
}

/// Under the locks of the session's specialist and client, as every change of it is.
async fn write(
    db: &Db,
    row: &session::Model,
    said: &ReviewRequest,
    request_id: &RequestId,
    now: Instant,
) -> Result<Result<review::Model, SessionError>, DbErr> {
    let tx = db.begin_write().await?;
    lock_both(&tx, row.specialist_id, row.client_id).await?;
    match decide(&tx, row.id, said, request_id, now).await {
        Ok(Ok(review)) => {
            tx.commit().await?;
            Ok(Ok(review))
        }
        Err(error) if fault::classify(&error) == Fault::Constraint(fault::REVIEW_SESSION.to_owned()) => {
            Ok(Err(SessionError::AlreadyReviewed))
        }
        refused => refused,
    }
}

async fn decide(
    tx: &DatabaseTransaction,
    id: SessionId,
    said: &ReviewRequest,
    request_id: &RequestId,
    now: Instant,
) -> Result<Result<review::Model, SessionError>, DbErr> {
    // As it is now: it may have become a no-show since it was read, or the account may have been deleted.
    let row = session::by_id(tx, id)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound(id.to_string()))?;
    let Some(Account::Active(profile)) = user::account(tx, row.client_id).await? else {
        return Ok(Err(SessionError::AccountDeleted));
    };
    let already = review::of_session(tx, id).await?.is_some();
    if let Err(refusal) = row.case(now).review(already) {
        return Ok(Err(refusal));
    }
    let review = review::Model {
        id: ReviewId(Uuid::now_v7()),
        session_id: Some(id),
        specialist_id: row.specialist_id,
        client_id: Some(row.client_id),
        author: rules::author(&profile.name).to_owned(),
        rating: said.rating,
        text: said.text.clone().unwrap_or_default(),
        created_at: now,
    };
    review::insert(tx, review.clone()).await?;
    let client = Actor {
        id: Some(row.client_id),
        role: "user",
        request_id: Some(request_id.0.clone()),
    };
    let act = Act {
        action: "review.create",
        target_kind: "review",
        target_id: review.id.to_string(),
        fields: &["rating", "text"],
    };
    audit::record(tx, &client, act, now).await?;
    Ok(Ok(review))
}
