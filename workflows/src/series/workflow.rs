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
    patience::{Broken, detached, try_persist},
    sessions::{contract::Asked, error::SessionError, steps::local},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

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
        let reserve = |now| {
            let book = ctx.state(|s| s.book.clone());
            let options = local("judge and reserve the series");
            ctx.execute_local_activity(SeriesSteps::reserve, ReserveSeries { book, now }, options)
        };
        let answer = match try_persist(ctx, reserve).await {
            Ok(answer) => answer,
            Err(Broken { error, .. }) => return Err(ended(error).into()),
        };
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
