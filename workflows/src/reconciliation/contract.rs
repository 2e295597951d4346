//! What the schedule of the reconciliation, its workflow and its step say to each other.
//!
//! Everything here is stored in histories: a field is added with `#[serde(default)]`, never renamed and never given
//! another meaning. Ids and counts only.

use crate::{insights::contract::named, time::Instant};
use serde::{Deserialize, Serialize};

/// The flow that new runs start with.
pub const CURRENT_FLOW: u32 = 1;

/// How often it is looked.
pub const EVERY_MINUTES: u32 = 15;

/// What has changed, or ended, so recently is left alone: it may be under way. More than the two minutes after which a
/// command refuses itself.
pub const GRACE_MINUTES: u32 = 5;

/// The id of the schedule, and what the ids of its runs begin with; a namespace may have several queues.
#[must_use]
pub fn schedule_id(queue: &str) -> String {
    named("reconciliation", queue)
}

/// The start input of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconcile {
    /// The order of steps this run follows.
    pub flow: u32,
    /// What has changed less than so many minutes ago is left alone.
    pub grace_minutes: u32,
    /// Where a run with a long history left off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
}

impl Reconcile {
    /// All of it, as runs begin today.
    #[must_use]
    pub fn new(grace_minutes: u32) -> Self {
        Self {
            flow: CURRENT_FLOW,
            grace_minutes,
            resumed: None,
        }
    }
}

/// Where a run goes on that was continued as new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The part it had come to.
    pub part: Part,
    /// Behind what; from the beginning of the part when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What was found until then.
    pub found: Found,
}

/// What is looked at, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Open sessions, each of which has a run.
    Sessions,
    /// Runs of sessions, each of which has an open row that says the same.
    Runs,
    /// Lists in which somebody waits.
    Waitlists,
    /// Calendars elsewhere that are to be read.
    BusyFeeds,
    /// Webhooks that have yet to be told something.
    Deliveries,
    /// Accounts whose deletion has not ended.
    Accounts,
}

impl Part {
    /// The first one.
    pub const FIRST: Self = Self::Sessions;

    /// The one after this; none after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Sessions => Some(Self::Runs),
            Self::Runs => Some(Self::Waitlists),
            Self::Waitlists => Some(Self::BusyFeeds),
            Self::BusyFeeds => Some(Self::Deliveries),
            Self::Deliveries => Some(Self::Accounts),
            Self::Accounts => None,
        }
    }

    /// What operators see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "open sessions",
            Self::Runs => "runs of sessions",
            Self::Waitlists => "waitlists",
            Self::BusyFeeds => "busy feeds",
            Self::Deliveries => "webhooks",
            Self::Accounts => "deletions",
        }
    }
}

/// Input of step `reconciliation.look`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// At what.
    pub part: Part,
    /// Behind what: as the page before said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// As in [`Reconcile::grace_minutes`].
    pub grace_minutes: u32,
    /// The workflow's time.
    pub now: Instant,
}

/// Output of step `reconciliation.look`: what was found is mended, or will be when it is looked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Where the next page begins; absent when this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What there was.
    pub found: Found,
}

/// What was looked at, and what did not agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Rows and runs that were looked at.
    #[serde(default)]
    pub looked_at: u32,
    /// Open sessions without a run: each has one again.
    #[serde(default)]
    pub sessions_without_run: u32,
    /// Runs of sessions without a row: told, which ends them.
    #[serde(default)]
    pub runs_without_session: u32,
    /// Runs of sessions whose row says otherwise: told.
    #[serde(default)]
    pub runs_that_differ: u32,
    /// Waitlists without a run.
    #[serde(default)]
    pub waitlists_without_run: u32,
    /// Calendars without a run.
    #[serde(default)]
    pub busy_feeds_without_run: u32,
    /// Webhooks without a run.
    #[serde(default)]
    pub deliveries_without_run: u32,
    /// Deletions without a run.
    #[serde(default)]
    pub deletions_without_run: u32,
    /// What could not be mended this time.
    #[serde(default)]
    pub not_mended: u32,
}

impl Found {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let Self {
            looked_at,
            sessions_without_run,
            runs_without_session,
            runs_that_differ,
            waitlists_without_run,
            busy_feeds_without_run,
            deliveries_without_run,
            deletions_without_run,
            not_mended,
        } = other;
        Self {
            looked_at: self.looked_at.saturating_add(looked_at),
            sessions_without_run: self.sessions_without_run.saturating_add(sessions_without_run),
            runs_without_session: self.runs_without_session.saturating_add(runs_without_session),
            runs_that_differ: self.runs_that_differ.saturating_add(runs_that_differ),
            waitlists_without_run: self.waitlists_without_run.saturating_add(waitlists_without_run),
            busy_feeds_without_run: self.busy_feeds_without_run.saturating_add(busy_feeds_without_run),
            deliveries_without_run: self.deliveries_without_run.saturating_add(deliveries_without_run),
            deletions_without_run: self.deletions_without_run.saturating_add(deletions_without_run),
            not_mended: self.not_mended.saturating_add(not_mended),
        }
    }

    /// Whether everything agreed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self
            == Self {
                looked_at: self.looked_at,
                ..Self::default()
            }
    }
}
