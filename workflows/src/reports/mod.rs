//! Daily reports: what a day came to, in figures, for those who run the place.
//!
//! Days are those of UTC. [`rules`] says what counts, [`workflow`] has a day computed and mailed.

pub mod contract;
pub mod rules;
pub mod steps;
pub mod workflow;
