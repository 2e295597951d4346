//! The migrations, on both databases.

mod history;
mod support;
