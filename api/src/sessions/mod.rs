//! Sessions: booking one, reading them, changing one, calling one off.
//!
//! Start with [`routes`]. [`book`] makes sessions, [`command`] gives commands to those that are there, [`read`] asks the
//! database.

pub mod book;
pub mod command;
pub mod flight;
pub mod hash;
pub mod read;
pub mod routes;
pub mod wire;
