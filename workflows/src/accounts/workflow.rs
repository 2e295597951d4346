//! The workflow of a deletion: from the mark until nothing of the person is left.
//!
//! The mark comes first and is answered; from then on there is no way back. What is booked is called off, and who the
//! person was is erased once the letters about that are out. Beside it the identity provider is asked for as long as it
//! takes: one that is away for days delays nothing but itself.
//!
//! # Flows
//! `1`: mark → (call off → letters → erase, again when sessions that had begun are over) beside (identity) → close.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{DeleteAccount, Identity, MarkDeleted, Marked, OfAccount, Progress},
    steps::{self, AccountSteps, LETTERS_LIMIT_MINUTES, LONGEST_LETTERS_PAUSE},
};
use crate::{
    failure::ended,
    patience::{Broken, detached, now, try_persist},
    sessions::{contract::Entry, steps as shared},
};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityExecutionError, TimerOptions, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowResult, join,
};

/// The deletion of one account.
#[workflow]
pub struct AccountDeletion {
    command: DeleteAccount,
    /// What became of the mark, once decided.
    answer: Option<Marked>,
    waiting_for: Vec<&'static str>,
    timeline: Vec<Entry>,
}

#[workflow_methods]
impl AccountDeletion {
    /// A run that has yet to mark the account.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, command: DeleteAccount) -> Self {
        Self {
            command,
            answer: None,
            waiting_for: vec!["mark"],
            timeline: Vec::new(),
        }
    }

    /// Delete the account; answers what was reported of the identity provider, or nothing when it was refused.
    #[run(name = "account_deletion")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Option<Identity>> {
        let answer = match mark(ctx).await {
            Ok(answer) => answer,
            Err(Broken { error, .. }) => return Err(ended(error).into()),
        };
        ctx.state_mut(|s| s.answer = Some(answer));
        if let Marked::Refused(refusal) = answer {
            note(ctx, "mark", "refused", Some(refusal.code().to_owned()));
            over(ctx, "mark");
            answered(ctx).await;
            return Ok(None);
        }
        note(ctx, "mark", "done", None);
        ctx.state_mut(|s| s.waiting_for = vec!["bookings", "letters", "erasure", "identity"]);
        let (erased, identity) = join!(leave(ctx), forget(ctx));
        let closed = match erased {
            Ok(()) => match identity {
                Ok(identity) => close(ctx).await.map(|()| identity),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        answered(ctx).await;
        closed.map(Some).map_err(|error| ended(error).into())
    }

    /// Wait until the account is deleted, or refused to be.
    #[update(name = "delete")]
    pub async fn delete(ctx: &mut WorkflowContext<Self>) -> Marked {
        let decided = ctx.wait_condition_with_options(|s: &Self| s.answer.is_some(), detached());
        decided.await.ok();
        ctx.state(|s| s.answer)
            .unwrap_or(Marked::Refused(super::error::AccountError::Lapsed))
    }

    /// The run as it stands.
    #[query(name = "state")]
    pub fn state(&self, _ctx: &WorkflowContextView) -> Progress {
        Progress {
            waiting_for: self.waiting_for.iter().map(|&step| step.to_owned()).collect(),
            timeline: self.timeline.clone(),
        }
    }
}

/// A context of this workflow.
type Context = WorkflowContext<AccountDeletion>;

async fn mark(ctx: &Context) -> Result<Marked, Broken> {
    try_persist(ctx, |now| {
        let command = ctx.state(|s| s.command.clone());
        let options = shared::local("mark the account as deleted");
        ctx.execute_local_activity(AccountSteps::mark_deleted, MarkDeleted { command, now }, options)
    })
    .await
}

/// What is booked, the letters about it, and then who the person was.
async fn leave(ctx: &Context) -> Result<(), ActivityExecutionError> {
    ctx.execute_activity(
        AccountSteps::call_off,
        of_account(ctx),
        steps::lasting("call off what is booked"),
    )
    .await?;
    done(ctx, "bookings");
    let delivered = letters(ctx).await?;
    // What cannot be delivered for days is not waited for: who the person was is erased all the same.
    let late = (!delivered).then(|| "not_delivered_in_time".to_owned());
    note(
        ctx,
        "letters",
        if late.is_some() { "dropped" } else { "done" },
        late.clone(),
    );
    over(ctx, "letters");
    loop {
        let options = steps::lasting("erase who the person was");
        let erased = ctx
            .execute_activity(AccountSteps::erase, of_account(ctx), options)
            .await?;
        let Some(again_at) = erased.again_at else { break };
        note(ctx, "erasure", "started", None);
        let pause = now(ctx).until(again_at);
        sleep(ctx, pause, format!("look for stragglers at {again_at}")).await;
    }
    done(ctx, "erasure");
    Ok(())
}

/// Wait for the letters, within their limit; whether all of them are out.
///
/// Timers between the looks, and not a step that is tried again: an operator sees when the next one is, and skipping it
/// is skipping time.
async fn letters(ctx: &Context) -> Result<bool, ActivityExecutionError> {
    let until = now(ctx).plus_minutes(LETTERS_LIMIT_MINUTES);
    let mut pause = Duration::from_secs(1);
    loop {
        let options = steps::lasting("look for letters under way");
        let under_way = ctx
            .execute_activity(AccountSteps::letters_under_way, of_account(ctx), options)
            .await?;
        let left = now(ctx).until(until);
        if !under_way || left.is_zero() {
            return Ok(!under_way);
        }
        sleep(ctx, pause.min(left), "look for letters again".to_owned()).await;
        pause = (2 * pause).min(LONGEST_LETTERS_PAUSE);
    }
}

/// The identity provider.
async fn forget(ctx: &Context) -> Result<Identity, ActivityExecutionError> {
    let options = steps::elsewhere("have the identity provider forget the person");
    let identity = ctx
        .execute_activity(AccountSteps::delete_identity, of_account(ctx), options)
        .await?;
    match identity {
        Identity::Deleted => done(ctx, "identity"),
        Identity::NoProvider => {
            note(ctx, "identity", "skipped", Some("no_identity_provider".to_owned()));
            over(ctx, "identity");
        }
    }
    Ok(identity)
}

async fn close(ctx: &Context) -> Result<(), ActivityExecutionError> {
    let options = steps::lasting("put on record that nothing is left");
    ctx.execute_activity(AccountSteps::close, of_account(ctx), options)
        .await?;
    note(ctx, "closed", "done", None);
    Ok(())
}

/// Whoever waits for the mark has been answered.
async fn answered(ctx: &Context) {
    ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached())
        .await
        .ok();
}

async fn sleep(ctx: &Context, pause: Duration, summary: String) {
    let timer = TimerOptions::builder(pause)
        .summary(summary)
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    ctx.timer(timer).await;
}

fn of_account(ctx: &Context) -> OfAccount {
    ctx.state(|s| OfAccount {
        user: s.command.user,
        now: now(ctx),
        request_id: s.command.request_id.clone(),
    })
}

fn done(ctx: &Context, step: &'static str) {
    note(ctx, step, "done", None);
    over(ctx, step);
}

fn over(ctx: &Context, step: &'static str) {
    ctx.state_mut(|s| s.waiting_for.retain(|other| *other != step));
}

/// Add a line to the run's own timeline.
fn note(ctx: &Context, step: &str, status: &str, detail: Option<String>) {
    let entry = Entry {
        at: now(ctx),
        step: step.to_owned(),
        status: status.to_owned(),
        detail,
    };
    ctx.state_mut(|s| s.timeline.push(entry));
}
