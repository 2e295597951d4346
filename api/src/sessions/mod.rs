//! Sessions: booking one, reading them, following one live, calling one off.
//!
//! Start with [`routes`]. [`book`] and [`cancel`] give the commands to the engine, [`read`] asks the database, [`events`]
//! sends what happens as it happens.

pub mod book;
pub mod cancel;
pub mod events;
pub mod flight;
pub mod hash;
pub mod read;
pub mod routes;
pub mod wire;
