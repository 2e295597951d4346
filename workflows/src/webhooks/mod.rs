//! Webhooks: how those who asked for it are told what happens to sessions.
//!
//! One workflow for each endpoint and session, so that the events of a session arrive in their order, and a session waits
//! for no other one. What is to be told is in the database; a run carries it out and knows when to try again.

pub mod contract;
pub mod rules;
pub mod steps;
pub mod workflow;
