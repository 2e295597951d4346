//! Whom we have met: the first sight of a `sub` makes user and profile, a deleted account is refused.

use super::verifier::Identity;
use crate::{error::ApiError, http::deadline::Deadline};
use entities::{
    db::{self, Db},
    user::{self, Account},
};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use workflows::ids::UserId;

/// How many deleted people are remembered.
const REMEMBERED: usize = 10_000;

/// Looks each caller up.
///
/// A token of a deleted account opens nothing from the moment of the deletion, whichever process carried that out: so the
/// row is read with every request, by its key. Only who is gone is remembered, for they never come back.
#[derive(Debug, Default)]
pub struct People(Mutex<HashSet<UserId>>);

impl People {
    /// Make sure that the account is there.
    ///
    /// # Errors
    /// [`ApiError::InvalidToken`] when it was deleted, [`ApiError::DatabaseUnavailable`].
    ///
    /// # Cost
    /// One look into a primary key.
    pub async fn meet(&self, db: &Db, identity: &Identity, deadline: Deadline) -> Result<(), ApiError> {
        if self.gone().contains(&identity.user) {
            return Err(deleted());
        }
        let is_there = match deadline.database(user::find(db.reader(), identity.user)).await? {
            Some(row) => row.deleted_at.is_none(),
            None => matches!(first_sight(db, identity, deadline).await?, Account::Active(_)),
        };
        if is_there {
            return Ok(());
        }
        let mut gone = self.gone();
        if REMEMBERED <= gone.len() {
            gone.clear();
        }
        gone.insert(identity.user);
        Err(deleted())
    }

    fn gone(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deleted() -> ApiError {
    ApiError::InvalidToken("the account is deleted")
}

async fn first_sight(db: &Db, identity: &Identity, deadline: Deadline) -> Result<Account, ApiError> {
    let Identity { user, email, name, .. } = identity;
    deadline
        .transaction(|| async {
            let tx = db.begin_write().await?;
            let now = db::now(&tx).await?;
            let email = email.as_deref().unwrap_or_default();
            let account = user::first_sight(&tx, *user, email, name.as_deref(), now).await?;
            tx.commit().await?;
            Ok(account)
        })
        .await
}
