//! Storage, on both databases: what the schema refuses, what the finders find, what the plans are.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what helps a test may stop at the first surprise as well"
)]

mod audit;
mod busy_feeds;
mod calendar_feeds;
mod connection;
mod constraints;
mod events;
mod figures;
mod flags;
mod insights;
mod lists;
mod people;
mod plans;
mod races;
mod reports;
mod reviews;
mod schedules;
mod schema;
mod support;
mod waitlists;
mod webhooks;
