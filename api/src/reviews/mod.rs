//! Reviews: what clients say about specialists, once a session.

pub mod read;
pub mod routes;
pub mod wire;
pub mod write;
