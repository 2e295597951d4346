//! What every process of this house says about itself.
//!
//! Here: how a log line looks, secrets that do not print, and the one way to ignore a failure.
//! Not here: what is logged, which belongs to whoever logs it.
//! Start with [`init`].

mod best_effort;
mod log;
mod secret;

pub use best_effort::{best_effort, ignored_failures};
pub use log::{LogFormat, LogLevel, LogOptions, UnknownFormat, UnknownLevel, init};
pub use secret::Secret;
