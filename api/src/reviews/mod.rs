//! Reviews: what clients say about specialists.

pub mod read;
pub mod routes;
pub mod wire;
