//! The steps of a series, as declared in [`workflows::series::steps`].

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod reserve;
mod tell;

use crate::{
    commands::Commands,
    meetings::provider::MeetingProvider,
    step::{call, within_limit},
};
use entities::db::Db;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::series::{
    contract::{CancelSeries, OfSeries, ReserveSeries, SeriesAnswer},
    steps::declared,
};

/// What the steps work with.
pub struct SeriesActivities {
    /// The database.
    pub db: Db,
    /// Who makes meeting links.
    pub meetings: Arc<MeetingProvider>,
    /// Who tells the sessions' workflows.
    pub commands: Commands,
}

#[activities]
impl SeriesActivities {
    #[activity(definition = declared::Reserve)]
    pub async fn reserve(
        self: Arc<Self>,
        _: ActivityContext,
        input: ReserveSeries,
    ) -> Result<SeriesAnswer, ActivityError> {
        within_limit("series.reserve", reserve::run(&self.db, &self.meetings, input)).await
    }

    #[activity(definition = declared::StartSessions)]
    pub async fn start_sessions(self: Arc<Self>, _: ActivityContext, input: OfSeries) -> Result<(), ActivityError> {
        call("series.start_sessions", tell::start(&self.db, &self.commands, input)).await
    }

    #[activity(definition = declared::CancelSessions)]
    pub async fn cancel_sessions(
        self: Arc<Self>,
        _: ActivityContext,
        input: CancelSeries,
    ) -> Result<(), ActivityError> {
        call("series.cancel_sessions", tell::cancel(&self.db, &self.commands, input)).await
    }
}
