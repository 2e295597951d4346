//! Calendars elsewhere whose events block a specialist's time: which they are, and how each is doing.
//!
//! The list is a plain record that the API writes; reading the calendars is the workers' business.

mod read;
pub mod routes;
pub mod wire;
mod write;
