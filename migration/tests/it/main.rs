//! The migrations, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may stop at the first surprise as well"
)]

mod history;
mod support;
