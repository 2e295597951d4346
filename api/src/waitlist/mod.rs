//! The waitlist: who waits for a specialist, and what they are offered.

pub mod command;
pub mod offer;
pub mod page;
pub mod read;
pub mod routes;
pub mod wire;
