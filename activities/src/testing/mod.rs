//! What tests share: databases, people to book with, a worker, skipped time.
//!
//! Tests may panic; so may this. [`world::World`] is everything but the HTTP layer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

pub mod auditor;
pub mod database;
pub mod days;
pub mod engine;
pub mod faults;
pub mod histories;
pub mod identity;
pub mod meetings;
pub mod people;
pub mod personal;
pub mod port;
pub mod proofs;
pub mod scaler;
pub mod stranger;
pub mod wait;
pub mod world;
