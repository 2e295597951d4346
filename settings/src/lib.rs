//! Reading the environment: what the processes of this house have in common.
//!
//! Each process has its own `Config`; here are the reader that collects all mistakes, the groups of variables that more
//! than one process reads, and the tokens of links, which one process makes and another judges by the same keys.

mod engine;
mod environment;
mod links;
mod origin;
pub mod reference;
mod sender;
mod vars;

pub use engine::{Engine, Tls, client};
pub use environment::Environment;
pub use links::{LinkKeys, Purpose};
pub use sender::Sender;
pub use vars::{Problems, Vars};
