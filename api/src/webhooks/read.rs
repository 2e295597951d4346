//! What the database says about webhooks.

use super::wire::{DeliveryList, DeliveryView, WebhookList, WebhookView};
use crate::{
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
};
use entities::{db::Db, webhook_delivery, webhook_endpoint};
use workflows::ids::WebhookId;

/// The list that cursors of webhooks belong to.
const LIST: &str = "webhooks";

/// A page of all, oldest first.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(db: &Db, limit: Limit, cursor: Option<&str>, deadline: Deadline) -> Result<WebhookList, ApiError> {
    let after = page::after(LIST, cursor)?;
    let rows = webhook_endpoint::page(db.reader(), after, limit.0 + 1);
    let rows = deadline.database(rows).await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &(row.created_at, row.id)));
    Ok(WebhookList {
        items: rows.into_iter().map(WebhookView::from).collect(),
        next_cursor,
    })
}

/// One of them.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn one(db: &Db, id: WebhookId, deadline: Deadline) -> Result<WebhookView, ApiError> {
    let found = deadline.database(webhook_endpoint::by_id(db.reader(), id)).await?;
    found.map(WebhookView::from).ok_or(ApiError::NotFound(Thing::Webhook))
}

/// A page of what one is told, newest first; of what it could not be told when `failed`.
///
/// # Errors
/// [`ApiError::NotFound`], or [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn deliveries(
    db: &Db,
    id: WebhookId,
    failed: bool,
    limit: Limit,
    cursor: Option<&str>,
    deadline: Deadline,
) -> Result<DeliveryList, ApiError> {
    let list = format!("deliveries/{id}/{failed}");
    let after = page::after(&list, cursor)?;
    one(db, id, deadline).await?;
    let rows = webhook_delivery::page(db.reader(), id, failed, after, limit.0 + 1);
    let rows = deadline.database(rows).await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| {
        page::cursor(&list, &(row.at, row.session_id, row.seq))
    });
    Ok(DeliveryList {
        items: rows.into_iter().map(DeliveryView::from).collect(),
        next_cursor,
    })
}
