//! Reviews: what a client says of a session that took place.

pub mod rules;
