//! The steps against real services, and the workflow with them.

mod story;
mod support;
mod trouble;
