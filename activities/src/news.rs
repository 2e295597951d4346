//! After each step, word to whoever follows its session that there may be news, and copies of what it changed dropped.

use entities::cache::{Cache, changes};
use temporalio_sdk::interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next};
use tracing::Instrument;
use workflows::sessions::contract::session_of;

/// Calls out the session of every step that has ended, however it ended: its news are committed by then, or there are
/// none.
///
/// Around all steps, of all queues, so that none can forget it. A session that another one's step has changed (an
/// expired hold in the way of a booking) is not called out; who follows it looks by itself within a second.
pub struct CallOut(pub Cache);

impl ActivityInboundInterceptor for CallOut {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let session = input.activity_info().workflow_id.as_deref().and_then(session_of);
        Box::pin(async move {
            let output = next.run(input).await;
            if let Some(session) = session {
                let cache = self.0.clone();
                // Nobody waits for it, and it gives up by itself after half a second.
                let call = async move { telemetry::best_effort("wake event streams", cache.call_out(session)).await };
                tokio::spawn(call.in_current_span());
            }
            output
        })
    }
}

/// Drops the copies of what a step has changed before the step is reported as done.
///
/// The follow-up that the step wrote does so too, a second later and as often as it takes.
pub struct DropCopies(pub Cache);

impl ActivityInboundInterceptor for DropCopies {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        Box::pin(changes::noticing(Some(&self.0), next.run(input)))
    }
}
