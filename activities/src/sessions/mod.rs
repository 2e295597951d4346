//! The steps of a session, as declared in [`workflows::sessions::steps`]; one file a step.

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod amend;
mod cancel;
mod close;
mod complete;
mod confirm;
mod confirm_hold;
mod drop_mail;
mod expire;
mod fail;
mod meeting;
mod no_show;
mod reschedule;
pub mod reserve;
pub(crate) mod slot;
mod take_over_profile;
pub(crate) mod transition;

use crate::{
    meetings::provider::MeetingProvider,
    step::{call, within_limit},
};
use entities::db::Db;
use settings::Sealer;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::sessions::{
    contract::{
        Amend, Answer, Cancel, Confirm, ConfirmHold, DropMail, Fail, Given, Meeting, NoShow, OfSession, ProfileChanged,
        RemoveMeeting, Reschedule, Reserve, Standing,
    },
    steps::declared,
};

/// What the steps work with.
pub struct SessionActivities {
    /// The database.
    pub db: Db,
    /// Who makes meeting links.
    pub meetings: Arc<MeetingProvider>,
    /// How many slots one client may hold at a time.
    pub max_holds: u32,
    /// Seals links on their way through the engine.
    pub sealer: Sealer,
}

#[activities]
impl SessionActivities {
    #[activity(definition = declared::Reserve)]
    pub async fn reserve(self: Arc<Self>, _: ActivityContext, input: Reserve) -> Result<Answer, ActivityError> {
        within_limit(
            "sessions.reserve",
            reserve::run(&self.db, &self.meetings, self.max_holds, input),
        )
        .await
    }

    #[activity(definition = declared::CreateMeeting)]
    pub async fn create_meeting(
        self: Arc<Self>,
        _: ActivityContext,
        input: OfSession,
    ) -> Result<Meeting, ActivityError> {
        call(
            "sessions.create_meeting",
            meeting::create(&self.db, &self.meetings, &self.sealer, input),
        )
        .await
    }

    #[activity(definition = declared::RemoveMeeting)]
    pub async fn remove_meeting(
        self: Arc<Self>,
        _: ActivityContext,
        input: RemoveMeeting,
    ) -> Result<(), ActivityError> {
        call(
            "sessions.remove_meeting",
            meeting::remove(&self.db, &self.meetings, input),
        )
        .await
    }

    #[activity(definition = declared::Confirm)]
    pub async fn confirm(self: Arc<Self>, _: ActivityContext, input: Confirm) -> Result<Standing, ActivityError> {
        within_limit(
            "sessions.confirm",
            confirm::run(&self.db, &self.meetings, &self.sealer, input),
        )
        .await
    }

    #[activity(definition = declared::Fail)]
    pub async fn fail(self: Arc<Self>, _: ActivityContext, input: Fail) -> Result<Standing, ActivityError> {
        within_limit("sessions.fail", fail::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Cancel)]
    pub async fn cancel(self: Arc<Self>, _: ActivityContext, input: Given<Cancel>) -> Result<Answer, ActivityError> {
        within_limit("sessions.cancel", cancel::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::ConfirmHold)]
    pub async fn confirm_hold(
        self: Arc<Self>,
        _: ActivityContext,
        input: Given<ConfirmHold>,
    ) -> Result<Answer, ActivityError> {
        within_limit(
            "sessions.confirm_hold",
            confirm_hold::run(&self.db, &self.meetings, input),
        )
        .await
    }

    #[activity(definition = declared::Expire)]
    pub async fn expire(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<Standing, ActivityError> {
        within_limit("sessions.expire", expire::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Reschedule)]
    pub async fn reschedule(
        self: Arc<Self>,
        _: ActivityContext,
        input: Given<Reschedule>,
    ) -> Result<Answer, ActivityError> {
        within_limit("sessions.reschedule", reschedule::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Amend)]
    pub async fn amend(self: Arc<Self>, _: ActivityContext, input: Given<Amend>) -> Result<Answer, ActivityError> {
        within_limit("sessions.amend", amend::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::NoShow)]
    pub async fn no_show(self: Arc<Self>, _: ActivityContext, input: Given<NoShow>) -> Result<Answer, ActivityError> {
        within_limit("sessions.no_show", no_show::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::TakeOverProfile)]
    pub async fn take_over_profile(
        self: Arc<Self>,
        _: ActivityContext,
        input: Given<ProfileChanged>,
    ) -> Result<Standing, ActivityError> {
        within_limit(
            "sessions.take_over_profile",
            take_over_profile::run(&self.db, &self.meetings, input),
        )
        .await
    }

    #[activity(definition = declared::Close)]
    pub async fn close(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<(), ActivityError> {
        within_limit("sessions.close", close::run(&self.db, input)).await
    }

    #[activity(definition = declared::Complete)]
    pub async fn complete(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<Standing, ActivityError> {
        within_limit("sessions.complete", complete::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::DropMail)]
    pub async fn drop_mail(self: Arc<Self>, _: ActivityContext, input: DropMail) -> Result<(), ActivityError> {
        within_limit("sessions.drop_mail", drop_mail::run(&self.db, input)).await
    }
}
