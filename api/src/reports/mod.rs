//! Daily reports, for administrators.

pub mod read;
pub mod routes;
pub mod wire;
