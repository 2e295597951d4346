//! End to end: what a caller sees, with the database, the engine, the worker and the mail server behind it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod app;
mod audit;
mod calendar;
mod events;
mod faults;
mod groups;
mod holds;
mod identity;
mod insights;
mod life;
mod processes;
mod races;
mod reports;
mod reschedule;
mod reviews;
mod rounds;
mod series;
mod sse;
mod table;
mod tokens;
mod waitlist;
