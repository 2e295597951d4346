//! End to end: what a caller sees, with the database, the engine, the worker and the mail server behind it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod app;
mod faults;
mod identity;
mod life;
mod processes;
mod races;
mod tokens;
mod waitlist;
