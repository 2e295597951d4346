//! Storage, on both databases: what the schema refuses, what the finders find, what the plans are.

mod audit;
mod connection;
mod constraints;
mod events;
mod lists;
mod people;
mod plans;
mod races;
mod reviews;
mod schedules;
mod schema;
mod support;
