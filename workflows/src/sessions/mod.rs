//! Sessions: the life of a booking.
//!
//! [`workflow`] tells the story, [`steps`] declares what it does to the world, [`contract`] is what callers and
//! steps say to each other, [`rules`] decides.

pub mod contract;
pub mod error;
mod letters;
pub mod rules;
pub mod state;
pub mod steps;
pub mod workflow;
