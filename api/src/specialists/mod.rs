//! Specialists: who they are, what they offer, and when.

pub mod availability;
pub mod read;
pub mod routes;
pub mod wire;
