//! The step of the insights, as declared in [`workflows::insights::steps`].

#![expect(missing_docs, reason = "the step is documented where it is declared")]

mod prepare;

use crate::step::call;
use entities::db::Db;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::insights::{
    contract::{PrepareDay, Prepared},
    steps::declared,
};

/// What the step works with.
pub struct InsightActivities {
    /// The database.
    pub db: Db,
}

#[activities]
impl InsightActivities {
    #[activity(definition = declared::PrepareDay)]
    pub async fn prepare_day(
        self: Arc<Self>,
        _: ActivityContext,
        input: PrepareDay,
    ) -> Result<Prepared, ActivityError> {
        call("insights.prepare_day", prepare::run(&self.db, input)).await
    }
}
