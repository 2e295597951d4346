//! What callers, the workflow of a deletion and its steps say to each other.
//!
//! Everything here is stored in histories: a field is added with `#[serde(default)]`, never renamed and never given
//! another meaning. Ids and decisions only.

use super::error::AccountError;
use crate::{ids::UserId, sessions::contract::Entry, time::Instant};
use serde::{Deserialize, Serialize};

/// The flow that new deletions start with; see `workflow` for what each number means.
pub const CURRENT_FLOW: u32 = 1;

/// What a request that was let in before the deletion may still write is written by then: 10 minutes.
pub const STRAGGLERS_MINUTES: i64 = 10;

/// The workflow id of the deletion of an account.
#[must_use]
pub fn workflow_id(user: UserId) -> String {
    format!("account-{user}")
}

/// What a deletion's run is shown as.
#[must_use]
pub fn summary(user: UserId) -> String {
    format!("deletion of account {user}")
}

/// The start input of a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteAccount {
    /// The order of steps this run follows, see [`CURRENT_FLOW`].
    pub flow: u32,
    /// Whose account.
    pub user: UserId,
    /// Not marked as deleted by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The answer to update `delete`: updates lose the type of an error, so a no is an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marked {
    /// The account is deleted, and the rest goes on by itself.
    Done,
    /// Refused; nothing has changed.
    Refused(AccountError),
}

/// Input of step `accounts.mark_deleted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkDeleted {
    /// What was asked for.
    pub command: DeleteAccount,
    /// The workflow's time.
    pub now: Instant,
}

/// Input of the steps that need no more than the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfAccount {
    /// Whose.
    pub user: UserId,
    /// The workflow's time.
    pub now: Instant,
    /// The request that led here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Output of step `accounts.erase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// When to look once more: something may come after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Instant>,
}

/// Output of step `accounts.delete_identity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// The identity provider does not know the person any more.
    Deleted,
    /// There is none to be asked, by configuration.
    NoProvider,
}

/// The answer to query `state`: the deletion as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is still to be done: `mark`, `bookings`, `letters`, `erasure`, `identity`; nothing once all is.
    pub waiting_for: Vec<String>,
    /// What has happened.
    pub timeline: Vec<Entry>,
}
