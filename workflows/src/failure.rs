//! Failures of steps, as workflows see them.

use temporalio_common::{
    error::ApplicationFailure,
    protos::temporal::api::failure::v1::{Failure, failure::FailureInfo},
};
use temporalio_workflow::ActivityExecutionError;

/// The code of a failure that another attempt would only repeat.
///
/// A local step's failure is the step's own, any other's is wrapped in that of its execution.
pub(crate) fn for_good(error: &ActivityExecutionError) -> Option<String> {
    let outer = error.failure()?;
    code(outer).or_else(|| code(outer.cause.as_deref()?))
}

/// How a run ends where a step failed for good: with its code.
pub(crate) fn ended(error: ActivityExecutionError) -> ApplicationFailure {
    let code = for_good(&error).unwrap_or_else(|| "step_failed".to_owned());
    ApplicationFailure::builder(error)
        .type_name(code)
        .non_retryable(true)
        .build()
}

fn code(failure: &Failure) -> Option<String> {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) if info.non_retryable => Some(info.r#type.clone()),
        _ => None,
    }
}
