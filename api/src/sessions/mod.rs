//! Sessions: booking one, reading them, calling one off.
//!
//! Start with [`routes`]. [`book`] and [`cancel`] give the commands to the engine, [`read`] asks the database.

pub mod book;
pub mod cancel;
pub mod flight;
pub mod hash;
pub mod read;
pub mod routes;
pub mod wire;
