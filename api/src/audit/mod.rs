//! The audit trail, for those who run the place: who did what, when, to which fields.
//!
//! Nothing is written here: every change is put on record by whoever makes it, in the same transaction.

pub mod read;
pub mod routes;
pub mod wire;
