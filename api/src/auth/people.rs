//! Whom we have met: the first sight of a `sub` makes user and profile, a deleted account is refused.

use super::verifier::Identity;
use crate::{error::ApiError, http::deadline::Deadline};
use entities::{
    db::{self, Db},
    user::{self, Account},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use workflows::ids::UserId;

/// How many people are remembered.
const REMEMBERED: usize = 10_000;
/// How long: a deletion elsewhere is noticed after as much.
const FOR: Duration = Duration::from_secs(2);

/// The people met lately, so that not every request asks the database.
#[derive(Debug, Default)]
pub struct People(Mutex<HashMap<UserId, Instant>>);

impl People {
    /// Make sure that the account is there.
    ///
    /// # Errors
    /// [`ApiError::InvalidToken`] when it was deleted, [`ApiError::DatabaseUnavailable`].
    pub async fn meet(&self, db: &Db, identity: &Identity, deadline: Deadline) -> Result<(), ApiError> {
        if self.remembers(identity.user) {
            return Ok(());
        }
        let account = match deadline.database(user::account(db.reader(), identity.user)).await? {
            Some(account) => account,
            None => first_sight(db, identity, deadline).await?,
        };
        match account {
            Account::Active(_) => {
                self.remember(identity.user);
                Ok(())
            }
            Account::Deleted => Err(ApiError::InvalidToken("the account is deleted")),
        }
    }

    /// Ask the database about this one the next time: the account has just been deleted.
    pub fn forget(&self, user: UserId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }

    fn remembers(&self, user: UserId) -> bool {
        let people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(&user).is_some_and(|met| met.elapsed() < FOR)
    }

    fn remember(&self, user: UserId) {
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED <= people.len() {
            people.retain(|_, met| met.elapsed() < FOR);
        }
        if people.len() < REMEMBERED {
            people.insert(user, Instant::now());
        }
    }
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
