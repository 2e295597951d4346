//! Who gives sessions and what they offer, as those who run the place see it and change it.
//!
//! Everything of a specialist but their schedule, which is [`crate::schedules`]' business, has one version: that of the
//! specialist. Nothing is ever deleted: what is not active cannot be booked, and what is booked stays.

pub mod read;
pub mod routes;
pub mod services;
pub mod specialists;
pub mod wire;
