//! The workflow of a busy feed: it runs while the feed is given.
//!
//! [`BusyFeed::run`] reads the calendar, waits for as long as the step says, or until somebody says that the feed has
//! changed, and reads again. The step knows when the feed is removed; the run ends then.
//!
//! # Flows
//! `1`: read → wait.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{FeedRead, Follow, ReadFeed},
    steps::{self, BusyFeedSteps},
};
use crate::{
    patience::{detached, now},
    sessions::contract::outreach_queue,
};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, TimerOptions, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, select,
};

/// Events after which a run continues as new.
const LONG_HISTORY: u32 = 800;
/// When to try again where reading failed in our own house, for good or for too long: calendars are read for as long as
/// they are given.
const AFTER_FAILURE: Duration = Duration::from_secs(15 * 60);

/// A calendar elsewhere.
#[workflow]
pub struct BusyFeed {
    follow: Follow,
    /// Something has changed since the calendar was read.
    woken: bool,
}

#[workflow_methods]
impl BusyFeed {
    /// A run that has yet to read.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, follow: Follow) -> Self {
        Self { follow, woken: false }
    }

    /// Read the calendar again and again until the feed is removed.
    #[run(name = "busy_feed")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        loop {
            let pause = match read(ctx).await {
                Some(FeedRead { again_in_seconds: None }) => return Ok(()),
                Some(FeedRead {
                    again_in_seconds: Some(seconds),
                }) => Duration::from_secs(seconds.into()),
                None => AFTER_FAILURE,
            };
            wait(ctx, pause).await;
            // Only here: a signal that came meanwhile has ended the wait, and a fresh run begins by reading.
            if ctx.history_length() > LONG_HISTORY {
                ctx.continue_as_new(ctx.state(|s| s.follow.clone()), ContinueAsNewOptions::default())?;
            }
        }
    }

    /// The feed is new, another or removed.
    #[signal(name = "changed")]
    pub fn changed(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.woken = true;
    }
}

/// Read; nothing when that failed in our own house.
async fn read(ctx: &WorkflowContext<BusyFeed>) -> Option<FeedRead> {
    ctx.state_mut(|s| s.woken = false);
    let input = ReadFeed {
        feed: ctx.state(|s| s.follow.feed),
        now: now(ctx),
    };
    let options = steps::read(outreach_queue(ctx.task_queue()));
    ctx.execute_activity(BusyFeedSteps::read, input, options).await.ok()
}

/// Wait until it is time to read again, or something has changed.
async fn wait(ctx: &WorkflowContext<BusyFeed>, pause: Duration) {
    let token = WorkflowCancellationToken::new();
    let timer = TimerOptions::builder(pause)
        .summary("read again".to_owned())
        .cancellation_token(token.clone())
        .build();
    select! {
        _ = ctx.wait_condition_with_options(|s: &BusyFeed| s.woken, detached()) => token.cancel(),
        _ = ctx.timer(timer) => {},
    }
}
