//! The workflow that tells one endpoint of one session: it runs while there is something to tell.
//!
//! [`WebhookDelivery::run`] takes the first event that was not told, attempts it until it is told or given up, and takes
//! the next one. Everything it goes by is in the database, so it may end and begin at any time; what it is told by signal
//! is only that something there has changed. A pause between attempts is a timer, and ends early when another event has
//! become the first, or the same one is to be told anew.
//!
//! # Flows
//! `1`: next → attempt → record → pause, again and again.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{Attempt, Deliver, Due, NextEvent, Outcome, Record, Recorded, TellDisabled, Waiting},
    rules,
    steps::{self, WebhookOutreachSteps, WebhookSteps},
};
use crate::{
    failure::for_good,
    patience::{Breakable, broken, detached, now, persist},
    sessions::{contract::outreach_queue, steps as shared},
    time::Instant,
};
use futures::future::{FusedFuture, FutureExt};
use std::time::Duration;
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, TimerOptions, WorkflowCancellationError, WorkflowCancellationToken,
    WorkflowContext, WorkflowContextView, WorkflowResult, select,
};

/// Events after which a run continues as new.
const LONG_HISTORY: u32 = 800;

/// A mail that could not be sent for so long tells nobody anything new.
const NOTICE_LIMIT: Duration = Duration::from_secs(7 * 86_400);

/// One endpoint and one session.
#[workflow]
pub struct WebhookDelivery {
    deliver: Deliver,
    /// Something may have changed since the database was last asked.
    told: bool,
    /// The code of a failure that no attempt can mend: the run ends.
    broken: Option<String>,
}

#[workflow_methods]
impl WebhookDelivery {
    /// A run that has yet to look.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, deliver: Deliver) -> Self {
        Self {
            deliver,
            told: false,
            broken: None,
        }
    }

    /// Tell what is to be told.
    #[run(name = "webhook_delivery")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let story = story(ctx);
        let ending = select! {
            ending = story.fuse() => ending,
            _ = until(ctx, |s| s.broken.is_some()) => Ending::Broken,
        };
        match ending {
            Ending::Over => Ok(()),
            Ending::Broken => {
                let code = ctx.state(|s| s.broken.clone()).unwrap_or_default();
                ctx.set_current_details(format!("**broken**: {code}"));
                let failure = ApplicationFailure::builder(std::io::Error::other(code.clone()));
                Err(failure.type_name(code).non_retryable(true).build().into())
            }
            Ending::TooLong(waiting) => {
                let deliver = Deliver {
                    waiting,
                    ..ctx.state(|s| s.deliver.clone())
                };
                ctx.continue_as_new(deliver, ContinueAsNewOptions::default())?;
                Ok(())
            }
        }
    }

    /// There may be something to tell.
    #[signal(name = "told")]
    pub fn told(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.told = true;
    }
}

impl Breakable for WebhookDelivery {
    fn breaks(&mut self, code: String) {
        self.broken = Some(code);
    }
}

/// A context of this workflow.
type Context = WorkflowContext<WebhookDelivery>;

/// How a run ends.
enum Ending {
    /// All is told.
    Over,
    /// The history has grown long: a fresh run takes over, and the pause with it.
    TooLong(Option<Waiting>),
    /// A step cannot be done, ever.
    Broken,
}

async fn story(ctx: &Context) -> Ending {
    let mut waiting = ctx.state(|s| s.deliver.waiting);
    loop {
        if LONG_HISTORY < ctx.history_length() {
            return Ending::TooLong(waiting);
        }
        ctx.state_mut(|s| s.told = false);
        let Some(due) = next(ctx).await else {
            if ctx.state(|s| s.told) {
                continue;
            }
            return Ending::Over;
        };
        // Another event, or the same one to be told anew, does not wait for what was waited for.
        if let Some(pause) = waiting.filter(|pause| pause.due == due && now(ctx) < pause.until) {
            wait(ctx, pause.until).await;
            continue;
        }
        waiting = attempt(ctx, due).await;
    }
}

/// Attempt it once; answers when to try again.
async fn attempt(ctx: &Context, due: Due) -> Option<Waiting> {
    let Deliver { endpoint, session, .. } = ctx.state(|s| s.deliver.clone());
    let input = Attempt { endpoint, session, due };
    let options = steps::attempt(outreach_queue(ctx.task_queue()));
    let outcome = match ctx
        .execute_activity(WebhookOutreachSteps::deliver_webhook, input, options)
        .await
    {
        Ok(outcome) => outcome,
        Err(error) => {
            let code = for_good(&error).unwrap_or_else(|| "attempt_lost".to_owned());
            return broken(ctx, code).await;
        }
    };
    let pause = match &outcome {
        Outcome::Failed {
            gone: false,
            retry_after_seconds,
            ..
        } if !due.once => {
            let asked = retry_after_seconds.map(|seconds| Duration::from_secs(seconds.into()));
            rules::pause(due.attempts.saturating_add(1), asked, ctx.random())
        }
        _ => None,
    };
    let recorded = record(ctx, due, outcome, pause.is_none()).await;
    if recorded.disabled {
        tell(ctx).await;
    }
    pause.map(|pause| Waiting {
        due: Due {
            attempts: due.attempts.saturating_add(1),
            ..due
        },
        until: now(ctx) + pause,
    })
}

async fn next(ctx: &Context) -> Option<Due> {
    let Deliver { endpoint, session, .. } = ctx.state(|s| s.deliver.clone());
    persist(ctx, |now| {
        let input = NextEvent { endpoint, session, now };
        ctx.execute_local_activity(WebhookSteps::next, input, shared::local("look for what is to be told"))
    })
    .await
}

async fn record(ctx: &Context, due: Due, outcome: Outcome, given_up: bool) -> Recorded {
    let Deliver { endpoint, session, .. } = ctx.state(|s| s.deliver.clone());
    let given_up = given_up && !matches!(outcome, Outcome::Delivered { .. });
    persist(ctx, |now| {
        let input = Record {
            endpoint,
            session,
            due,
            outcome: outcome.clone(),
            given_up,
            now,
        };
        ctx.execute_local_activity(WebhookSteps::record, input, shared::local("put the attempt on record"))
    })
    .await
}

/// Word by mail that the endpoint is disabled.
async fn tell(ctx: &Context) {
    let input = TellDisabled {
        endpoint: ctx.state(|s| s.deliver.endpoint),
        now: now(ctx),
    };
    let options = shared::outreach(
        "tell that the endpoint is disabled".to_owned(),
        outreach_queue(ctx.task_queue()),
        NOTICE_LIMIT,
    );
    // What could not be sent is still to be read from the endpoint itself.
    ctx.execute_activity(WebhookOutreachSteps::tell_disabled, input, options)
        .await
        .ok();
}

/// Wait until then, or until something may have changed.
async fn wait(ctx: &Context, at: Instant) {
    let token = WorkflowCancellationToken::new();
    let timer = TimerOptions::builder(now(ctx).until(at))
        .summary(format!("try again at {at}"))
        .cancellation_token(token.clone())
        .build();
    select! {
        _ = until(ctx, |s| s.told) => token.cancel(),
        _ = ctx.timer(timer) => {},
    }
}

/// Wait for the state to be so, whatever the run is asked to stop meanwhile.
fn until<'a>(
    ctx: &'a Context,
    condition: impl FnMut(&WebhookDelivery) -> bool + 'a,
) -> impl FusedFuture<Output = Result<(), WorkflowCancellationError>> + 'a {
    ctx.wait_condition_with_options(condition, detached())
}
