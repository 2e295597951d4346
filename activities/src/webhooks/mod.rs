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
use std::sync::Arc;
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

#[activities]
impl WebhookOutreachActivities {
    #[activity(definition = declared::DeliverWebhook)]
    pub async fn deliver_webhook(
        self: Arc<Self>,
        _: ActivityContext,
        input: Attempt,
    ) -> Result<Outcome, ActivityError> {
        call("outreach.deliver_webhook", deliver::run(&self, input)).await
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
