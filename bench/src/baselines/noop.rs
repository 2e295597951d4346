//! The least that an engine can be asked for with an answer: a workflow whose update does nothing, and which then ends.

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};
use workflows::sessions::contract::{Asked, Book};

/// Takes what a booking takes, and does nothing with it.
#[workflow]
pub struct Noop {
    asked: bool,
}

#[workflow_methods]
impl Noop {
    #[init]
    pub fn new(_ctx: &WorkflowContextView, _book: Book) -> Self {
        Self { asked: false }
    }

    #[run(name = "bench_noop")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.wait_condition(|s| s.asked).await?;
        ctx.wait_condition(|_| ctx.all_handlers_finished()).await?;
        Ok(())
    }

    #[update(name = "book")]
    pub async fn book(ctx: &mut WorkflowContext<Self>, _asked: Asked) -> bool {
        ctx.state_mut(|s| s.asked = true);
        true
    }
}
