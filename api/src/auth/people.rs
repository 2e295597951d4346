//! Whom we have met: the first sight of a `sub` makes user and profile, a deleted account is refused.

use super::verifier::Identity;
use crate::{error::ApiError, http::deadline::Deadline, together::Together};
use entities::{
    audit::{self, Act, Actor},
    db::{self, Db, lock_client},
    profile,
    user::{self, Account},
};
use sea_orm::DbErr;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};
use workflows::{ids::UserId, time::Instant};

/// How many people are remembered, of each kind.
const REMEMBERED: usize = 10_000;

/// Looks each caller up.
///
/// A token of a deleted account opens nothing from the moment of the deletion, whichever process carried that out: so the
/// row is read with every request, by its key; those of requests that arrive together are read together. Only who is gone
/// is remembered, for they never come back.
///
/// The address of mails is the identity provider's: a token newer than those seen, with another address, changes it.
#[derive(Debug, Default)]
pub struct People {
    accounts: Together<UserId, bool>,
    gone: Mutex<HashSet<UserId>>,
    /// The newest token of each whose address was compared.
    compared: Mutex<HashMap<UserId, i64>>,
}

impl People {
    /// Make sure that the account is there.
    ///
    /// # Errors
    /// [`ApiError::InvalidToken`] when it was deleted, [`ApiError::DatabaseUnavailable`].
    ///
    /// # Cost
    /// One look into a primary key, and another one with each new token.
    pub async fn meet(&self, db: &Db, identity: &Identity, deadline: Deadline) -> Result<(), ApiError> {
        if self.is_gone(identity.user) {
            return Err(deleted());
        }
        let stands = self.accounts.read(db, identity.user, |held, users| async move {
            user::standing(&*held, &users).await
        });
        let is_there = match deadline.database(stands).await? {
            Some(stands) => stands,
            None => matches!(first_sight(db, identity, deadline).await?, Account::Active(_)),
        };
        if is_there {
            return self.follow_address(db, identity, deadline).await;
        }
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED <= gone.len() {
            gone.clear();
        }
        gone.insert(identity.user);
        Err(deleted())
    }

    fn is_gone(&self, user: UserId) -> bool {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.contains(&user)
    }

    /// Compare the address of a new token with the one that mails go to.
    async fn follow_address(&self, db: &Db, identity: &Identity, deadline: Deadline) -> Result<(), ApiError> {
        let (Some(email), Some(issued_at)) = (&identity.email, identity.issued_at) else {
            return Ok(());
        };
        if self.has_compared(identity.user, issued_at) {
            return Ok(());
        }
        let known = deadline.database(profile::of(db.reader(), identity.user)).await?;
        if known.is_some_and(|profile| profile.email != *email) {
            let as_of = Instant::from_unix_seconds(issued_at);
            deadline
                .transaction(|| change_address(db, identity.user, email, as_of))
                .await?;
        }
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED <= compared.len() {
            compared.clear();
        }
        compared
            .entry(identity.user)
            .and_modify(|newest| *newest = issued_at.max(*newest))
            .or_insert(issued_at);
        Ok(())
    }

    /// Whether the address of a token as new as that was compared.
    fn has_compared(&self, user: UserId, issued_at: i64) -> bool {
        let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.get(&user).is_some_and(|newest| issued_at <= *newest)
    }
}

async fn change_address(db: &Db, user: UserId, email: &str, as_of: Instant) -> Result<(), DbErr> {
    let tx = db.begin_write().await?;
    // None behind a deletion's back.
    lock_client(&tx, user).await?;
    let now = db::now(&tx).await?;
    if profile::follow_address(&tx, user, email, as_of, now).await? {
        let act = Act {
            action: "profile.follow_address",
            target_kind: "user",
            target_id: user.to_string(),
            fields: &["email"],
        };
        let actor = Actor {
            id: Some(user),
            role: "system",
            request_id: None,
        };
        audit::record(&tx, &actor, act, now).await?;
        tx.commit().await?;
    }
    Ok(())
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
