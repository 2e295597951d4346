//! The steps of a report.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::OfReport;
use crate::sessions::{contract::Mailed, steps};
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityOptions;

/// What happens to a report.
pub struct ReportSteps;

#[activity_definitions]
impl ReportSteps {
    /// Count the day and store what it came to, unless that has been done. Undo: none, a day may have its report.
    #[activity(name = "reports.compute")]
    pub fn compute(input: OfReport) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// The mail of a report.
pub struct ReportMailSteps;

#[activity_definitions]
impl ReportMailSteps {
    /// Mail the report to each of the configured recipients, once; dropped where there are none.
    #[activity(name = "outreach.send_report")]
    pub fn send_report(input: OfReport) -> Result<Mailed, ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::{report_mail_steps::SendReport, report_steps::Compute};
}

/// Sending the report, for three days.
pub(super) fn mail(queue: String) -> ActivityOptions {
    steps::outreach("send the report".to_owned(), queue, Duration::from_secs(3 * 86_400))
}
