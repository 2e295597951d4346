//! Daily insights: a short text a day, by the reader's sign, in their language.
//!
//! [`sign`], [`days`] and [`language`] say whose day and words it is, [`choose`] which text of the library, and
//! [`workflow`] has the coming days prepared. Everything but the workflow is pure.

pub mod choose;
pub mod contract;
pub mod days;
pub mod language;
pub mod sign;
pub mod steps;
pub mod workflow;
