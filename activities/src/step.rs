//! What every step of our own runs in: its crash points, and a limit for what it does in the database.

use crate::{
    crash::{self, Point},
    error::StepError,
};
use std::{future::Future, time::Duration};
use telemetry::trace::SPANS;
use temporalio_sdk::activities::ActivityError;
use tracing::{Instrument, error_span};

/// Less than the attempt's 4 s: a transaction given up here is rolled back before the engine begins another attempt,
/// so that none commits behind the back of one that has refused since.
const TRANSACTION_LIMIT: Duration = Duration::from_millis(3_500);

/// A step on the database, within its limit.
pub(crate) async fn within_limit<T>(
    name: &str,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, ActivityError> {
    let span = error_span!(target: SPANS, "transaction", otel.name = format!("transaction {name}"));
    let work = tokio::time::timeout(TRANSACTION_LIMIT, work).instrument(span);
    let limited = async {
        work.await.unwrap_or_else(|_| {
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
