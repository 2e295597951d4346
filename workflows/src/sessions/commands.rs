//! Commands: each takes its turn, has its step carried out, and answers how the session stands.

use super::{
    contract::{Amend, Answer, Cancel, ConfirmHold, Given, NoShow, ProfileChanged, Reschedule},
    error::SessionError,
    standing::stands,
    steps::{self, SessionSteps},
    workflow::{Context, note, until},
};
use crate::{patience::persist, time::Instant};
use std::future::Future;
use temporalio_workflow::ActivityExecutionError;

/// A place in the line of commands and transitions, which change the session one at a time.
pub(super) struct Turn;

impl Turn {
    pub(super) async fn take(ctx: &Context) -> Self {
        let mine = ctx.state(|s| s.turns_taken);
        ctx.state_mut(|s| s.turns_taken += 1);
        until(ctx, |s| s.turns_over == mine).await.ok();
        Self
    }

    pub(super) fn over(self, ctx: &Context) {
        ctx.state_mut(|s| s.turns_over += 1);
    }
}

pub(super) async fn confirm(ctx: &Context, command: ConfirmHold) -> Answer {
    give(ctx, "confirm", command, |input| {
        ctx.execute_local_activity(SessionSteps::confirm_hold, input, steps::local("confirm the hold"))
    })
    .await
}

pub(super) async fn reschedule(ctx: &Context, command: Reschedule) -> Answer {
    give(ctx, "reschedule", command, |input| {
        ctx.execute_local_activity(SessionSteps::reschedule, input, steps::local("move the session"))
    })
    .await
}

pub(super) async fn amend(ctx: &Context, command: Amend) -> Answer {
    give(ctx, "amendment", command, |input| {
        ctx.execute_local_activity(SessionSteps::amend, input, steps::local("change the notes"))
    })
    .await
}

pub(super) async fn cancel(ctx: &Context, command: Cancel) -> Answer {
    give(ctx, "cancellation", command, |input| {
        ctx.execute_local_activity(SessionSteps::cancel, input, steps::local("cancel the session"))
    })
    .await
}

pub(super) async fn no_show(ctx: &Context, command: NoShow) -> Answer {
    give(ctx, "no_show", command, |input| {
        ctx.execute_local_activity(SessionSteps::no_show, input, steps::local("record the no-show"))
    })
    .await
}

/// Carry a command out in its turn.
async fn give<Command, Step, Attempt>(ctx: &Context, name: &str, command: Command, step: Step) -> Answer
where
    Command: Clone,
    Step: Fn(Given<Command>) -> Attempt,
    Attempt: Future<Output = Result<Answer, ActivityExecutionError>>,
{
    let Some(turn) = turn_of_a_session(ctx).await else {
        // What was refused has no session to command.
        return Answer::Refused(SessionError::Lapsed);
    };
    let session = ctx.state(|s| s.book.session);
    let given = |now: Instant| Given {
        session,
        command: command.clone(),
        now,
    };
    let answer = persist(ctx, |now| step(given(now))).await;
    match &answer {
        Answer::Done(standing) => {
            note(ctx, name, "done", None);
            stands(ctx, standing.clone());
        }
        Answer::Refused(refusal) => note(ctx, name, "refused", Some(refusal.code().to_owned())),
    }
    turn.over(ctx);
    answer
}

/// Have the session follow its client's profile.
pub(super) async fn take_over_profile(ctx: &Context, change: ProfileChanged) {
    let Some(turn) = turn_of_a_session(ctx).await else {
        return;
    };
    let session = ctx.state(|s| s.book.session);
    let standing = persist(ctx, |now| {
        let input = Given {
            session,
            command: change,
            now,
        };
        ctx.execute_local_activity(
            SessionSteps::take_over_profile,
            input,
            steps::local("follow the client's profile"),
        )
    })
    .await;
    note(ctx, "profile", "done", None);
    stands(ctx, standing);
    turn.over(ctx);
}

/// A turn, when there is a session to change.
async fn turn_of_a_session(ctx: &Context) -> Option<Turn> {
    until(ctx, |s| s.answer.is_some()).await.ok();
    let turn = Turn::take(ctx).await;
    if ctx.state(|s| s.standing.is_some()) {
        return Some(turn);
    }
    turn.over(ctx);
    None
}
