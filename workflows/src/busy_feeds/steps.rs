//! The step of a busy feed: its name, types and promise.

#![expect(
    missing_docs,
    reason = "the macro's constants and structs do not take over the docs of the declarations"
)]

use super::contract::{FeedRead, ReadFeed};
use crate::sessions::steps::outreach;
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityOptions;

/// What leaves the house to read calendars.
pub struct BusyFeedSteps;

#[activity_definitions]
impl BusyFeedSteps {
    /// Read the calendar and put on record what it blocks; a source that is down or hostile is on record too, and what
    /// was read last stays. Nothing to undo: a repeat reads again.
    #[activity(name = "busy_feeds.read")]
    pub fn read(input: ReadFeed) -> Result<FeedRead, ActivityError> {
        unimplemented!()
    }
}

/// The declarations as types, for implementations to name.
pub mod declared {
    pub use super::busy_feed_steps::Read;
}

/// Reading, for an hour, after which the workflow goes on with a fresh `now`. On the queue of what leaves the house, so
/// that a hostile calendar takes no booking's place.
pub(super) fn read(queue: String) -> ActivityOptions {
    outreach("read the calendar".to_owned(), queue, Duration::from_secs(3_600))
}
