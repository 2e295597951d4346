//! Profiles: what people say about themselves, and how they want to be told.

pub mod read;
pub mod routes;
pub mod wire;
pub mod write;
