//! The steps of a report, as declared in [`workflows::reports::steps`].

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod compute;
mod mail;

use crate::{error::StepError, mail::sender::Mailer, outreach::beat, step::call};
use entities::db::Db;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{
    reports::{contract::OfReport, steps::declared},
    sessions::contract::Mailed,
};

/// What the step on the database works with.
pub struct ReportActivities {
    /// The database.
    pub db: Db,
}

#[activities]
impl ReportActivities {
    #[activity(definition = declared::Compute)]
    pub async fn compute(self: Arc<Self>, _: ActivityContext, input: OfReport) -> Result<(), ActivityError> {
        call("reports.compute", compute::run(&self.db, input)).await
    }
}

/// What the mail of a report is made of and sent by.
pub struct ReportMailActivities {
    /// The database.
    pub db: Db,
    /// Who sends mail.
    pub mailer: Arc<Mailer>,
    /// To whom.
    pub recipients: Vec<String>,
}

#[activities]
impl ReportMailActivities {
    #[activity(definition = declared::SendReport)]
    pub async fn send_report(self: Arc<Self>, ctx: ActivityContext, input: OfReport) -> Result<Mailed, ActivityError> {
        tokio::select! {
            biased;
            mailed = mail::run(&self, input) => mailed.map_err(StepError::into_activity),
            // As with every mail: what was taken and not recorded may be sent once more, under the same Message-ID.
            _ = ctx.cancelled() => Err(ActivityError::cancelled()),
            () = beat(&ctx) => Err(ActivityError::cancelled()),
        }
    }
}
