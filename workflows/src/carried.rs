//! What travels beside a command, from whoever gave it to the steps it leads to: the request's id and its trace.
//!
//! The headers of a start, an update or a signal are those of the steps, timers apart, that it leads to. They decide
//! nothing and are no part of what a replay compares, so that histories from before them go on.

use std::{collections::HashMap, rc::Rc};
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_workflow::{
    WorkflowContextKey, WorkflowContextView,
    workflow_interceptors::{
        CancellableWorkflowOutboundFuture, ContinueAsNewInput, ContinueAsNewResult, ExecuteWorkflowInput,
        ExecuteWorkflowResult, HandleSignalInput, HandleSignalResult, HandleUpdateInput, HandleUpdateResult,
        ScheduleActivityInput, ScheduleActivityResult, ScheduleLocalActivityInput, SignalWorkflowInput,
        SignalWorkflowResult, StartChildWorkflowInput, StartChildWorkflowResult, SyncWorkflowInterceptorContext,
        WorkflowInterceptor, WorkflowInterceptorConstructor, WorkflowInterceptorContext, WorkflowInterceptorFuture,
        WorkflowNext,
    },
};

/// Hands headers on, in every workflow of a worker.
#[must_use]
pub fn carried() -> WorkflowInterceptorConstructor {
    WorkflowInterceptorConstructor::new(|_: &WorkflowContextView| Carries)
}

type Headers = HashMap<String, Payload>;

/// The headers of what is being handled.
struct Carried;

impl WorkflowContextKey for Carried {
    type Value = Headers;
}

struct Carries;

fn hand_on(carried: Option<Rc<Headers>>, headers: &mut Headers) {
    if let Some(carried) = carried {
        for (name, value) in carried.iter() {
            headers.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

impl WorkflowInterceptor for Carries {
    fn execute<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        let headers = input.headers().clone();
        WorkflowInterceptorFuture::new(ctx.with_context_value::<Carried, _>(headers, next.run(input)))
    }

    fn handle_signal<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: WorkflowNext<'a, HandleSignalInput, WorkflowInterceptorFuture<'a, HandleSignalResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        let headers = input.headers().clone();
        WorkflowInterceptorFuture::new(ctx.with_context_value::<Carried, _>(headers, next.run(input)))
    }

    fn handle_update<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: HandleUpdateInput,
        next: WorkflowNext<'a, HandleUpdateInput, WorkflowInterceptorFuture<'a, HandleUpdateResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleUpdateResult> {
        let headers = input.headers().clone();
        WorkflowInterceptorFuture::new(ctx.with_context_value::<Carried, _>(headers, next.run(input)))
    }

    fn schedule_activity(
        &self,
        ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: WorkflowNext<'static, ScheduleActivityInput, CancellableWorkflowOutboundFuture<ScheduleActivityResult>>,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        hand_on(ctx.context_value::<Carried>(), input.headers_mut());
        next.run(input)
    }

    fn schedule_local_activity(
        &self,
        ctx: WorkflowInterceptorContext,
        mut input: ScheduleLocalActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleLocalActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        hand_on(ctx.context_value::<Carried>(), input.headers_mut());
        next.run(input)
    }

    fn start_child_workflow(
        &self,
        ctx: WorkflowInterceptorContext,
        mut input: StartChildWorkflowInput,
        next: WorkflowNext<
            'static,
            StartChildWorkflowInput,
            CancellableWorkflowOutboundFuture<StartChildWorkflowResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<StartChildWorkflowResult> {
        hand_on(ctx.context_value::<Carried>(), input.headers_mut());
        next.run(input)
    }

    fn signal_workflow(
        &self,
        ctx: WorkflowInterceptorContext,
        mut input: SignalWorkflowInput,
        next: WorkflowNext<'static, SignalWorkflowInput, CancellableWorkflowOutboundFuture<SignalWorkflowResult>>,
    ) -> CancellableWorkflowOutboundFuture<SignalWorkflowResult> {
        hand_on(ctx.context_value::<Carried>(), input.headers_mut());
        next.run(input)
    }

    fn continue_as_new(
        &self,
        ctx: SyncWorkflowInterceptorContext,
        mut input: ContinueAsNewInput,
        next: WorkflowNext<'static, ContinueAsNewInput, ContinueAsNewResult>,
    ) -> ContinueAsNewResult {
        hand_on(ctx.context_value::<Carried>(), input.headers_mut());
        next.run(input)
    }
}
