//! `webhooks.record`: what became of an attempt, and what that means to the endpoint.

use crate::error::StepError;
use entities::{
    audit::{self, Act, Actor},
    db::Db,
    webhook_delivery,
    webhook_endpoint::{self, Disabled},
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use telemetry::metrics;
use workflows::{
    ids::WebhookId,
    webhooks::contract::{Outcome, Record, Recorded},
};

pub(super) async fn run(db: &Db, input: Record) -> Result<Recorded, StepError> {
    let (status, code, gone) = match &input.outcome {
        Outcome::Delivered { status } => (Some(*status), None, false),
        Outcome::Failed { status, code, gone, .. } => (*status, Some(code.clone()), *gone),
        Outcome::Moot => return Ok(Recorded::default()),
    };
    let delivered = code.is_none();
    let ends = gone || (input.given_up && !delivered);
    let tx = db.begin_write().await?;
    // Before the delivery, as whoever changes the endpoint does; most attempts have no need to stand in line for it.
    let endpoint = if ends {
        webhook_endpoint::by_id_locked(&tx, input.endpoint).await?
    } else {
        None
    };
    let row = webhook_delivery::by_id(&tx, input.endpoint, input.session, input.due.seq).await?;
    // A repeat finds that its attempt was counted, and one that was overtaken by a replay counts for nothing.
    let Some(row) = row.filter(|row| row.is_open() && u32::try_from(row.attempts) == Ok(input.due.attempts)) else {
        return Ok(Recorded {
            disabled: endpoint.is_some_and(|endpoint| is_ours(&endpoint, &input)),
        });
    };
    let changes = webhook_delivery::ActiveModel {
        last_status: Set(status.map(i32::from)),
        last_error: Set(code),
        delivered_at: Set(delivered.then_some(input.now)),
        gave_up_at: Set(ends.then_some(input.now)),
        ..Default::default()
    };
    let row = webhook_delivery::attempted(&tx, &row, changes, input.now).await?;
    let since = row.and_then(|row| row.first_attempt_at).unwrap_or(input.now);
    let mut disabled = false;
    if endpoint.is_some_and(|endpoint| endpoint.enabled) {
        let reason = if gone {
            Some(Disabled::Gone)
        } else if input.due.once || webhook_delivery::any_delivered_since(&tx, input.endpoint, since).await? {
            None
        } else {
            Some(Disabled::Failing)
        };
        if let Some(reason) = reason {
            disable(&tx, input.endpoint, reason, &input).await?;
            disabled = true;
        }
    }
    tx.commit().await?;
    Ok(Recorded { disabled })
}

/// Whether it was this session's telling that the endpoint was disabled for, of which nobody knows yet.
fn is_ours(endpoint: &webhook_endpoint::Model, input: &Record) -> bool {
    !endpoint.enabled && endpoint.disabled_by == Some(input.session) && endpoint.notified_at.is_none()
}

async fn disable(tx: &DatabaseTransaction, id: WebhookId, reason: Disabled, input: &Record) -> Result<(), DbErr> {
    let changes = webhook_endpoint::disabled(reason, Some(input.session), input.now);
    webhook_endpoint::change(tx, id, changes, input.now).await?;
    webhook_delivery::withhold(tx, id, None, input.now).await?;
    let system = Actor {
        id: None,
        role: "system",
        request_id: None,
    };
    let act = Act {
        action: "webhook.disable",
        target_kind: "webhook",
        target_id: id.to_string(),
        fields: &["enabled"],
    };
    audit::record(tx, &system, act, input.now).await?;
    metrics::webhook("disabled");
    tracing::warn!(webhook.id = %id, reason = ?reason, "disabled webhook {id}");
    Ok(())
}
