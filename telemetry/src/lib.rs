//! What every process of this house says about itself.
//!
//! Here: how a log line looks, what is counted ([`metrics`]), how a request is followed from process to process
//! ([`origin`], [`trace`]), secrets that do not print, and the one way to ignore a failure.
//! Not here: what is logged, which belongs to whoever logs it.
//! Start with [`start`].

mod best_effort;
mod log;
pub mod metrics;
pub mod origin;
mod secret;
pub mod trace;

pub use best_effort::{best_effort, ignored_failures};
pub use log::{LogFormat, LogLevel, LogOptions, UnknownFormat, UnknownLevel, init, start};
pub use secret::Secret;
