//! Reconciliation: what the database says and what the engine runs are brought to agree, again and again.
//!
//! [`workflow`] goes along all that is open, page by page; [`steps`] look at one page and mend what is found there.
//! Either side may have been restored to an earlier or a later hour than the other, or a step may have committed while
//! its run was lost. The row is the truth: a run is started for a row that has none, and a run that stands otherwise is
//! told to look at its row.

pub mod contract;
pub mod steps;
pub mod workflow;
