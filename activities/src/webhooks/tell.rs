//! `outreach.tell_disabled`: one mail to whoever looks after a disabled endpoint.

use super::WebhookOutreachActivities;
use crate::{
    crash::{self, Point},
    error::StepError,
    mail::{
        notice::Notice,
        sender::{MailError, Outcome},
    },
};
use entities::webhook_endpoint::{self, Disabled};
use workflows::webhooks::contract::TellDisabled;

/// The step, as crash points know it.
const STEP: &str = "outreach.tell_disabled";

pub(super) async fn run(activities: &WebhookOutreachActivities, input: TellDisabled) -> Result<(), StepError> {
    crash::point(STEP, Point::Before);
    let endpoint = webhook_endpoint::by_id(activities.db.reader(), input.endpoint).await?;
    // Removed, or enabled again: there is nothing to tell.
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.notified_at.is_none()) else {
        return Ok(());
    };
    let (Some(reason), Some(at)) = (endpoint.disabled_reason, endpoint.disabled_at) else {
        return Ok(());
    };
    let notice = notice(&endpoint, reason, at.unix_seconds(), input);
    let id = endpoint.id;
    match activities.mailer.notify(&notice).await {
        Ok(Outcome::Sent | Outcome::Skipped) => {}
        Err(error @ (MailError::Refused { .. } | MailError::BadAddress)) => {
            tracing::warn!(webhook.id = %id, error = %error, "nobody could be told that webhook {id} is disabled");
        }
        Err(error @ (MailError::Unavailable { .. } | MailError::Unwritable(_))) => {
            return Err(StepError::Passing {
                code: "mail_server_unavailable",
                source: error.into(),
            });
        }
    }
    crash::point(STEP, Point::AfterEffect);
    let tx = activities.db.begin_write().await?;
    webhook_endpoint::notified(&tx, id, at).await?;
    tx.commit().await?;
    Ok(())
}

fn notice(endpoint: &webhook_endpoint::Model, reason: Disabled, version: i64, input: TellDisabled) -> Notice {
    let because = match reason {
        Disabled::Gone => "It answered 410 Gone.",
        Disabled::Failing => "Nothing reached it for three days.",
        Disabled::ByAdmin => "An administrator wanted it so.",
    };
    let text = format!(
        "Hello,\n\nthe webhook at {url} is told nothing any more. {because}\n\n\
         What happened meanwhile is kept for {days} days. When the receiver works again, enable the webhook and replay \
         what was missed:\n\n  POST /api/admin/webhooks/{id}/enable\n  POST /api/admin/webhooks/{id}/replay\n",
        url = endpoint.url,
        days = entities::webhook_delivery::KEPT_DAYS,
        id = endpoint.id,
    );
    Notice {
        kind: "webhook_disabled",
        // An endpoint may be disabled again, which is another mail.
        about: format!("{}.{version}", endpoint.id),
        to: endpoint.notify_email.clone(),
        subject: "A webhook was disabled".to_owned(),
        text,
        at: input.now,
    }
}
