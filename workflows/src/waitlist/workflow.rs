//! The workflow of a specialist's waitlist: it runs while somebody waits.
//!
//! [`Waitlist::run`] goes along the line, offers what is free, and waits until something may have changed: a slot that
//! became free, somebody who joined or left, a range that is over. Beside it run the errands of each offer: the run of
//! its session is started, and its mail sent. How an offer ends is told by its session alone, whose change wakes the
//! list. The list holds nothing that is not in the database, so a run may end and begin at any time.
//!
//! # Flows
//! `1`: go along the line → errands → wait.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{Given, Join, Leave, Made, OfOffer, OfferSlots, Placed, Watch},
    steps::{self, OfferMailSteps, WaitlistSteps},
};
use crate::{
    beside::any,
    ids::OfferId,
    patience::{Breakable, detached, now, persist},
    sessions::{contract::outreach_queue, steps as shared},
    time::Instant,
};
use futures::future::{FusedFuture, FutureExt, LocalBoxFuture};
use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
};
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityExecutionError, ContinueAsNewOptions, SyncWorkflowContext, TimerOptions, WorkflowCancellationError,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult, join, select,
};

/// Events after which a run continues as new: what is under way then ends before there are 1,000.
const LONG_HISTORY: u32 = 800;

/// One specialist's waitlist.
#[workflow]
pub struct Waitlist {
    watch: Watch,
    /// Something may have changed since the line was last gone along.
    woken: bool,
    /// What is to be done beside the story, and how much of it is being done.
    errands: VecDeque<Errand>,
    errands_under_way: usize,
    /// What this run has asked for already.
    asked: BTreeSet<Errand>,
    /// The story is over: no more errands will be asked for.
    told: bool,
    /// The code of a failure that no attempt can mend: the run ends.
    broken: Option<String>,
}

/// Something to be done about an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Errand {
    /// Start its session's run, then tell its client, who has until then.
    Announce(OfferId, Instant),
    /// Tell its session's run that it is withdrawn.
    Withdraw(OfferId),
}

#[workflow_methods]
impl Waitlist {
    /// A run that has yet to look.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, watch: Watch) -> Self {
        Self {
            watch,
            woken: false,
            errands: VecDeque::new(),
            errands_under_way: 0,
            asked: BTreeSet::new(),
            told: false,
            broken: None,
        }
    }

    /// Offer what becomes free until nobody waits.
    #[run(name = "waitlist")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let whole = async {
            let (ending, ()) = join!(story(ctx), errands(ctx));
            ending
        };
        let ending = select! {
            ending = whole.fuse() => ending,
            _ = until(ctx, |s| s.broken.is_some()) => Ending::Broken,
        };
        if let Some(code) = ctx.state(|s| s.broken.clone()) {
            ctx.set_current_details(format!("**broken**: {code}"));
            let failure = ApplicationFailure::builder(std::io::Error::other(code.clone()));
            return Err(failure.type_name(code).non_retryable(true).build().into());
        }
        if ending == Ending::TooLong {
            until(ctx, |_| ctx.all_handlers_finished()).await.ok();
            ctx.continue_as_new(ctx.state(|s| s.watch.clone()), ContinueAsNewOptions::default())?;
        }
        Ok(())
    }

    /// Somebody wants to wait.
    #[update(name = "join")]
    pub async fn join(ctx: &mut WorkflowContext<Self>, command: Join) -> Placed {
        give(ctx, command, |input| {
            ctx.execute_local_activity(WaitlistSteps::join, input, shared::local("give a place in line"))
        })
        .await
    }

    /// Somebody waits no more.
    #[update(name = "leave")]
    pub async fn leave(ctx: &mut WorkflowContext<Self>, command: Leave) -> Placed {
        give(ctx, command, |input| {
            ctx.execute_local_activity(WaitlistSteps::leave, input, shared::local("give a place up"))
        })
        .await
    }

    /// Something may be free.
    #[signal(name = "slot_freed")]
    pub fn slot_freed(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.woken = true;
    }
}

impl Breakable for Waitlist {
    fn breaks(&mut self, code: String) {
        self.broken = Some(code);
    }
}

/// A context of this workflow.
type Context = WorkflowContext<Waitlist>;

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nobody waits.
    Over,
    /// The history has grown long: a fresh run takes over.
    TooLong,
    /// A step cannot be done, ever.
    Broken,
}

async fn story(ctx: &Context) -> Ending {
    let ending = loop {
        let look_again_at = serve(ctx).await;
        if is_long(ctx) {
            break Ending::TooLong;
        }
        match look_again_at {
            Some(at) => wait(ctx, at).await,
            None => {
                until(ctx, |s| s.woken || (s.is_idle() && ctx.all_handlers_finished()))
                    .await
                    .ok();
                if ctx.state(|s| !s.woken) {
                    break Ending::Over;
                }
            }
        }
    };
    ctx.state_mut(|s| s.told = true);
    ending
}

/// Go along the whole line; answers when to look again by oneself, if anybody waits.
async fn serve(ctx: &Context) -> Option<Instant> {
    ctx.state_mut(|s| s.woken = false);
    let specialist = ctx.state(|s| s.watch.specialist);
    let (mut after, mut attended, mut look_again_at) = (None, None, None);
    loop {
        let round = persist(ctx, |now| {
            let input = OfferSlots {
                specialist,
                after,
                attended,
                now,
            };
            ctx.execute_local_activity(WaitlistSteps::offer, input, shared::local("offer what is free"))
        })
        .await;
        ctx.state_mut(|s| {
            let made = round
                .made
                .iter()
                .map(|Made { offer, expires_at }| Errand::Announce(*offer, *expires_at));
            let withdrawn = round.withdrawn.iter().map(|offer| Errand::Withdraw(*offer));
            for errand in made.chain(withdrawn) {
                if s.asked.insert(errand) {
                    s.errands.push_back(errand);
                }
            }
        });
        look_again_at = [look_again_at, round.look_again_at].into_iter().flatten().min();
        (after, attended) = (round.after, round.attended);
        if after.is_none() && attended.is_none() {
            return look_again_at;
        }
    }
}

/// Wait until something may have changed.
async fn wait(ctx: &Context, at: Instant) {
    let token = WorkflowCancellationToken::new();
    let timer = TimerOptions::builder(now(ctx).until(at))
        .summary(format!("look again at {at}"))
        .cancellation_token(token.clone())
        .build();
    select! {
        _ = until(ctx, |s| s.woken || is_long(ctx)) => token.cancel(),
        _ = ctx.timer(timer) => {},
    }
}

/// Whether a fresh run should take over. A dead mail server must not hold up the line, so a long history waits for the
/// errands, up to a point.
fn is_long(ctx: &Context) -> bool {
    let limit = if ctx.state(Waitlist::is_idle) {
        LONG_HISTORY
    } else {
        20 * LONG_HISTORY
    };
    ctx.history_length() > limit
}

impl Waitlist {
    fn is_idle(&self) -> bool {
        self.errands.is_empty() && self.errands_under_way == 0
    }
}

/// Do what the story asks for, each errand on its own, until the story is told and all are dealt with.
async fn errands(ctx: &Context) {
    let mut under_way: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    loop {
        while let Some(errand) = ctx.state_mut(|s| s.errands.pop_front()) {
            ctx.state_mut(|s| s.errands_under_way += 1);
            under_way.push(
                async move {
                    match errand {
                        Errand::Announce(offer, expires_at) => announce(ctx, offer, expires_at).await,
                        Errand::Withdraw(offer) => withdraw(ctx, offer).await,
                    }
                    ctx.state_mut(|s| s.errands_under_way -= 1);
                }
                .boxed_local(),
            );
        }
        let idle = under_way.is_empty();
        if idle && ctx.state(|s| s.told) {
            return;
        }
        select! {
            () = any(&mut under_way) => {},
            _ = until(ctx, |s| !s.errands.is_empty() || (idle && s.told)) => {},
        }
    }
}

/// Start the session's run, then tell its client.
async fn announce(ctx: &Context, offer: OfferId, expires_at: Instant) {
    let input = OfOffer { offer, now: now(ctx) };
    // What fails for days is looked at by operators; the hold gives way to whoever wants the slot, run or no run.
    ctx.execute_activity(
        WaitlistSteps::open_session,
        input,
        steps::command("start the offered session"),
    )
    .await
    .ok();
    let now = now(ctx);
    let limit = now.until(expires_at);
    if limit.is_zero() {
        return;
    }
    let options = shared::outreach(
        "send the offer mail".to_owned(),
        outreach_queue(ctx.task_queue()),
        limit,
    );
    // A mail that could not be delivered while the offer stood is of no use any more.
    ctx.execute_activity(OfferMailSteps::send_offer, OfOffer { offer, now }, options)
        .await
        .ok();
}

async fn withdraw(ctx: &Context, offer: OfferId) {
    let input = OfOffer { offer, now: now(ctx) };
    // Cancelled it is in any case; its run would notice when the hold ends.
    ctx.execute_activity(WaitlistSteps::withdraw, input, steps::command("tell the session"))
        .await
        .ok();
}

/// Carry a command out; the line may look different then.
async fn give<Command, Step, Attempt>(ctx: &Context, command: Command, step: Step) -> Placed
where
    Command: Clone,
    Step: Fn(Given<Command>) -> Attempt,
    Attempt: Future<Output = Result<Placed, ActivityExecutionError>>,
{
    let specialist = ctx.state(|s| s.watch.specialist);
    let given = |now: Instant| Given {
        specialist,
        command: command.clone(),
        now,
    };
    let answer = persist(ctx, |now| step(given(now))).await;
    if matches!(answer, Placed::Done(_)) {
        ctx.state_mut(|s| s.woken = true);
    }
    answer
}

/// Wait for the state to be so, whatever the run is asked to stop meanwhile.
fn until<'a>(
    ctx: &'a Context,
    condition: impl FnMut(&Waitlist) -> bool + 'a,
) -> impl FusedFuture<Output = Result<(), WorkflowCancellationError>> + 'a {
    ctx.wait_condition_with_options(condition, detached())
}
