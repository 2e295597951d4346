//! The step of the reconciliation, as declared in [`workflows::reconciliation::steps`].
//!
//! `sight` asks the engine, `sessions` and `runs` compare sessions from both sides, `others` what is read, told
//! and deleted elsewhere, and `mending` puts on record what is done about it.
//!
//! # What it relies on
//! The list of running workflows lags behind, so it only says where to look: whatever is done was decided by a
//! description of that very run, and by the row as it was read after it. What has changed or ended a moment ago is left
//! alone. A run that is started joins one that runs, and a run that is told looks at its row under the locks of every
//! step: what was decided too late does nothing.

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod mending;
mod others;
mod runs;
mod sessions;
mod sight;

use crate::{commands::Commands, error::StepError, step::call};
use entities::db::Db;
use futures::{StreamExt, stream};
use sight::Engine;
use std::{future::Future, str::FromStr, sync::Arc};
use temporalio_client::Client;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{
    reconciliation::{
        contract::{Found, Look, Looked, Part},
        steps::declared,
    },
    time::Instant,
};

/// So much is looked at in an attempt, whose time is enough to mend all of it.
const PAGE: u64 = 200;
/// So many runs are asked about, and mended, at once.
const AT_ONCE: usize = 8;

/// What the step works with.
pub struct ReconciliationActivities {
    db: Db,
    commands: Commands,
    engine: Engine,
}

impl ReconciliationActivities {
    /// Of that database and the runs of that queue.
    #[must_use]
    pub fn new(db: Db, commands: Commands, client: Client, queue: &str) -> Self {
        let engine = Engine::new(client, queue);
        Self { db, commands, engine }
    }
}

#[activities]
impl ReconciliationActivities {
    #[activity(definition = declared::Look)]
    pub async fn look(self: Arc<Self>, _: ActivityContext, input: Look) -> Result<Looked, ActivityError> {
        call("reconciliation.look", look(&self, input)).await
    }
}

/// The moments of a look.
#[derive(Clone, Copy)]
struct Moments {
    /// The workflow's time.
    now: Instant,
    /// What is younger is left alone.
    before: Instant,
}

/// A page: where the next one begins, and what there was.
type Page = Result<(Option<String>, Found), StepError>;

async fn look(steps: &ReconciliationActivities, input: Look) -> Result<Looked, StepError> {
    let Look {
        part,
        after,
        grace_minutes,
        now,
    } = input;
    let at = Moments {
        now,
        before: now.plus_minutes(-i64::from(grace_minutes)),
    };
    let (next, found) = match part {
        Part::Sessions => sessions::look(steps, after, at).await?,
        Part::Runs => runs::look(steps, after, at).await?,
        Part::Waitlists => others::waitlists(steps, after, at).await?,
        Part::BusyFeeds => others::busy_feeds(steps, after, at).await?,
        Part::Deliveries => others::deliveries(steps, after, at).await?,
        Part::Accounts => others::deletions(steps, after, at).await?,
    };
    Ok(Looked { next, found })
}

/// What became of so much that was looked at, those who are asked about apart.
async fn all(looked_at: usize, asked: Vec<impl Future<Output = Result<Found, StepError>>>) -> Result<Found, StepError> {
    let mut found = Found {
        looked_at: u32::try_from(looked_at).unwrap_or(u32::MAX),
        ..Found::default()
    };
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(one) = answers.next().await {
        found = found.and(one?);
    }
    Ok(found)
}

/// Where the next page begins: behind the last of one that is full.
fn behind<T>(page: &[T], place: impl Fn(&T) -> String) -> Option<String> {
    page.last().filter(|_| PAGE <= page.len() as u64).map(place)
}

/// A place that a page before named.
fn place<T: FromStr>(after: Option<&str>) -> Result<Option<T>, StepError> {
    after.map(str::parse::<T>).transpose().map_err(|_| no_place())
}

fn no_place() -> StepError {
    StepError::Final {
        code: "unknown_place",
        message: "no page ended there".to_owned(),
    }
}
