//! End to end: what a caller sees, with the database, the engine, the worker and the mail server behind it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod accounts;
mod app;
mod audit;
mod busy_feeds;
mod cache;
mod calendar;
mod counts;
mod events;
mod faults;
mod flags;
mod groups;
mod holds;
mod identity;
mod insights;
mod life;
mod limits;
mod matrix;
mod processes;
mod races;
mod reports;
mod reschedule;
mod reviews;
mod rollout;
mod roster;
mod rounds;
mod scaling;
mod schedules;
mod series;
mod sse;
mod table;
mod telemetry;
mod tokens;
mod trail;
mod waitlist;
mod webhooks;
