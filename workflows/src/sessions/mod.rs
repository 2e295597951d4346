//! Sessions: the life of a booking.
//!
//! [`workflow`] tells the story, [`steps`] declares what it does to the world, [`contract`] is what callers and
//! steps say to each other, [`case`] and [`rules`] decide.

pub mod case;
mod commands;
pub mod contract;
mod errands;
pub mod error;
pub mod rules;
mod standing;
pub mod state;
pub mod steps;
pub mod workflow;
