//! Reading the environment: what the processes of this house have in common.
//!
//! Each process has its own `Config`; here are the reader that collects all mistakes, the groups of variables that more
//! than one process reads, the tokens of links, which one process makes and another judges by the same keys, the seal of
//! secrets that are kept in the database, and which addresses of strangers are called at all.

mod engine;
mod environment;
mod links;
mod origin;
mod outside;
pub mod reference;
mod seal;
mod sender;
mod vars;

pub use engine::{Engine, Tls, client};
pub use environment::Environment;
pub use links::{LinkKeys, Purpose};
pub use outside::{Reach, Refused, is_public};
pub use seal::Sealer;
pub use sender::Sender;
pub use vars::{Problems, Vars};
