//! The waitlist of a specialist: what becomes free is offered to those who wait, in their order.
//!
//! [`workflow`] tells the story of one specialist's list, [`steps`] declares what it does to the world, [`contract`] is
//! what callers and steps say to each other, [`rules`] decides. An offer is a session that is held until the offer
//! ends: it has a run of its own like every other, and how it stands is how the offer stands.

pub mod contract;
pub mod error;
pub mod rules;
pub mod state;
pub mod steps;
pub mod workflow;
