//! The step of the reconciliation.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{Look, Looked};
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

/// What brings the database and the engine to agree.
pub struct ReconciliationSteps;

#[activity_definitions]
impl ReconciliationSteps {
    /// Compare a page of what is open with what runs, and mend what does not agree. Undo: none.
    ///
    /// A repeat finds what it has mended in order.
    #[activity(name = "reconciliation.look")]
    pub fn look(input: Look) -> Result<Looked, ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::reconciliation_steps::Look;
}
