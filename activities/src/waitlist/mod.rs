//! The steps of a waitlist, as declared in [`workflows::waitlist::steps`]; one file a step.

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod join;
mod leave;
mod mail;
mod offer;
mod open;

use crate::{
    commands::Commands,
    error::StepError,
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    outreach::beat,
    step::{call, within_limit},
};
use entities::db::Db;
use settings::LinkKeys;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{
    sessions::contract::Mailed,
    waitlist::{
        contract::{Given, Join, Leave, OfOffer, OfferSlots, Placed, Round},
        steps::declared,
    },
};

/// What the steps on the database and on sessions' runs work with.
pub struct WaitlistActivities {
    /// The database.
    pub db: Db,
    /// Who makes meeting links.
    pub meetings: Arc<MeetingProvider>,
    /// How long a slot is offered.
    pub offer_minutes: u32,
    /// How many slots may be held for one client at a time for another one to be offered.
    pub max_holds: u32,
    /// Who tells sessions' runs.
    pub commands: Commands,
}

#[activities]
impl WaitlistActivities {
    #[activity(definition = declared::Join)]
    pub async fn join(self: Arc<Self>, _: ActivityContext, input: Given<Join>) -> Result<Placed, ActivityError> {
        within_limit("waitlist.join", join::run(&self.db, input)).await
    }

    #[activity(definition = declared::Leave)]
    pub async fn leave(self: Arc<Self>, _: ActivityContext, input: Given<Leave>) -> Result<Placed, ActivityError> {
        within_limit("waitlist.leave", leave::run(&self.db, input)).await
    }

    #[activity(definition = declared::Offer)]
    pub async fn offer(self: Arc<Self>, _: ActivityContext, input: OfferSlots) -> Result<Round, ActivityError> {
        within_limit("waitlist.offer", offer::run(&self, input)).await
    }

    #[activity(definition = declared::OpenSession)]
    pub async fn open_session(self: Arc<Self>, _: ActivityContext, input: OfOffer) -> Result<(), ActivityError> {
        call("waitlist.open_session", open::open(&self, input)).await
    }

    #[activity(definition = declared::Withdraw)]
    pub async fn withdraw(self: Arc<Self>, _: ActivityContext, input: OfOffer) -> Result<(), ActivityError> {
        call("waitlist.withdraw", open::withdraw(&self, input)).await
    }
}

/// What the mails of offers are made of and sent by.
pub struct OfferMailActivities {
    /// The database.
    pub db: Db,
    /// Who sends mail.
    pub mailer: Arc<Mailer>,
    /// Where the API is reached.
    pub public_url: String,
    /// Sign the link.
    pub links: LinkKeys,
}

#[activities]
impl OfferMailActivities {
    #[activity(definition = declared::SendOffer)]
    pub async fn send_offer(self: Arc<Self>, ctx: ActivityContext, input: OfOffer) -> Result<Mailed, ActivityError> {
        tokio::select! {
            biased;
            mailed = mail::run(&self, input) => mailed.map_err(StepError::into_activity),
            // As with every mail: what was taken and not recorded may be sent once more, under the same Message-ID.
            _ = ctx.cancelled() => Err(ActivityError::cancelled()),
            () = beat(&ctx) => Err(ActivityError::cancelled()),
        }
    }
}
