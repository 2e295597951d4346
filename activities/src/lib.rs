//! Side effects: the steps of the workflows, and the worker that hosts both.
//!
//! [`sessions`], [`series`] and [`outreach`] implement what `workflows` declares; [`meetings`] and [`mail`] are what leaves the
//! house. Start with [`worker`] for how it is put together; [`process`] is its `main`.

pub mod accounts;
pub mod busy_feeds;
pub mod commands;
pub mod config;
pub mod crash;
pub mod error;
pub mod figures;
pub mod follow_ups;
pub mod health;
pub mod insights;
pub mod mail;
pub mod meetings;
pub mod news;
pub mod origin;
#[cfg(feature = "outbox")]
pub mod outbox;
pub mod outreach;
pub mod outside;
pub mod process;
pub mod reconciliation;
pub mod reports;
pub mod rollout;
pub mod schedules;
pub mod series;
pub mod sessions;
mod step;
#[cfg(feature = "testing")]
pub mod testing;
pub mod waitlist;
pub mod webhooks;
pub mod worker;
