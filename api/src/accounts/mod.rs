//! Accounts: what is stored about a person, where push messages go, and leaving for good.

pub mod delete;
pub mod devices;
pub mod export;
pub mod routes;
pub mod wire;
