//! Whose doing something is: the request that a command, a step or a line of the log goes back to.
//!
//! A request's id travels with every call to the engine, in a header of its own, and comes back with the steps that the
//! call led to, together with the trace it belongs to. Not in the inputs: they are stored for ever and decide things.

use crate::trace;
use std::{collections::HashMap, future::Future};

/// The header of the engine that carries the request's id.
pub const REQUEST: &str = "request-id";
/// The header of the engine that carries the trace, as other SDKs name it.
pub const TRACE: &str = "_tracer-data";
/// The key of the trace within its header, and the name of the HTTP header.
pub const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static ORIGIN: Origin;
}

/// The request that something goes back to, and its trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The request's id.
    pub request_id: Option<String>,
    /// The span that asked, as W3C writes it.
    pub traceparent: Option<String>,
}

impl Origin {
    /// Of a request with that id.
    #[must_use]
    pub fn request(id: &str) -> Self {
        Self {
            request_id: Some(id.to_owned()),
            traceparent: None,
        }
    }

    /// Of what runs now: of the [scope](Self::scope) it runs in, and of the current span.
    #[must_use]
    pub fn current() -> Self {
        let mut origin = ORIGIN.try_with(Self::clone).unwrap_or_default();
        if let Some(here) = trace::traceparent() {
            origin.traceparent = Some(here);
        }
        origin
    }

    /// Run `work`, and all that it awaits, as this one's doing.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        ORIGIN.scope(self, work).await
    }

    /// As headers of the engine: names, and values in JSON.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let request = self.request_id.as_ref().map(|id| (REQUEST, json(id)));
        let trace = self.traceparent.as_ref().map(|parent| {
            let carrier = HashMap::from([(TRACEPARENT, parent)]);
            (TRACE, json(&carrier))
        });
        request.into_iter().chain(trace).collect()
    }

    /// From headers of the engine; what is no JSON is left out.
    #[must_use]
    pub fn from_headers<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let request_id = value(REQUEST).and_then(|json| serde_json::from_slice(json).ok());
        let trace: Option<HashMap<String, String>> = value(TRACE).and_then(|json| serde_json::from_slice(json).ok());
        Self {
            request_id,
            traceparent: trace.and_then(|mut carrier| carrier.remove(TRACEPARENT)),
        }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts can be written")
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[tokio::test]
    async fn travels_with_the_work_and_by_headers() {
        assert_eq!(Origin::current(), Origin::default());
        let origin = Origin {
            request_id: Some("r\"1".to_owned()),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        };
        let inside = origin.clone().scope(async { Origin::current() }).await;
        assert_eq!(inside, origin);
        let headers = origin.headers();
        let read = Origin::from_headers(|name| {
            let (_, value) = headers.iter().find(|(other, _)| *other == name)?;
            Some(value.as_bytes())
        });
        assert_eq!(read, origin);
        assert_eq!(Origin::from_headers(|_| Some(b"{")), Origin::default());
    }
}
