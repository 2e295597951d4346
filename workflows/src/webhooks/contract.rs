//! What the workflow of a delivery and its steps say to each other.
//!
//! Everything here is stored in histories: a field is added with `#[serde(default)]`, never renamed and never given
//! another meaning. Ids and decisions only: neither addresses nor secrets nor what was told.

use crate::{
    ids::{SessionId, WebhookId},
    time::Instant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The flow that new runs start with; see `workflow` for what each number means.
pub const CURRENT_FLOW: u32 = 1;

/// The namespace of events.
const EVENTS: Uuid = Uuid::from_u128(0x2f0c_41d8_95ab_5e17_a6c3_70de_1b84_93f5);

/// The workflow id of what an endpoint is told of a session.
#[must_use]
pub fn workflow_id(endpoint: WebhookId, session: SessionId) -> String {
    format!("webhook-{endpoint}-{session}")
}

/// What such a run is shown as.
#[must_use]
pub fn summary(endpoint: WebhookId, session: SessionId) -> String {
    format!("tell webhook {endpoint} of session {session}")
}

/// The `webhook-id` of an event: the same for every endpoint, attempt and replay.
#[must_use]
pub fn event_id(session: SessionId, seq: i32) -> String {
    let of_session = Uuid::new_v5(&EVENTS, session.0.as_bytes());
    format!("evt_{}", Uuid::new_v5(&of_session, &seq.to_be_bytes()).simple())
}

/// The start input of the workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The order of steps this run follows, see [`CURRENT_FLOW`].
    pub flow: u32,
    /// Who is told.
    pub endpoint: WebhookId,
    /// Of which session; of a test call, its own id.
    pub session: SessionId,
    /// What the run before waited for, where it grew long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

impl Deliver {
    /// As runs begin today.
    #[must_use]
    pub fn new(endpoint: WebhookId, session: SessionId) -> Self {
        Self {
            flow: CURRENT_FLOW,
            endpoint,
            session,
            waiting: None,
        }
    }
}

/// A pause between two attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What is attempted again.
    pub due: Due,
    /// When.
    pub until: Instant,
}

/// An event that is to be told, and how often that was attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The event's number in its session.
    pub seq: i32,
    /// Attempts so far.
    pub attempts: u32,
    /// It is not tried again: a test call.
    #[serde(default)]
    pub once: bool,
}

/// Input of step `webhooks.next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextEvent {
    /// Who is told.
    pub endpoint: WebhookId,
    /// Of which session.
    pub session: SessionId,
    /// The workflow's time.
    pub now: Instant,
}

/// Input of step `outreach.deliver_webhook`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who is told.
    pub endpoint: WebhookId,
    /// Of which session.
    pub session: SessionId,
    /// Which event.
    pub due: Due,
}

/// Output of step `outreach.deliver_webhook`: what became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver has it.
    Delivered {
        /// What it answered: 200 to 299.
        status: u16,
    },
    /// It does not.
    Failed {
        /// What it answered, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why, as a stable code.
        code: String,
        /// It wants to be left alone for so long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u32>,
        /// It never wants to hear of anything again.
        #[serde(default)]
        gone: bool,
    },
    /// There is nothing to be told any more.
    Moot,
}

/// Input of step `webhooks.record`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who was told.
    pub endpoint: WebhookId,
    /// Of which session.
    pub session: SessionId,
    /// What was attempted, as it was before.
    pub due: Due,
    /// What became of it.
    pub outcome: Outcome,
    /// It is not attempted again.
    pub given_up: bool,
    /// The workflow's time.
    pub now: Instant,
}

/// Output of step `webhooks.record`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The endpoint was disabled for it, and somebody is to be told.
    #[serde(default)]
    pub disabled: bool,
}

/// Input of step `outreach.tell_disabled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellDisabled {
    /// What was disabled.
    pub endpoint: WebhookId,
    /// The workflow's time.
    pub now: Instant,
}
