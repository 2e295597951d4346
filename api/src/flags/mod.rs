//! Feature flags: what is open to whom.
//!
//! Requests ask the copy in memory, [`entities::feature_flag::Flags`]; those who run the place change the table.

pub mod read;
pub mod routes;
pub mod wire;
pub mod write;
