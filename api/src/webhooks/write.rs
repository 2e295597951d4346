//! Changing webhooks: plain records, each change in one transaction with what is put on record of it.

use super::wire::{ReplayRequest, ReplayView, TestView, WebhookChange, WebhookRequest, WebhookView, WebhookWithSecret};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::{ApiError, FieldError, Thing},
    http::deadline::Deadline,
    state::State,
};
use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_STANDARD};
use entities::{
    audit::{self, Act, Actor},
    column::{Sealed, Words},
    db::{self, Db},
    webhook_delivery,
    webhook_endpoint::{self, Disabled},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction, DbErr,
};
use settings::Reach;
use url::Url;
use uuid::Uuid;
use workflows::{
    ids::{SessionId, WebhookId},
    time::Instant,
    webhooks::contract::event_id,
};

/// How long the secret before a rotation is good: 24 hours.
const ROTATION_MINUTES: i64 = 24 * 60;
/// As many events are replayed at once.
const REPLAYED: u64 = 10_000;

/// Who asks, and until when they wait.
pub struct Asking<'a> {
    /// What requests share.
    pub state: &'a State,
    /// The administrator.
    pub caller: &'a Caller,
    /// The request.
    pub request_id: RequestId,
    /// When it must have been answered.
    pub deadline: Deadline,
}

impl Asking<'_> {
    fn actor(&self) -> Actor {
        self.caller.acting("admin", &self.request_id)
    }

    async fn now(&self) -> Result<Instant, ApiError> {
        self.deadline.database(db::now(self.state.db.reader())).await
    }
}

/// A webhook that nobody else changes until the transaction ends; nothing where there is none.
async fn locked(db: &Db, id: WebhookId) -> Result<Option<(DatabaseTransaction, webhook_endpoint::Model)>, DbErr> {
    let tx = db.begin_write().await?;
    let row = webhook_endpoint::by_id_locked(&tx, id).await?;
    Ok(row.map(|row| (tx, row)))
}

async fn put_on_record(
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    id: WebhookId,
    fields: &[&str],
    now: Instant,
) -> Result<(), DbErr> {
    let act = Act {
        action,
        target_kind: "webhook",
        target_id: id.to_string(),
        fields,
    };
    audit::record(tx, actor, act, now).await
}

/// Have somebody told from now on.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for an address that is not called, or without anybody to write to.
pub async fn create(asking: &Asking<'_>, wanted: WebhookRequest) -> Result<WebhookWithSecret, ApiError> {
    let WebhookRequest {
        url,
        description,
        event_types,
        notify_email,
    } = wanted;
    callable(asking.state.reach, &url)?;
    let notify_email = notify_email.or_else(|| asking.caller.email.clone()).ok_or_else(|| {
        let message = "is required, because the caller's token has no address";
        ApiError::InvalidRequest(vec![FieldError::new("notify_email", "missing", message)])
    })?;
    let now = asking.now().await?;
    let id = WebhookId(Uuid::now_v7());
    let (shown, sealed) = secret(asking.state, id)?;
    let row = webhook_endpoint::Model {
        id,
        url,
        description: description.unwrap_or_default(),
        event_types: Words(event_types.unwrap_or_default()),
        notify_email,
        enabled: true,
        disabled_at: None,
        disabled_reason: None,
        disabled_by: None,
        notified_at: None,
        secret: sealed,
        previous_secret: None,
        previous_secret_until: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let actor = asking.actor();
    let stored = asking.deadline.transaction(|| async {
        let tx = asking.state.db.begin_write().await?;
        webhook_endpoint::insert(&tx, row.clone()).await?;
        let fields = ["url", "description", "event_types", "notify_email"];
        put_on_record(&tx, &actor, "webhook.create", id, &fields, now).await?;
        tx.commit().await
    });
    stored.await?;
    Ok(WebhookWithSecret {
        webhook: row.into(),
        secret: shown,
    })
}

/// Change one.
///
/// # Errors
/// [`ApiError::NotFound`], or [`ApiError::InvalidRequest`] for an address that is not called.
pub async fn update(asking: &Asking<'_>, id: WebhookId, wanted: WebhookChange) -> Result<WebhookView, ApiError> {
    if let Some(url) = &wanted.url {
        callable(asking.state.reach, url)?;
    }
    let now = asking.now().await?;
    let actor = asking.actor();
    let changed = asking.deadline.transaction(|| async {
        let Some((tx, mut row)) = locked(&asking.state.db, id).await? else {
            return Ok(None);
        };
        let (changes, fields) = changes(&wanted, &row, now);
        if !fields.is_empty() {
            row = webhook_endpoint::change(&tx, id, changes, now).await?;
            if !row.enabled {
                webhook_delivery::withhold(&tx, id, None, now).await?;
            }
            put_on_record(&tx, &actor, "webhook.update", id, &fields, now).await?;
            tx.commit().await?;
        }
        Ok(Some(row))
    });
    found(changed.await?).map(WebhookView::from)
}

/// The columns that `wanted` changes, and their names.
fn changes(
    wanted: &WebhookChange,
    row: &webhook_endpoint::Model,
    now: Instant,
) -> (webhook_endpoint::ActiveModel, Vec<&'static str>) {
    let mut fields = Vec::new();
    let mut columns = match wanted.enabled {
        Some(true) if !row.enabled => {
            fields.push("enabled");
            webhook_endpoint::enabled()
        }
        Some(false) if row.enabled => {
            fields.push("enabled");
            webhook_endpoint::disabled(Disabled::ByAdmin, None, now)
        }
        _ => webhook_endpoint::ActiveModel::default(),
    };
    let mut text = |name: &'static str, wanted: &Option<String>, is: &String| match wanted {
        Some(wanted) if wanted != is => {
            fields.push(name);
            Set(wanted.clone())
        }
        _ => NotSet,
    };
    columns.url = text("url", &wanted.url, &row.url);
    columns.description = text("description", &wanted.description, &row.description);
    columns.notify_email = text("notify_email", &wanted.notify_email, &row.notify_email);
    if let Some(types) = wanted.event_types.as_ref().filter(|types| **types != row.event_types.0) {
        fields.push("event_types");
        columns.event_types = Set(Words(types.clone()));
    }
    (columns, fields)
}

/// Remove one, with all that it was told and was yet to be told.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn remove(asking: &Asking<'_>, id: WebhookId) -> Result<(), ApiError> {
    let now = asking.now().await?;
    let actor = asking.actor();
    let removed = asking.deadline.transaction(|| async {
        let tx = asking.state.db.begin_write().await?;
        if webhook_endpoint::by_id_to_remove(&tx, id).await?.is_none() {
            return Ok(None);
        }
        webhook_delivery::delete(&tx, id, now).await?;
        webhook_endpoint::delete(&tx, id).await?;
        put_on_record(&tx, &actor, "webhook.delete", id, &[], now).await?;
        tx.commit().await?;
        Ok(Some(()))
    });
    found(removed.await?)
}

/// Give one another secret; the one before signs as well for 24 hours.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn rotate(asking: &Asking<'_>, id: WebhookId) -> Result<WebhookWithSecret, ApiError> {
    let now = asking.now().await?;
    let (shown, sealed) = secret(asking.state, id)?;
    let actor = asking.actor();
    let rotated = asking.deadline.transaction(|| async {
        let Some((tx, row)) = locked(&asking.state.db, id).await? else {
            return Ok(None);
        };
        let changes = webhook_endpoint::ActiveModel {
            secret: Set(sealed.clone()),
            previous_secret: Set(Some(row.secret)),
            previous_secret_until: Set(Some(now.plus_minutes(ROTATION_MINUTES))),
            ..Default::default()
        };
        let row = webhook_endpoint::change(&tx, id, changes, now).await?;
        put_on_record(&tx, &actor, "webhook.rotate_secret", id, &["secret"], now).await?;
        tx.commit().await?;
        Ok(Some(row))
    });
    Ok(WebhookWithSecret {
        webhook: found(rotated.await?)?.into(),
        secret: shown,
    })
}

/// Have one told again; what it missed is told when it is replayed.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn enable(asking: &Asking<'_>, id: WebhookId) -> Result<WebhookView, ApiError> {
    let now = asking.now().await?;
    let actor = asking.actor();
    let enabled = asking.deadline.transaction(|| async {
        let Some((tx, mut row)) = locked(&asking.state.db, id).await? else {
            return Ok(None);
        };
        if !row.enabled {
            row = webhook_endpoint::change(&tx, id, webhook_endpoint::enabled(), now).await?;
            put_on_record(&tx, &actor, "webhook.enable", id, &["enabled"], now).await?;
            tx.commit().await?;
        }
        Ok(Some(row))
    });
    found(enabled.await?).map(WebhookView::from)
}

/// Have one told once more, under the same ids.
///
/// # Errors
/// [`ApiError::NotFound`], [`ApiError::WebhookDisabled`], or [`ApiError::InvalidRequest`] where that is too much.
pub async fn replay(asking: &Asking<'_>, id: WebhookId, wanted: ReplayRequest) -> Result<ReplayView, ApiError> {
    let ReplayRequest { session_id, since } = wanted;
    let what = webhook_delivery::Replay {
        session: session_id.map(SessionId),
        since: since.map(|since| since.0),
    };
    let now = asking.now().await?;
    let actor = asking.actor();
    let replayed = asking.deadline.transaction(|| async {
        let Some((tx, row)) = locked(&asking.state.db, id).await? else {
            return Ok(Err(ApiError::NotFound(Thing::Webhook)));
        };
        if !row.enabled {
            return Ok(Err(ApiError::WebhookDisabled));
        }
        let Some(n) = webhook_delivery::replay(&tx, id, what, REPLAYED, now).await? else {
            let message = format!("has more than {REPLAYED} events; ask for fewer at a time");
            return Ok(Err(ApiError::invalid("since", message)));
        };
        put_on_record(&tx, &actor, "webhook.replay", id, &[], now).await?;
        tx.commit().await?;
        Ok(Ok(n))
    });
    Ok(ReplayView {
        events: u64::try_from(replayed.await??).unwrap_or(u64::MAX),
    })
}

/// Have one called without anything having happened, enabled or not, once.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn test(asking: &Asking<'_>, id: WebhookId) -> Result<TestView, ApiError> {
    let now = asking.now().await?;
    let call = SessionId(Uuid::new_v4());
    let actor = asking.actor();
    let asked = asking.deadline.transaction(|| async {
        let Some((tx, _)) = locked(&asking.state.db, id).await? else {
            return Ok(None);
        };
        webhook_delivery::ping(&tx, id, call, now).await?;
        put_on_record(&tx, &actor, "webhook.test", id, &[], now).await?;
        tx.commit().await?;
        Ok(Some(()))
    });
    found(asked.await?)?;
    Ok(TestView {
        webhook_id: event_id(call, 1),
    })
}

fn found<T>(row: Option<T>) -> Result<T, ApiError> {
    row.ok_or(ApiError::NotFound(Thing::Webhook))
}

fn callable(reach: Reach, url: &str) -> Result<(), ApiError> {
    let url = Url::parse(url).map_err(|error| ApiError::invalid("url", error.to_string()))?;
    reach
        .check(&url)
        .map_err(|refused| ApiError::invalid("url", refused.to_string()))
}

/// A fresh secret, as it is shown and as it is stored.
fn secret(state: &State, id: WebhookId) -> Result<(String, Sealed), ApiError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the system has no randomness"))?;
    let sealed = Sealed(state.sealer.seal(id.0, &bytes));
    Ok((format!("whsec_{}", BASE64_STANDARD.encode(bytes)), sealed))
}
