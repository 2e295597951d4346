//! Calendars as answers.

use crate::http::{params::IfNoneMatch, reply::tag};
use poem::{
    IntoResponse, Response,
    http::{StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};

const CONTENT_TYPE: &str = "text/calendar; charset=utf-8";

/// A calendar under a tag made of its bytes, or word that the caller has it already.
#[derive(Debug)]
pub struct Ics {
    text: Option<String>,
    etag: String,
    cache_control: Option<String>,
}

impl Ics {
    /// The calendar, unless it is `known`.
    #[must_use]
    pub fn new(text: String, known: &IfNoneMatch) -> Self {
        let etag = tag(text.as_bytes());
        Self {
            text: Some(text).filter(|_| !known.has(&etag)),
            etag,
            cache_control: None,
        }
    }

    /// The same as something that the caller may keep for `seconds`.
    #[must_use]
    pub fn kept(mut self, seconds: u32) -> Self {
        self.cache_control = Some(format!("private, max-age={seconds}"));
        self
    }
}

impl IntoResponse for Ics {
    fn into_response(self) -> Response {
        // What is said of a calendar that the caller has renews what they know of it.
        let mut response = Response::builder().header(header::ETAG, self.etag);
        if let Some(cache_control) = self.cache_control {
            response = response.header(header::CACHE_CONTROL, cache_control);
        }
        match self.text {
            Some(text) => response.content_type(CONTENT_TYPE).body(text),
            None => response.status(StatusCode::NOT_MODIFIED).finish(),
        }
    }
}

impl ApiResponse for Ics {
    fn meta() -> MetaResponses {
        let one = |status, description, content: Vec<MetaMediaType>| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: Vec::new(),
        };
        let calendar = MetaMediaType {
            content_type: CONTENT_TYPE,
            schema: String::schema_ref(),
        };
        MetaResponses {
            responses: vec![
                one(200, "The calendar (RFC 5545).", vec![calendar]),
                one(304, "The caller has it.", Vec::new()),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}
