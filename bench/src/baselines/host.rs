//! `bench host`: the worker of the baselines, with the options of ours.

use super::{
    naive::{Naive, NaiveSteps},
    noop::Noop,
};
use crate::{engine, stack::links};
use entities::db::{Db, Options};
use std::sync::Arc;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use workflows::sessions::contract::outreach_queue;

/// Serve `queue` and its queue of outreach, with effects on `database`, until killed.
///
/// # Errors
/// When the engine is not there.
pub async fn serve(address: &str, queue: &str, database: &str) -> anyhow::Result<()> {
    let client = engine::connect(address).await?;
    let runtime = Runtime::from_current_tokio(Default::default())?;
    let steps = NaiveSteps {
        db: Db::connect(database, &Options::default()).await?,
        meetings: Arc::new(links()?),
    };
    let options = WorkerOptions::new(queue)
        .register_activities(steps.clone())
        .register_workflow::<Noop>()?
        .register_workflow::<Naive>()?
        .max_cached_workflows(10_000_usize)
        .build();
    let mut bookings = Worker::new(&runtime, client.clone(), options)?;
    let options = WorkerOptions::new(outreach_queue(queue))
        .register_activities(steps)
        .build();
    let mut outreach = Worker::new(&runtime, client, options)?;
    let (bookings, outreach) = futures::future::join(bookings.run(), outreach.run()).await;
    bookings?;
    outreach?;
    Ok(())
}
