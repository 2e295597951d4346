//! The steps against real services, and the workflow with them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod accounts;
mod auditor;
mod busy_feeds;
mod daily;
mod long;
mod proofs;
mod reconciliation;
mod reminders;
mod series;
mod story;
mod support;
mod trouble;
mod waitlist;
mod webhooks;
