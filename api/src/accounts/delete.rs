//! Deleting an account: a workflow of its own, so that what is begun is carried through.

use super::wire::DeletionView;
use crate::{
    auth::caller::Leaving, edge::RequestId, error::ApiError, http::deadline::Deadline, sessions::book::not_after,
    state::State, temporal::EngineError,
};
use entities::{db, user};
use workflows::accounts::contract::{CURRENT_FLOW, DeleteAccount, Marked, workflow_id};

/// Where to ask again.
const ADDRESS: &str = "/api/user/account";

/// Delete the bearer's account; a second time answers the same.
///
/// # Errors
/// The refusal, or what is away.
pub async fn delete(
    state: &State,
    leaving: &Leaving,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<DeletionView, ApiError> {
    let user = leaving.user;
    let view = DeletionView {
        workflow_id: workflow_id(user),
    };
    let row = deadline.database(user::find(state.db.reader(), user)).await?;
    if row.as_ref().is_some_and(|row| row.erased_at.is_some()) {
        return Ok(view);
    }
    let now = deadline.database(db::now(state.db.reader())).await?;
    let command = DeleteAccount {
        flow: CURRENT_FLOW,
        user,
        not_after: not_after(now),
        request_id: Some(request_id.0),
    };
    // A run that failed is taken up by another one, and one that runs is joined.
    let marked = state.engine.delete_account(command, deadline.instant()).await;
    match marked {
        Ok(Marked::Done) => Ok(view),
        // Marked accounts have had their run, whether the engine answers now or not.
        _ if row.as_ref().is_some_and(|row| row.deleted_at.is_some()) => Ok(view),
        Ok(Marked::Refused(refusal)) => Err(ApiError::Account(refusal)),
        Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown | EngineError::NoRun) => Err(ApiError::OutcomeUnknown {
            location: ADDRESS.to_owned(),
            key: None,
        }),
    }
}
