//! What stands in calendars, as a parser of somebody else's reads it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod events;
mod feeds;
mod words;
