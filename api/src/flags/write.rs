//! Changing flags.

use super::wire::{FlagRequest, FlagView};
use crate::{error::ApiError, http::deadline::Deadline, state::State};
use entities::{
    audit::{self, Act, Actor, changed_fields},
    db, feature_flag,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use workflows::time::Instant;

/// As often is a change tried anew that somebody else's came before.
const ATTEMPTS: usize = 3;

/// Have a flag be so, whether it was there or not; `seen` is the version that the caller has seen, when that matters to
/// them.
///
/// What is so already is not changed, and keeps its version. This process knows at once, others within their period.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for what is no name, [`ApiError::VersionMismatch`].
pub async fn put(
    state: &State,
    name: &str,
    wanted: FlagRequest,
    seen: Option<i32>,
    actor: &Actor,
    deadline: Deadline,
) -> Result<FlagView, ApiError> {
    let wanted = wanted.into_row(named(name)?);
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        let written = write(&tx, &wanted, seen, actor).await?;
        if written.is_ok() {
            tx.commit().await?;
        }
        Ok(written)
    });
    let row = written.await??;
    look_again(state, deadline).await;
    Ok(row.into())
}

async fn write(
    tx: &DatabaseTransaction,
    wanted: &feature_flag::Model,
    seen: Option<i32>,
    actor: &Actor,
) -> Result<Result<feature_flag::Model, ApiError>, DbErr> {
    let now = db::now(tx).await?;
    for _ in 0..ATTEMPTS {
        let before = feature_flag::by_name(tx, &wanted.name).await?;
        if seen.is_some_and(|seen| before.as_ref().map(|row| row.version) != Some(seen)) {
            return Ok(Err(ApiError::VersionMismatch));
        }
        let Some(before) = before else {
            let row = feature_flag::Model {
                created_at: now,
                updated_at: now,
                ..wanted.clone()
            };
            if !feature_flag::insert(tx, row.clone()).await? {
                continue;
            }
            let fields = ["enabled", "percentage", "users", "description"];
            record(tx, actor, "feature_flag.put", &row.name, &fields, now).await?;
            return Ok(Ok(row));
        };
        let wanted = feature_flag::Model {
            created_at: before.created_at,
            ..wanted.clone()
        };
        let fields = changed_fields(&before, &wanted);
        if fields.is_empty() {
            return Ok(Ok(before));
        }
        let changes = feature_flag::ActiveModel {
            enabled: Set(wanted.enabled),
            percentage: Set(wanted.percentage),
            users: Set(wanted.users),
            description: Set(wanted.description),
            ..Default::default()
        };
        if let Some(row) = feature_flag::change(tx, &before.name, before.version, changes, now).await? {
            record(tx, actor, "feature_flag.put", &row.name, &fields, now).await?;
            return Ok(Ok(row));
        }
    }
    Ok(Err(ApiError::VersionMismatch))
}

/// Remove a flag; one that is not there stays away. What the code asks about has its own word then.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for what is no name.
pub async fn delete(state: &State, name: &str, actor: &Actor, deadline: Deadline) -> Result<(), ApiError> {
    let name = named(name)?;
    let deleted = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        if feature_flag::delete(&tx, &name).await? {
            let now = db::now(&tx).await?;
            record(&tx, actor, "feature_flag.delete", &name, &[], now).await?;
            tx.commit().await?;
        }
        Ok(())
    });
    deleted.await?;
    look_again(state, deadline).await;
    Ok(())
}

/// The change is made; that it is not seen here at once is no reason to say otherwise.
async fn look_again(state: &State, deadline: Deadline) {
    if let Err(error) = deadline.database(state.flags.refresh(&state.db)).await {
        tracing::warn!(error = %error, "a change of the feature flags is seen with the next look");
    }
}

/// A name such as `reviews_open`.
fn named(name: &str) -> Result<String, ApiError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(name.to_owned());
    }
    Err(ApiError::invalid(
        "name",
        "must be 1 to 64 lower-case letters, digits and underscores",
    ))
}

async fn record(
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    name: &str,
    fields: &[&str],
    now: Instant,
) -> Result<(), DbErr> {
    let act = Act {
        action,
        target_kind: "feature_flag",
        target_id: name.to_owned(),
        fields,
    };
    audit::record(tx, actor, act, now).await
}
