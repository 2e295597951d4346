//! The workflows of a series: one has it reserved and its sessions started, one calls it off.
//!
//! Both are over in a moment; what a series comes to is the life of its sessions.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{BookSeries, CancelSeries, OfSeries, ReserveSeries, SeriesAnswer},
    steps::{SeriesSteps, tell},
};
use crate::{
    failure::ended,
    sessions::{contract::Asked, error::SessionError, steps::local},
    time::Instant,
};
use std::time::{Duration, SystemTime};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    TimerOptions, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult,
};

/// The booking of a series.
#[workflow]
pub struct SeriesBooking {
    book: BookSeries,
    answer: Option<SeriesAnswer>,
}

#[workflow_methods]
impl SeriesBooking {
    /// A run that has yet to reserve.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, book: BookSeries) -> Self {
        Self { book, answer: None }
    }

    /// Reserve all of it, then start the workflow of each session.
    #[run(name = "series_booking")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let answer = reserve(ctx).await;
        let reserved = answer == SeriesAnswer::Reserved;
        ctx.state_mut(|s| s.answer = Some(answer));
        if reserved {
            let input = OfSeries {
                series: ctx.state(|s| s.book.series),
            };
            let started = ctx.execute_activity(SeriesSteps::start_sessions, input, tell("start the sessions"));
            if let Err(error) = started.await {
                return Err(ended(error).into());
            }
        }
        ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached())
            .await?;
        Ok(())
    }

    /// Wait for what becomes of it; refused to a caller who means another request by this key.
    #[update(name = "book")]
    pub async fn book(ctx: &mut WorkflowContext<Self>, asked: Asked) -> SeriesAnswer {
        if ctx.state(|s| s.book.request_hash != asked.request_hash) {
            return SeriesAnswer::Denied(SessionError::IdempotencyKeyReused);
        }
        ctx.wait_condition_with_options(|s: &Self| s.answer.is_some(), detached())
            .await
            .ok();
        ctx.state(|s| s.answer.clone())
            .unwrap_or(SeriesAnswer::Denied(SessionError::Lapsed))
    }
}

/// One attempt after the other, each with the time as it is then.
async fn reserve(ctx: &WorkflowContext<SeriesBooking>) -> SeriesAnswer {
    let mut pause = Duration::from_secs(1);
    loop {
        let input = ReserveSeries {
            book: ctx.state(|s| s.book.clone()),
            now: Instant::from(ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH)),
        };
        let options = local("judge and reserve the series");
        if let Ok(answer) = ctx.execute_local_activity(SeriesSteps::reserve, input, options).await {
            return answer;
        }
        let timer = TimerOptions::builder(pause)
            .summary("before the step is tried again".to_owned())
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        ctx.timer(timer).await;
        pause = (pause * 2).min(Duration::from_secs(300));
    }
}

/// A run that is asked to stop finishes what it has begun.
fn detached() -> WaitConditionOptions {
    WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// The cancellation of a series.
#[workflow]
pub struct SeriesCancellation {
    cancel: CancelSeries,
}

#[workflow_methods]
impl SeriesCancellation {
    /// A run that has yet to call anything off.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, cancel: CancelSeries) -> Self {
        Self { cancel }
    }

    /// Call off each session that can be.
    #[run(name = "series_cancellation")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let input = ctx.state(|s| s.cancel.clone());
        let cancelled = ctx.execute_activity(SeriesSteps::cancel_sessions, input, tell("cancel the sessions"));
        match cancelled.await {
            Ok(()) => Ok(()),
            Err(error) => Err(ended(error).into()),
        }
    }
}
