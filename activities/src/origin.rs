//! Whose doing each step is: told to the log, to the trace, and to the calls that the step makes.

use std::time::Instant;
use telemetry::{
    origin::Origin,
    trace::{SPANS, follow},
};
use temporalio_sdk::interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next};
use tracing::{Instrument, error_span, field};

/// Runs every step within what its headers say: the request that led to it, and its trace.
///
/// Each line of the log that a step writes says which step of which workflow it is, which attempt, and whose request.
pub struct Told;

impl ActivityInboundInterceptor for Told {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let headers = input.headers();
        let origin = Origin::from_headers(|name| headers.get(name).map(|payload| payload.data.as_slice()));
        let info = input.activity_info();
        let step = info.activity_type.clone();
        let span = error_span!(
            target: SPANS,
            "step",
            otel.name = step,
            otel.kind = "consumer",
            step,
            attempt = info.attempt,
            workflow_id = info.workflow_id,
            request_id = origin.request_id,
            otel.status_code = field::Empty,
        );
        if let Some(parent) = &origin.traceparent {
            follow(&span, parent);
        }
        let work = async move {
            let begun = Instant::now();
            let output = next.run(input).await;
            let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            // Why it failed has been said where it did.
            let outcome = if output.is_ok() { "done" } else { "failed" };
            if output.is_err() {
                tracing::Span::current().record("otel.status_code", "ERROR");
            }
            tracing::info!(outcome, duration_ms, "{step}: {outcome}");
            output
        };
        Box::pin(origin.scope(work.instrument(span)))
    }
}
