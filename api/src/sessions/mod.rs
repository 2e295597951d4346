//! Sessions: booking one, reading them, changing one, following one live, calling one off.
//!
//! Start with [`routes`]. [`book`] makes sessions, [`command`] gives commands to those that are there, [`read`] asks the
//! database, [`events`] sends what happens as it happens.

pub mod book;
pub mod command;
pub mod events;
pub mod flight;
pub mod hash;
pub mod read;
pub mod routes;
pub mod wire;
