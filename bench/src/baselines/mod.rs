//! What ours is compared with: the least that a server, an engine and a usual design could do.

pub mod hello;
pub mod host;
pub mod naive;
pub mod noop;
