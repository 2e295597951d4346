//! Calling a series off: a workflow of its own, so that what is begun is carried through.

use super::{
    read,
    wire::{SeriesView, address},
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::ApiError,
    http::deadline::Deadline,
    sessions::book::{not_after, store},
    state::State,
    temporal::EngineError,
};
use entities::{db, series, session_text::Kind};
use uuid::Uuid;
use workflows::{
    ids::SeriesId,
    series::contract::CancelSeries,
    sessions::{case::Cancellation, contract::Role},
};

/// Cancel what can be cancelled of a series; a second time answers the same.
///
/// # Errors
/// What is away.
pub async fn cancel(
    state: &State,
    caller: &Caller,
    id: SeriesId,
    reason: Option<String>,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<SeriesView, ApiError> {
    let row = read::row(&state.db, caller.user, id, deadline).await?;
    let now = deadline.database(db::now(state.db.reader())).await?;
    let sessions = deadline.database(series::sessions(state.db.reader(), id)).await?;
    let ends = |session: &entities::session::Model| {
        matches!(session.case(now).cancel(Role::Client), Ok(Cancellation::Ends { .. }))
    };
    if !sessions.iter().any(ends) {
        return read::view(&state.db, row, deadline).await;
    }
    let command = CancelSeries {
        series: id,
        id: Uuid::new_v4(),
        role: Role::Client,
        actor: Some(caller.user),
        reason: store(state, caller.user, Kind::Reason, reason.as_deref(), now, deadline).await?,
        not_after: not_after(now),
        request_id: Some(request_id.0),
    };
    let unknown = ApiError::OutcomeUnknown {
        location: address(id),
        key: None,
    };
    match state.engine.cancel_series(command, deadline.instant()).await {
        Ok(()) => read::view(&state.db, row, deadline).await.map_err(|_| unknown),
        Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown | EngineError::NoRun) => Err(unknown),
    }
}
