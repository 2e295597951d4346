//! Workflows as a whole: open sessions survive this commit, and the slots program answers at a prompt.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

mod prompt;
mod replay;
