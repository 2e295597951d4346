//! Reading the environment: what the processes of this house have in common.
//!
//! Each process has its own `Config`; here are the reader that collects all mistakes, and the groups of variables that
//! more than one process reads.

mod engine;
mod environment;
mod sender;
mod vars;

pub use engine::{Engine, Tls};
pub use environment::Environment;
pub use sender::Sender;
pub use vars::{Problems, Vars};
