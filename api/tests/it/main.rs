//! End to end: what a caller sees, with the database, the engine, the worker and the mail server behind it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod app;
mod audit;
mod cache;
mod calendar;
mod events;
mod faults;
mod groups;
mod holds;
mod identity;
mod life;
mod limits;
mod processes;
mod races;
mod reschedule;
mod reviews;
mod rounds;
mod series;
mod sse;
mod table;
mod tokens;
mod waitlist;
