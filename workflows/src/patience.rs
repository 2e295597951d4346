//! Steps that are tried until they answer, and what every workflow asks its context for.

use crate::{failure::for_good, time::Instant};
use std::{
    future::{Future, pending},
    time::{Duration, SystemTime},
};
use temporalio_workflow::{
    ActivityExecutionError, TimerOptions, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext,
};

/// A workflow that a step may break: no attempt can mend what it has met, and the run ends where operators see it.
pub(crate) trait Breakable {
    /// Have the run end with that code.
    fn breaks(&mut self, code: String);
}

/// As [`try_persist`], of a run that ends by itself when it is broken: then this never answers.
pub(crate) async fn persist<W, T, Step, Attempt>(ctx: &WorkflowContext<W>, step: Step) -> T
where
    W: Breakable,
    Step: Fn(Instant) -> Attempt,
    Attempt: Future<Output = Result<T, ActivityExecutionError>>,
{
    match try_persist(ctx, step).await {
        Ok(output) => output,
        Err(Broken { code, .. }) => broken(ctx, code).await,
    }
}

/// The run cannot go on: it ends, and whoever waits here waits no more.
pub(crate) async fn broken<W: Breakable, T>(ctx: &WorkflowContext<W>, code: String) -> T {
    ctx.state_mut(|workflow| workflow.breaks(code));
    pending().await
}

/// Run a local step until it answers: each attempt with the time as it is then.
///
/// A database that is away for a day delays the workflow by a day and loses nothing. Pauses grow from 1 s to 5 min, and
/// go on when the run is asked to stop.
///
/// # Errors
/// The failure's code, when no attempt can mend it: the step's row is gone.
pub(crate) async fn try_persist<W, T, Step, Attempt>(ctx: &WorkflowContext<W>, step: Step) -> Result<T, Broken>
where
    Step: Fn(Instant) -> Attempt,
    Attempt: Future<Output = Result<T, ActivityExecutionError>>,
{
    let mut pause = Duration::from_secs(1);
    loop {
        match step(now(ctx)).await {
            Ok(output) => return Ok(output),
            Err(error) => {
                if let Some(code) = for_good(&error) {
                    return Err(Broken { code, error });
                }
            }
        }
        let timer = TimerOptions::builder(pause)
            .summary("before the step is tried again".to_owned())
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        ctx.timer(timer).await;
        pause = (pause * 2).min(Duration::from_secs(300));
    }
}

/// A step that no attempt can bring to an answer.
pub(crate) struct Broken {
    /// Why, in the terms of the step.
    pub(crate) code: String,
    /// The failure itself.
    pub(crate) error: ActivityExecutionError,
}

/// The workflow's time.
pub(crate) fn now<W>(ctx: &WorkflowContext<W>) -> Instant {
    // Absent only outside of a task, where no workflow code runs.
    ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH).into()
}

/// How to wait for a condition, whatever the run is asked to stop meanwhile.
pub(crate) fn detached() -> WaitConditionOptions {
    WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}
