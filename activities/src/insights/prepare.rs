//! `insights.prepare_day`: what a day lacks, once.

use crate::error::StepError;
use entities::{daily_insight, db::Db};
use workflows::insights::contract::{PrepareDay, Prepared};

pub(super) async fn run(db: &Db, input: PrepareDay) -> Result<Prepared, StepError> {
    let prepared = daily_insight::prepare_day(db, input.date, input.now).await?;
    tracing::info!(
        date = %input.date,
        made = prepared.made,
        there = prepared.there,
        "prepared the insights of a day"
    );
    Ok(prepared)
}
