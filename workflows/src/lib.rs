//! The vocabulary, the contracts and the rules of Aroti, and its durable workflows.
//!
//! Everything here is deterministic: no clock, no I/O, no randomness but what a workflow context gives.
//! Start with [`sessions`] for the life of a booking, with [`slots`] for when one may begin, with [`waitlist`] for who
//! is offered what becomes free, and with [`webhooks`] for how others are told.

pub mod accounts;
mod beside;
pub mod busy_feeds;
pub mod carried;
mod failure;
pub mod ids;
pub mod insights;
mod patience;
pub mod reconciliation;
pub mod reports;
pub mod reviews;
pub mod series;
pub mod sessions;
pub mod slots;
pub mod time;
pub mod waitlist;
pub mod webhooks;
