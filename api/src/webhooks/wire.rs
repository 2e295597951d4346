//! Webhooks on the wire.

use crate::http::{
    body::{Fields, Strict},
    instant::Utc,
};
use entities::{
    column::Words,
    webhook_delivery,
    webhook_endpoint::{self, Disabled},
};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use url::Url;
use uuid::Uuid;
use workflows::webhooks::{contract::event_id, rules::EventType};

/// The longest address, in bytes.
const LONGEST_URL: usize = 2_000;

/// Somebody to be told.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct WebhookRequest {
    /// Where: `https://`, on the public internet.
    #[oai(validator(max_length = 2000))]
    pub url: String,
    /// What it is for, at most 500 bytes.
    #[oai(nullable, validator(max_length = 500))]
    pub description: Option<String>,
    /// What it wants to be told, such as `session.confirmed`; everything when absent or empty.
    #[oai(nullable)]
    pub event_types: Option<Vec<String>>,
    /// Who gets a mail when it is disabled; the caller's address when absent.
    #[oai(nullable, validator(max_length = 254))]
    pub notify_email: Option<String>,
}

/// What is to be changed; what is absent stays as it is.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where: `https://`, on the public internet.
    #[oai(nullable, validator(max_length = 2000))]
    pub url: Option<String>,
    /// What it is for, at most 500 bytes.
    #[oai(nullable, validator(max_length = 500))]
    pub description: Option<String>,
    /// What it wants to be told; everything when empty.
    #[oai(nullable)]
    pub event_types: Option<Vec<String>>,
    /// Who gets a mail when it is disabled.
    #[oai(nullable, validator(max_length = 254))]
    pub notify_email: Option<String>,
    /// Whether it is told at all. What it was not told while it was disabled can be replayed.
    #[oai(nullable)]
    pub enabled: Option<bool>,
}

/// What is to be told once more.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Of this session; of all when absent.
    #[oai(nullable)]
    pub session_id: Option<Uuid>,
    /// Everything that happened then or later, told or not; when absent, what was given up.
    #[oai(nullable)]
    pub since: Option<Utc>,
}

impl Strict for WebhookRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        if !fields.has("url") {
            fields.refuse("url", "missing", "is required");
        }
        let url = url(fields);
        Some(Self {
            description: fields.text("description", 500),
            event_types: event_types(fields),
            notify_email: email(fields),
            url: url?,
        })
    }
}

impl Strict for WebhookChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            url: url(fields),
            description: fields.text("description", 500),
            event_types: event_types(fields),
            notify_email: email(fields),
            enabled: fields.optional("enabled"),
        })
    }
}

impl Strict for ReplayRequest {
    const MAY_BE_ABSENT: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            session_id: fields.optional("session_id"),
            since: fields.optional("since"),
        })
    }
}

/// An address; whether it is called at all is decided where the configuration is known.
fn url(fields: &mut Fields) -> Option<String> {
    let text = fields.text("url", LONGEST_URL)?;
    if Url::parse(&text).is_ok_and(|url| url.has_host()) {
        return Some(text);
    }
    fields.refuse("url", "invalid", "must be an address such as https://example.com/hook");
    None
}

fn event_types(fields: &mut Fields) -> Option<Vec<String>> {
    let mut types: Vec<String> = fields.optional("event_types")?;
    let known = |name: &String| EventType::ALL.iter().any(|kind| kind.as_str() == name);
    if !types.iter().all(known) {
        let names: Vec<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        fields.refuse("event_types", "invalid", format!("must be among {}", names.join(", ")));
        return None;
    }
    types.sort();
    types.dedup();
    Some(types)
}

fn email(fields: &mut Fields) -> Option<String> {
    let text = fields.text("notify_email", 254)?;
    if is_address(&text) {
        return Some(text);
    }
    fields.refuse("notify_email", "invalid", "must be a mail address");
    None
}

/// Enough for a slip of the finger to be noticed; whether anybody reads it only a mail can tell.
fn is_address(text: &str) -> bool {
    let plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Why a webhook is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// An administrator wanted it so.
    ByAdmin,
    /// Nothing reached it for three days.
    Failing,
    /// It answered 410.
    Gone,
}

impl From<Disabled> for DisabledReason {
    fn from(reason: Disabled) -> Self {
        match reason {
            Disabled::ByAdmin => Self::ByAdmin,
            Disabled::Failing => Self::Failing,
            Disabled::Gone => Self::Gone,
        }
    }
}

/// Somebody who is told, without the secret.
#[derive(Debug, Object, Serialize)]
pub struct WebhookView {
    /// Its id.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it is told; everything when empty.
    pub event_types: Vec<String>,
    /// Who gets a mail when it is disabled.
    pub notify_email: String,
    /// Whether it is told at all.
    pub enabled: bool,
    /// Since when it is not.
    #[oai(nullable)]
    pub disabled_at: Option<Utc>,
    /// Why.
    #[oai(nullable)]
    pub disabled_reason: Option<DisabledReason>,
    /// Until when the secret before the last rotation signs as well.
    #[oai(nullable)]
    pub previous_secret_until: Option<Utc>,
    /// Raised by every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Utc,
    /// When it was last changed.
    pub updated_at: Utc,
}

impl From<webhook_endpoint::Model> for WebhookView {
    fn from(endpoint: webhook_endpoint::Model) -> Self {
        let webhook_endpoint::Model {
            id,
            url,
            description,
            event_types: Words(event_types),
            notify_email,
            enabled,
            disabled_at,
            disabled_reason,
            disabled_by: _,
            notified_at: _,
            secret: _,
            previous_secret: _,
            previous_secret_until,
            version,
            created_at,
            updated_at,
        } = endpoint;
        Self {
            id: id.0,
            url,
            description,
            event_types,
            notify_email,
            enabled,
            disabled_at: disabled_at.map(Utc),
            disabled_reason: disabled_reason.map(DisabledReason::from),
            previous_secret_until: previous_secret_until.map(Utc),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A webhook and its secret, which is shown this once.
#[derive(Debug, Object, Serialize)]
pub struct WebhookWithSecret {
    /// The webhook.
    pub webhook: WebhookView,
    /// `whsec_…`: signs what it is told. Nobody can ask for it again.
    pub secret: String,
}

/// A page of webhooks.
#[derive(Debug, Object, Serialize)]
pub struct WebhookList {
    /// The webhooks, oldest first.
    pub items: Vec<WebhookView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is to be told.
    Pending,
    /// It was told.
    Delivered,
    /// It was given up.
    Failed,
}

/// An event that a webhook is, was or was not told of.
#[derive(Debug, Object, Serialize)]
pub struct DeliveryView {
    /// `webhook-id`: the event's id, the same in every attempt.
    pub webhook_id: String,
    /// The session; of a test call, its own id.
    pub session_id: Uuid,
    /// The event's number in its session.
    pub seq: i32,
    /// What happened.
    pub event_type: String,
    /// When.
    pub at: Utc,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was attempted, since it was last asked for.
    pub attempts: i32,
    /// When it was last attempted.
    #[oai(nullable)]
    pub last_attempt_at: Option<Utc>,
    /// What the receiver answered last.
    #[oai(nullable)]
    pub last_status: Option<i32>,
    /// Why the last attempt failed, such as `timed_out`, `answered_5xx` or `not_public`.
    #[oai(nullable)]
    pub last_error: Option<String>,
    /// When it was told.
    #[oai(nullable)]
    pub delivered_at: Option<Utc>,
    /// When it was given up.
    #[oai(nullable)]
    pub gave_up_at: Option<Utc>,
}

impl From<webhook_delivery::Model> for DeliveryView {
    fn from(delivery: webhook_delivery::Model) -> Self {
        let webhook_delivery::Model {
            endpoint_id: _,
            session_id,
            seq,
            event_type,
            at,
            session_status: _,
            starts_at: _,
            ends_at: _,
            sequence: _,
            attempts,
            first_attempt_at: _,
            last_attempt_at,
            last_status,
            last_error,
            delivered_at,
            gave_up_at,
        } = delivery;
        let status = match (delivered_at, gave_up_at) {
            (Some(_), _) => DeliveryStatus::Delivered,
            (None, Some(_)) => DeliveryStatus::Failed,
            (None, None) => DeliveryStatus::Pending,
        };
        Self {
            webhook_id: event_id(session_id, seq),
            session_id: session_id.0,
            seq,
            event_type,
            at: at.into(),
            status,
            attempts,
            last_attempt_at: last_attempt_at.map(Utc),
            last_status,
            last_error,
            delivered_at: delivered_at.map(Utc),
            gave_up_at: gave_up_at.map(Utc),
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Object, Serialize)]
pub struct DeliveryList {
    /// The deliveries, newest first.
    pub items: Vec<DeliveryView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// What is told once more.
#[derive(Debug, Object, Serialize)]
pub struct ReplayView {
    /// How many events.
    pub events: u64,
}

/// A test call that was asked for.
#[derive(Debug, Object, Serialize)]
pub struct TestView {
    /// `webhook-id` of the call; what became of it is among the deliveries.
    pub webhook_id: String,
}
