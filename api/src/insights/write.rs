//! Editing the library of insights.

use super::wire::{TextRequest, TextView};
use crate::{
    error::{ApiError, Thing},
    http::deadline::Deadline,
};
use entities::{
    audit::{self, Act, Actor},
    db::{self, Db},
    insight_text,
};
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;
use workflows::{ids::InsightTextId, sessions::error::SessionError, time::Instant};

/// Add a text.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn add(db: &Db, actor: &Actor, said: TextRequest, deadline: Deadline) -> Result<TextView, ApiError> {
    let now = deadline.database(db::now(db.reader())).await?;
    let row = said.into_row(InsightTextId(Uuid::now_v7()), now);
    deadline
        .transaction(|| async {
            let tx = db.begin_write().await?;
            insight_text::insert(&tx, row.clone()).await?;
            let fields = ["language", "sign", "title", "text", "active"];
            record(&tx, actor, "insight_text.create", row.id, &fields, now).await?;
            tx.commit().await
        })
        .await?;
    Ok(row.into())
}

/// Put another text in the place of one.
///
/// # Errors
/// [`ApiError::NotFound`], or the refusal `version_mismatch`.
pub async fn replace(
    db: &Db,
    actor: &Actor,
    id: InsightTextId,
    seen: Option<i32>,
    said: TextRequest,
    deadline: Deadline,
) -> Result<TextView, ApiError> {
    let now = deadline.database(db::now(db.reader())).await?;
    let row = said.into_row(id, now);
    let replaced = deadline.transaction(|| async {
        let tx = db.begin_write().await?;
        let Some(before) = insight_text::locked(&tx, id).await? else {
            return Ok(Err(ApiError::NotFound(Thing::InsightText)));
        };
        if seen.is_some_and(|version| version != before.version) {
            return Ok(Err(ApiError::refused(SessionError::VersionMismatch)));
        }
        let fields = changed(&before, &row);
        if fields.is_empty() {
            return Ok(Ok(before));
        }
        let after = insight_text::replace(&tx, row.clone(), now).await?;
        record(&tx, actor, "insight_text.update", id, &fields, now).await?;
        tx.commit().await?;
        Ok(after.ok_or(ApiError::NotFound(Thing::InsightText)))
    });
    replaced.await?.map(TextView::from)
}

/// Remove a text; what it was.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn remove(db: &Db, actor: &Actor, id: InsightTextId, deadline: Deadline) -> Result<TextView, ApiError> {
    let now = deadline.database(db::now(db.reader())).await?;
    let removed = deadline.transaction(|| async {
        let tx = db.begin_write().await?;
        let Some(before) = insight_text::locked(&tx, id).await? else {
            return Ok(None);
        };
        insight_text::delete(&tx, id, now).await?;
        record(&tx, actor, "insight_text.delete", id, &[], now).await?;
        tx.commit().await?;
        Ok(Some(before))
    });
    let removed = removed.await?.ok_or(ApiError::NotFound(Thing::InsightText))?;
    Ok(removed.into())
}

/// The names of the fields that are others.
fn changed(before: &insight_text::Model, after: &insight_text::Model) -> Vec<&'static str> {
    let insight_text::Model {
        id: _,
        language,
        sign,
        title,
        text,
        active,
        version: _,
        created_at: _,
        updated_at: _,
    } = before;
    let fields = [
        ("language", *language != after.language),
        ("sign", *sign != after.sign),
        ("title", *title != after.title),
        ("text", *text != after.text),
        ("active", *active != after.active),
    ];
    let changed = fields.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

async fn record(
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    id: InsightTextId,
    fields: &[&str],
    now: Instant,
) -> Result<(), DbErr> {
    let act = Act {
        action,
        target_kind: "insight_text",
        target_id: id.to_string(),
        fields,
    };
    audit::record(tx, actor, act, now).await
}
