//! Storage, on both databases: what the schema refuses, what the finders find, what the plans are.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what helps a test may stop at the first surprise as well"
)]

mod audit;
mod calendar_feeds;
mod connection;
mod constraints;
mod events;
mod figures;
mod lists;
mod people;
mod plans;
mod races;
mod reviews;
mod schedules;
mod schema;
mod support;
mod waitlists;
