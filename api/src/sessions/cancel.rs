//! Calling a session off.

use super::{
    book::{not_after, store},
    read,
    wire::{SessionView, address},
};
use crate::{
    auth::caller::Caller, edge::RequestId, error::ApiError, http::deadline::Deadline, state::State,
    temporal::EngineError,
};
use entities::{db, session, session_text::Kind};
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{Answer, Cancel, Role},
        rules::{self, Cancellation},
    },
};

/// Cancel a session that the caller may see; one that is cancelled already is answered as it is.
///
/// # Errors
/// The refusal, or what is away.
pub async fn cancel(
    state: &State,
    caller: &Caller,
    id: SessionId,
    reason: Option<String>,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<SessionView, ApiError> {
    let row = read::row(&state.db, caller, id, deadline).await?;
    let role = role(caller, &row);
    let now = deadline.database(db::now(state.db.reader())).await?;
    let notice_minutes = u32::try_from(row.cancel_notice_minutes).unwrap_or_default();
    match rules::cancel(row.status, row.starts_at, notice_minutes, role, now) {
        Ok(Cancellation::Already) => return read::view(&state.db, row, deadline).await,
        Ok(Cancellation::Ends { .. }) => {}
        Err(error) => return Err(ApiError::refused(error)),
    }
    let command = Cancel {
        role,
        actor: Some(caller.user),
        reason: store(state, caller.user, Kind::Reason, reason.as_deref(), now, deadline).await?,
        not_after: not_after(now),
        request_id: Some(request_id.0),
    };
    let unknown = || ApiError::OutcomeUnknown {
        location: address(id),
        key: None,
    };
    match state.engine.cancel(id, command, deadline.instant()).await {
        Ok(Answer::Done(_)) => after(state, id, deadline).await?.ok_or_else(unknown),
        Ok(Answer::Refused(error)) => Err(ApiError::refused(error)),
        Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown) => Err(unknown()),
        // Nothing was done; its run has ended since the row was read, or is missing: the row tells which.
        Err(EngineError::NoRun) => {
            let row = read::row(&state.db, caller, id, deadline).await?;
            match rules::cancel(row.status, row.starts_at, notice_minutes, role, now) {
                Ok(Cancellation::Already) => read::view(&state.db, row, deadline).await,
                Ok(Cancellation::Ends { .. }) => Err(ApiError::EngineUnavailable),
                Err(error) => Err(ApiError::refused(error)),
            }
        }
    }
}

/// The session after a command; nothing when the database does not tell.
async fn after(state: &State, id: SessionId, deadline: Deadline) -> Result<Option<SessionView>, ApiError> {
    match deadline.database(session::by_id(state.db.reader(), id)).await {
        Ok(Some(row)) => Ok(read::view(&state.db, row, deadline).await.ok()),
        _ => Ok(None),
    }
}

/// As whom the caller acts: its client, else its specialist, else whoever runs the place.
fn role(caller: &Caller, row: &session::Model) -> Role {
    if row.client_id == caller.user {
        Role::Client
    } else if caller.is_admin() {
        Role::Admin
    } else {
        Role::Specialist
    }
}
