//! Webhooks: who is told what happens to sessions, for administrators.
//!
//! `docs/webhooks.md` is for those who receive.

pub mod read;
pub mod reply;
pub mod routes;
pub mod wire;
pub mod write;
