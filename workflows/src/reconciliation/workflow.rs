//! The run, every quarter of an hour, that brings the database and the engine to agree.
//!
//! # Flows
//! `1`: part by part, page by page.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{Found, Look, Part, Reconcile, Resumed},
    steps::ReconciliationSteps,
};
use crate::{failure::ended, insights::steps::background, patience::now};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{ContinueAsNewOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

/// A page is tried for so long; the next run begins anew.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// Events after which a run continues as new.
const LONG_HISTORY: u32 = 800;

/// Compares and mends.
#[workflow]
pub struct Reconciliation {
    reconcile: Reconcile,
}

#[workflow_methods]
impl Reconciliation {
    /// A run that has yet to look.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, reconcile: Reconcile) -> Self {
        Self { reconcile }
    }

    /// Look at everything that is open, and mend; what was found.
    #[run(name = "reconciliation")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Found> {
        let reconcile = ctx.state(|s| s.reconcile.clone());
        let Resumed {
            mut part,
            mut after,
            mut found,
        } = reconcile.resumed.clone().unwrap_or(Resumed {
            part: Part::FIRST,
            after: None,
            found: Found::default(),
        });
        loop {
            let input = Look {
                part,
                after,
                grace_minutes: reconcile.grace_minutes,
                now: now(ctx),
            };
            let options = background(format!("compare {}", part.as_str()), PATIENCE);
            let looked = match ctx.execute_activity(ReconciliationSteps::look, input, options).await {
                Ok(looked) => looked,
                Err(error) => return Err(ended(error).into()),
            };
            found = found.and(looked.found);
            after = looked.next;
            if after.is_none() {
                match part.next() {
                    Some(next) => part = next,
                    None => return Ok(found),
                }
            }
            if LONG_HISTORY < ctx.history_length() {
                let resumed = Some(Resumed { part, after, found });
                ctx.continue_as_new(Reconcile { resumed, ..reconcile }, ContinueAsNewOptions::default())?;
                return Ok(found);
            }
        }
    }
}
