//! Accounts: what happens when somebody leaves for good.
//!
//! [`workflow`] tells the story, [`steps`] declares what it does to the world, [`contract`] is what callers and steps
//! say to each other.

pub mod contract;
pub mod error;
pub mod steps;
pub mod workflow;
