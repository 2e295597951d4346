//! Daily insights: a short text a day for everybody, and the library it comes from, for administrators.

pub mod read;
pub mod routes;
pub mod wire;
pub mod write;
