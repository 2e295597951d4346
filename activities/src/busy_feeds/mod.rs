//! Calendars elsewhere: called, read and put on record.
//!
//! [`BusyFeedActivities`] is the step; `read` makes one attempt of it, `calendar` says what a calendar's text blocks.

#![expect(missing_docs, reason = "the step is documented where it is declared")]

mod calendar;
mod read;

use crate::{
    outreach::beat,
    outside::{Beyond, Limits, Outside},
    step::call,
};
use entities::db::Db;
use std::{sync::Arc, time::Duration};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::sync::Semaphore;
use workflows::busy_feeds::{
    contract::{FeedRead, ReadFeed},
    steps::declared,
};

/// So many calendars are made out at the same time, whatever their number: the rest of the process has its threads.
const AT_ONCE: usize = 2;

/// How calendars are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often, give or take a tenth.
    pub every: Duration,
    /// What a call may take.
    pub call: Limits,
    /// How long a calendar that has arrived may be made out.
    pub making_out: Duration,
}

impl Pace {
    /// As specified, that often: 10 s and 5 MB a call.
    #[must_use]
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            call: Limits {
                total: Duration::from_secs(10),
                bytes: 5_000_000,
                beyond: Beyond::Fail,
                redirects: 3,
            },
            making_out: Duration::from_secs(5),
        }
    }
}

/// What the step works with.
pub struct BusyFeedActivities {
    db: Db,
    outside: Outside,
    own_host: String,
    pace: Pace,
    making_out: Arc<Semaphore>,
}

impl BusyFeedActivities {
    /// Reads what `outside` may call; events named by `own_host` are our own sessions and block nothing.
    #[must_use]
    pub fn new(db: Db, outside: Outside, own_host: String, pace: Pace) -> Self {
        Self {
            db,
            outside,
            own_host,
            pace,
            making_out: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

#[activities]
impl BusyFeedActivities {
    #[activity(definition = declared::Read)]
    pub async fn read(self: Arc<Self>, ctx: ActivityContext, input: ReadFeed) -> Result<FeedRead, ActivityError> {
        tokio::select! {
            biased;
            read = call("busy_feeds.read", read::run(&self, input)) => read,
            // Given up by the engine, or the worker stops: what was not put on record is read again.
            _ = ctx.cancelled() => Err(ActivityError::cancelled()),
            () = beat(&ctx) => Err(ActivityError::cancelled()),
        }
    }
}
