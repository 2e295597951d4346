//! What callers, a feed's workflow and its step say to each other.
//!
//! Everything here is stored in histories: a field is added with `#[serde(default)]`, never renamed and never given
//! another meaning. Ids and decisions only: no address, no event.

use crate::{ids::BusyFeedId, time::Instant};
use serde::{Deserialize, Serialize};

/// The flow that new runs start with; see `workflow` for what each number means.
pub const CURRENT_FLOW: u32 = 1;

/// The workflow id of a feed.
#[must_use]
pub fn workflow_id(feed: BusyFeedId) -> String {
    format!("busy-feed-{feed}")
}

/// What a feed's run is shown as.
#[must_use]
pub fn summary(feed: BusyFeedId) -> String {
    format!("busy feed {feed}")
}

/// The start input of a feed's workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// The order of steps this run follows, see [`CURRENT_FLOW`].
    pub flow: u32,
    /// Which feed.
    pub feed: BusyFeedId,
}

impl Follow {
    /// The feed, as runs begin today.
    #[must_use]
    pub fn new(feed: BusyFeedId) -> Self {
        Self {
            flow: CURRENT_FLOW,
            feed,
        }
    }
}

/// Input of step `busy_feeds.read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFeed {
    /// Which feed.
    pub feed: BusyFeedId,
    /// The workflow's time.
    pub now: Instant,
}

/// Output of step `busy_feeds.read`: what was read is on record, good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRead {
    /// Seconds until the feed is to be read again; absent when it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_in_seconds: Option<u32>,
}
