//! Live events on the wire.

use crate::{
    http::reply::answer,
    sessions::wire::{EventView, Status},
};
use entities::{session, session_event};
use futures::Stream;
use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
    web::sse::{Event, SSE},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// How often a stream shows that it lives. A client that closed its connection is noticed when the second of these
/// cannot be delivered: the server below goes on with an answer whose reader has said goodbye.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// An entry of a session's timeline, and where the session stands by now.
#[derive(Debug, Object, Serialize)]
pub struct ProgressEvent {
    /// The entry.
    #[oai(flatten)]
    #[serde(flatten)]
    pub entry: EventView,
    /// Where the session stands by now.
    pub session_status: Status,
}

impl ProgressEvent {
    /// The event of a row, and of its session as it was read with it.
    #[must_use]
    pub fn new(event: session_event::Model, session: &session::Model) -> Self {
        Self {
            entry: event.into(),
            session_status: session.status.into(),
        }
    }

    /// As it is sent.
    #[must_use]
    pub fn sent(&self) -> Event {
        Event::message(json(self))
            .id(self.entry.seq.to_string())
            .event_type("progress")
    }
}

/// The last word of a stream; without an id, so that the client's last one stays that of an event.
#[derive(Debug, Serialize)]
struct End {
    session_status: Status,
}

/// Nothing can happen to the session any more.
#[must_use]
pub fn end(session: &session::Model) -> Event {
    let session_status = session.status.into();
    Event::message(json(&End { session_status })).event_type("end")
}

/// When to come back after the stream has ended: in two seconds or a little more, and not everybody at once.
#[must_use]
pub fn come_back() -> Event {
    let [chance, ..] = Uuid::new_v4().into_bytes();
    Event::retry(2_000 + u64::from(chance) * 8)
}

/// When to come back for who has too many streams: another one of theirs would have to end.
#[must_use]
pub fn come_back_late() -> Event {
    Event::retry(60_000)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("events are plain values with texts for keys")
}

/// Events to come; or word that there are no more.
pub struct EventStream(Option<SSE>);

impl EventStream {
    /// These, and signs of life in between.
    pub fn new(events: impl Stream<Item = Event> + Send + 'static) -> Self {
        Self(Some(SSE::new(events).keep_alive(HEARTBEAT)))
    }

    /// The client has all there will ever be; the answer tells it not to come back.
    #[must_use]
    pub fn ended() -> Self {
        Self(None)
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let Some(events) = self.0 else {
            return Response::builder().status(StatusCode::NO_CONTENT).finish();
        };
        let mut response = events.into_response();
        // What is compressed on the way is held back until there is enough of it.
        let keep_nothing = HeaderValue::from_static("no-store, no-transform");
        response.headers_mut().insert(header::CACHE_CONTROL, keep_nothing);
        response
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let events = MetaSchema {
            items: Some(Box::new(ProgressEvent::schema_ref())),
            ..MetaSchema::new_with_format("array", "event-stream")
        };
        let stream = MetaResponse {
            content: vec![MetaMediaType {
                content_type: "text/event-stream",
                schema: MetaSchemaRef::Inline(Box::new(events)),
            }],
            ..answer(200, "What has happened, and what will.", None)
        };
        MetaResponses {
            responses: vec![stream, answer(204, "The client has all there will ever be.", None)],
        }
    }

    fn register(registry: &mut Registry) {
        ProgressEvent::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::{ProgressEvent, come_back, come_back_late};
    use crate::sessions::wire::{EventView, Status};

    #[test]
    fn an_event_is_one_line_of_data_whatever_its_detail_holds() {
        let event = ProgressEvent {
            entry: EventView {
                seq: 7,
                step: "reserve".to_owned(),
                status: "done".to_owned(),
                at: "2031-06-02T10:00:00Z"
                    .parse::<workflows::time::Instant>()
                    .unwrap()
                    .into(),
                detail: Some("one\ntwo\r\nthree\rfour: \u{2028}\n\ndata: x".to_owned()),
            },
            session_status: Status::Held,
        };
        let sent = event.sent().to_string();
        let lines: Vec<_> = sent.split(['\n', '\r']).collect();
        assert_eq!(lines.len(), 5, "{sent}");
        assert_eq!((lines[0], lines[1]), ("id: 7", "event: progress"));
        assert_eq!((lines[3], lines[4]), ("", ""), "an empty line ends it");
        let data: serde_json::Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        let mut entry = serde_json::to_value(&event.entry).unwrap();
        entry["session_status"] = "held".into();
        assert_eq!(data, entry, "an entry of the timeline, and the status");
    }

    #[test]
    fn clients_come_back_at_different_times() {
        let times: Vec<u64> = (0..100)
            .map(|_| {
                let text = come_back().to_string();
                text.trim_end().strip_prefix("retry: ").unwrap().parse().unwrap()
            })
            .collect();
        assert!(times.iter().all(|time| (2_000..=4_040).contains(time)), "{times:?}");
        assert!(times.iter().any(|time| *time != times[0]), "{times:?}");
        assert_eq!(come_back_late().to_string(), "retry: 60000\n\n");
    }
}
