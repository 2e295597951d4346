//! Devices that push messages go to.

use super::wire::{DeviceRequest, DeviceView};
use crate::{auth::caller::Caller, error::ApiError, http::deadline::Deadline, state::State};
use entities::{
    db::{self, lock_client},
    device,
    user::{self, Account},
};

/// Register a device of the caller's, or see it again.
///
/// # Errors
/// [`ApiError::InvalidToken`] when the account was deleted meanwhile, [`ApiError::DatabaseUnavailable`].
pub async fn register(
    state: &State,
    caller: &Caller,
    token: &str,
    wanted: DeviceRequest,
    deadline: Deadline,
) -> Result<DeviceView, ApiError> {
    let platform = wanted.platform.into();
    let registered = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        // None behind a deletion's back.
        lock_client(&tx, caller.user).await?;
        let Some(Account::Active(_)) = user::account(&tx, caller.user).await? else {
            return Ok(None);
        };
        let now = db::now(&tx).await?;
        let row = device::register(&tx, caller.user, token, platform, now).await?;
        tx.commit().await?;
        Ok(Some(row))
    });
    let row = registered.await?;
    row.map(DeviceView::from)
        .ok_or(ApiError::InvalidToken("the account is deleted"))
}

/// Forget a device of the caller's; one that is not theirs is none to them.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn remove(state: &State, caller: &Caller, token: &str, deadline: Deadline) -> Result<(), ApiError> {
    deadline
        .transaction(|| async {
            let tx = state.db.begin_write().await?;
            device::remove(&tx, caller.user, token).await?;
            tx.commit().await
        })
        .await
}
