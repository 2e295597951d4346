//! What an endpoint is told: ids and times, nothing about anybody.

use entities::{session, webhook_delivery};
use serde::Serialize;
use workflows::{
    ids::{ServiceId, SessionId, SpecialistId},
    time::Instant,
};

/// The version of the payloads; a receiver may rely on every field of it. Fields are only ever added to it.
const VERSION: u32 = 1;

/// The body of a call. Made of what was stored with the event, so that every attempt and replay says the same.
#[derive(Serialize)]
struct Payload<'a, Data> {
    #[serde(rename = "type")]
    kind: &'a str,
    version: u32,
    timestamp: Instant,
    data: Data,
}

#[derive(Serialize)]
struct OfSession<'a> {
    session_id: SessionId,
    specialist_id: SpecialistId,
    service_id: ServiceId,
    status: Option<&'a str>,
    starts_at: Option<Instant>,
    ends_at: Option<Instant>,
    sequence: Option<i32>,
    seq: i32,
}

#[derive(Serialize)]
struct OfTest {}

/// What is told of `row`; of a test call, without a session.
///
/// # Panics
/// Never: plain values are always JSON.
#[must_use]
pub fn body(row: &webhook_delivery::Model, session: Option<&session::Model>) -> Vec<u8> {
    let written = match session {
        Some(session) => serde_json::to_vec(&Payload {
            kind: &row.event_type,
            version: VERSION,
            timestamp: row.at,
            data: OfSession {
                session_id: row.session_id,
                specialist_id: session.specialist_id,
                service_id: session.service_id,
                status: row.session_status.map(|status| status.as_str()),
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                sequence: row.sequence,
                seq: row.seq,
            },
        }),
        None => serde_json::to_vec(&Payload {
            kind: &row.event_type,
            version: VERSION,
            timestamp: row.at,
            data: OfTest {},
        }),
    };
    written.expect("plain values are always JSON")
}
