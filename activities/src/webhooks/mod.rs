//! The steps of webhooks, as declared in [`workflows::webhooks::steps`]; one file a step.
//!
//! [`payload`] is what is told, `signature` how the receiver knows that it is from us.

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod deliver;
pub mod line;
mod next;
pub mod payload;
mod record;
pub mod signature;
mod tell;

use crate::{
    error::StepError,
    mail::sender::Mailer,
    outreach::beat,
    outside::Outside,
    step::{call, within_limit},
};
use entities::db::Db;
use line::Line;
use settings::Sealer;
use std::{sync::Arc, time::Duration};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::webhooks::{
    contract::{Attempt, Due, NextEvent, Outcome, Record, Recorded, TellDisabled},
    steps::declared,
};

/// What the steps on the database work with.
pub struct WebhookActivities {
    /// The database.
    pub db: Db,
}

#[activities]
impl WebhookActivities {
    #[activity(definition = declared::Next)]
    pub async fn next(self: Arc<Self>, _: ActivityContext, input: NextEvent) -> Result<Option<Due>, ActivityError> {
        within_limit("webhooks.next", next::run(&self.db, input)).await
    }

    #[activity(definition = declared::Record)]
    pub async fn record(self: Arc<Self>, _: ActivityContext, input: Record) -> Result<Recorded, ActivityError> {
        within_limit("webhooks.record", record::run(&self.db, input)).await
    }
}

/// What endpoints are told by.
pub struct WebhookOutreachActivities {
    /// The database.
    pub db: Db,
    /// Who calls addresses that others chose.
    pub outside: Outside,
    /// Opens the endpoints' secrets.
    pub sealer: Sealer,
    /// Who sends mail.
    pub mailer: Arc<Mailer>,
    /// The calls that are under way.
    pub line: Line,
}

/// How long an attempt may take with all that belongs to it: less than the engine waits for it.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(25);

#[activities]
impl WebhookOutreachActivities {
    #[activity(definition = declared::DeliverWebhook)]
    pub async fn deliver_webhook(
        self: Arc<Self>,
        _: ActivityContext,
        input: Attempt,
    ) -> Result<Outcome, ActivityError> {
        // An attempt that the engine has given up must not tell anything after the one that followed it.
        let attempt = async {
            let told = tokio::time::timeout(ATTEMPT_LIMIT, deliver::run(&self, input)).await;
            told.unwrap_or_else(|late| {
                Err(StepError::Passing {
                    code: "webhook_late",
                    source: late.into(),
                })
            })
        };
        call("outreach.deliver_webhook", attempt).await
    }

    #[activity(definition = declared::TellDisabled)]
    pub async fn tell_disabled(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: TellDisabled,
    ) -> Result<(), ActivityError> {
        tokio::select! {
            biased;
            told = tell::run(&self, input) => told.map_err(StepError::into_activity),
            // As with every mail: what was taken and not recorded may be sent once more, under the same Message-ID.
            _ = ctx.cancelled() => Err(ActivityError::cancelled()),
            () = beat(&ctx) => Err(ActivityError::cancelled()),
        }
    }
}
