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
pub(crate) mod reserve;
pub(crate) mod slot;
mod take_over_profile;
pub(crate) mod transition;

use crate::{
    crash::{self, Point},
    error::StepError,
    meetings::provider::MeetingProvider,
};
use entities::db::Db;
use std::{future::Future, sync::Arc, time::Duration};
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
}

/// Less than the attempt's 4 s: a transaction given up here is rolled back before the engine begins another attempt,
/// so that none commits behind the back of one that has refused since.
const TRANSACTION_LIMIT: Duration = Duration::from_millis(3_500);

#[activities]
impl SessionActivities {
    #[activity(definition = declared::Reserve)]
    pub async fn reserve(self: Arc<Self>, _: ActivityContext, input: Reserve) -> Result<Answer, ActivityError> {
        step(
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
            meeting::create(&self.db, &self.meetings, input),
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
        step("sessions.confirm", confirm::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Fail)]
    pub async fn fail(self: Arc<Self>, _: ActivityContext, input: Fail) -> Result<Standing, ActivityError> {
        step("sessions.fail", fail::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Cancel)]
    pub async fn cancel(self: Arc<Self>, _: ActivityContext, input: Given<Cancel>) -> Result<Answer, ActivityError> {
        step("sessions.cancel", cancel::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::ConfirmHold)]
    pub async fn confirm_hold(
        self: Arc<Self>,
        _: ActivityContext,
        input: Given<ConfirmHold>,
    ) -> Result<Answer, ActivityError> {
        step(
            "sessions.confirm_hold",
            confirm_hold::run(&self.db, &self.meetings, input),
        )
        .await
    }

    #[activity(definition = declared::Expire)]
    pub async fn expire(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<Standing, ActivityError> {
        step("sessions.expire", expire::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Reschedule)]
    pub async fn reschedule(
        self: Arc<Self>,
        _: ActivityContext,
        input: Given<Reschedule>,
    ) -> Result<Answer, ActivityError> {
        step("sessions.reschedule", reschedule::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::Amend)]
    pub async fn amend(self: Arc<Self>, _: ActivityContext, input: Given<Amend>) -> Result<Answer, ActivityError> {
        step("sessions.amend", amend::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::NoShow)]
    pub async fn no_show(self: Arc<Self>, _: ActivityContext, input: Given<NoShow>) -> Result<Answer, ActivityError> {
        step("sessions.no_show", no_show::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::TakeOverProfile)]
    pub async fn take_over_profile(
        self: Arc<Self>,
        _: ActivityContext,
        input: Given<ProfileChanged>,
    ) -> Result<Standing, ActivityError> {
        step(
            "sessions.take_over_profile",
            take_over_profile::run(&self.db, &self.meetings, input),
        )
        .await
    }

    #[activity(definition = declared::Close)]
    pub async fn close(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<(), ActivityError> {
        step("sessions.close", close::run(&self.db, input)).await
    }

    #[activity(definition = declared::Complete)]
    pub async fn complete(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<Standing, ActivityError> {
        step("sessions.complete", complete::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::DropMail)]
    pub async fn drop_mail(self: Arc<Self>, _: ActivityContext, input: DropMail) -> Result<(), ActivityError> {
        step("sessions.drop_mail", drop_mail::run(&self.db, input)).await
    }
}

/// A step on the database, within its limit.
pub(crate) async fn step<T>(name: &str, work: impl Future<Output = Result<T, StepError>>) -> Result<T, ActivityError> {
    let limited = async {
        tokio::time::timeout(TRANSACTION_LIMIT, work).await.unwrap_or_else(|_| {
            Err(StepError::Passing {
                code: "database_slow",
                source: anyhow::anyhow!("no commit in time"),
            })
        })
    };
    call(name, limited).await
}

/// A step, between its crash points.
pub(crate) async fn call<T>(name: &str, work: impl Future<Output = Result<T, StepError>>) -> Result<T, ActivityError> {
    crash::point(name, Point::Before);
    let output = work.await.map_err(StepError::into_activity)?;
    crash::point(name, Point::AfterEffect);
    Ok(output)
}
