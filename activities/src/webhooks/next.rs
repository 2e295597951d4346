//! `webhooks.next`: what is to be told first.

use crate::error::StepError;
use entities::{db::Db, webhook_delivery, webhook_endpoint};
use workflows::webhooks::{
    contract::{Due, NextEvent},
    rules::PING,
};

pub(super) async fn run(db: &Db, input: NextEvent) -> Result<Option<Due>, StepError> {
    let Some(row) = webhook_delivery::next(db.reader(), input.endpoint, input.session).await? else {
        return Ok(None);
    };
    let is_test = row.event_type == PING;
    let endpoint = webhook_endpoint::by_id(db.reader(), input.endpoint).await?;
    if !is_test && endpoint.is_some_and(|endpoint| !endpoint.enabled) {
        // It was disabled while the event was being written down, unless it has been enabled and told to replay since.
        let tx = db.begin_write().await?;
        let endpoint = webhook_endpoint::by_id_locked(&tx, input.endpoint).await?;
        if endpoint.is_some_and(|endpoint| !endpoint.enabled) {
            webhook_delivery::withhold(&tx, input.endpoint, Some(input.session), input.now).await?;
            tx.commit().await?;
            return Ok(None);
        }
    }
    Ok(Some(Due {
        seq: row.seq,
        attempts: row.attempts.max(0).unsigned_abs(),
        once: is_test,
    }))
}
