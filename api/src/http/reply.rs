//! Answers as JSON: views go straight to bytes.

use super::{page::Address, params::IfNoneMatch};
use crate::copies::Encoded;
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::Stream;
use poem::{
    Body, IntoResponse, Response,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::Type,
};
use serde::Serialize;
use std::marker::PhantomData;

/// A view as the bytes of its JSON.
///
/// The library's own payload builds a tree of values first, which costs three times as much for a list.
/// The schema is still the view's.
#[derive(Debug)]
pub struct Reply<T> {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
    /// Its tag, where it is known.
    etag: Option<String>,
    view: PhantomData<fn() -> T>,
}

impl<T: Serialize> Reply<T> {
    /// The bytes of `view`.
    pub fn new(view: &T) -> Self {
        let bytes = serde_json::to_vec(view).expect("views are plain values with texts for keys");
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            bytes: bytes.into(),
            etag: None,
            view: PhantomData,
        }
    }
}

impl<T> Reply<T> {
    /// The bytes of a view, and their tag, as they were made before.
    #[must_use]
    pub fn encoded(answer: Encoded) -> Self {
        let Encoded {
            etag,
            next_cursor: _,
            body,
        } = answer;
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            bytes: body,
            etag: Some(etag),
            view: PhantomData,
        }
    }

    /// The same with a header; one that no header can be is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The same with the address of the page that begins at `cursor`, if there is one.
    #[must_use]
    pub fn paged(self, address: &Address, cursor: Option<&str>) -> Self {
        match cursor {
            Some(cursor) => self.with(header::LINK, &address.next(cursor)),
            None => self,
        }
    }

    /// The same as something that the caller may keep for `seconds`.
    #[must_use]
    pub fn kept(self, seconds: u32) -> Self {
        self.with(header::CACHE_CONTROL, &format!("private, max-age={seconds}"))
    }
}

impl<T: Send> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.status).body(self.bytes);
        if self.status != StatusCode::NOT_MODIFIED {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        response.headers_mut().extend(self.headers);
        response
    }
}

impl<T: Type> ApiResponse for Reply<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(200, "What was asked for.", Some(T::schema_ref()))],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// An answer for the document.
pub(crate) fn answer(status: u16, description: &'static str, schema: Option<MetaSchemaRef>) -> MetaResponse {
    let content = schema.map(|schema| MetaMediaType {
        content_type: "application/json; charset=utf-8",
        schema,
    });
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: content.into_iter().collect(),
        headers: Vec::new(),
    }
}

/// What was booked: `201` where the confirmation was waited for or had come before, otherwise `202`.
#[derive(Debug)]
pub struct Booked<T>(Reply<T>);

impl<T> Booked<T> {
    /// `waited` tells that the caller's wish to wait was heard.
    #[must_use]
    pub fn new(mut reply: Reply<T>, confirmed: bool, waited: bool) -> Self {
        if waited {
            reply = reply.with(HeaderName::from_static("preference-applied"), "wait");
        }
        reply.status = if confirmed {
            StatusCode::CREATED
        } else {
            StatusCode::ACCEPTED
        };
        Self(reply)
    }
}

impl<T: Send> IntoResponse for Booked<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Booked<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![
                answer(201, "Booked and confirmed.", Some(T::schema_ref())),
                answer(
                    202,
                    "The slot is the caller's; the rest goes on.",
                    Some(T::schema_ref()),
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// What was made: `201`.
#[derive(Debug)]
pub struct Created<T>(Reply<T>);

impl<T: Serialize> Created<T> {
    /// What it is now.
    pub fn new(view: &T) -> Self {
        Self::reply(Reply::new(view))
    }
}

impl<T> Created<T> {
    /// The same of an answer with headers.
    #[must_use]
    pub fn reply(mut reply: Reply<T>) -> Self {
        reply.status = StatusCode::CREATED;
        Self(reply)
    }
}

impl<T: Send> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(201, "Made, or it was there.", Some(T::schema_ref()))],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// It is not there, or not any more: `204`.
#[derive(Debug)]
pub struct Removed;

impl IntoResponse for Removed {
    fn into_response(self) -> Response {
        Response::builder().status(StatusCode::NO_CONTENT).finish()
    }
}

impl ApiResponse for Removed {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(204, "It is not there, or not any more.", None)],
        }
    }

    fn register(_: &mut Registry) {}
}

/// What goes on by itself: `202`.
#[derive(Debug)]
pub struct Accepted<T>(Reply<T>);

impl<T: Serialize> Accepted<T> {
    /// Where it stands now.
    pub fn new(view: &T) -> Self {
        let mut reply = Reply::new(view);
        reply.status = StatusCode::ACCEPTED;
        Self(reply)
    }
}

impl<T: Send> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Accepted<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(202, "It is done or goes on by itself.", Some(T::schema_ref()))],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// Done, and there is nothing to say about it: `204`.
#[derive(Clone, Copy, Debug)]
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        Response::builder().status(StatusCode::NO_CONTENT).finish()
    }
}

impl ApiResponse for Done {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(204, "Done, now or before.", None)],
        }
    }

    fn register(_: &mut Registry) {}
}

/// A document to be kept as a file, sent as it is made.
pub struct Attachment<T> {
    name: &'static str,
    body: Body,
    view: PhantomData<fn() -> T>,
}

impl<T> Attachment<T> {
    /// The JSON of a `T` in parts, under that file name.
    pub fn new(name: &'static str, parts: impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static) -> Self {
        Self {
            name,
            body: Body::from_bytes_stream(parts),
            view: PhantomData,
        }
    }
}

impl<T: Send> IntoResponse for Attachment<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type("application/json; charset=utf-8")
            .header(
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{}\"", self.name),
            )
            .body(self.body)
    }
}

impl<T: Type> ApiResponse for Attachment<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(
                200,
                "The document, to be kept as a file.",
                Some(T::schema_ref()),
            )],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// What was asked for, or word that the caller has it.
#[derive(Debug)]
pub struct MaybeUnchanged<T>(Option<Reply<T>>);

impl<T> MaybeUnchanged<T> {
    /// Nothing stands for what the caller has.
    #[must_use]
    pub fn new(reply: Option<Reply<T>>) -> Self {
        Self(reply)
    }
}

impl<T: Send> IntoResponse for MaybeUnchanged<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Some(reply) => reply.into_response(),
            None => Response::builder().status(StatusCode::NOT_MODIFIED).finish(),
        }
    }
}

impl<T: Type> ApiResponse for MaybeUnchanged<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![
                answer(200, "What was asked for.", Some(T::schema_ref())),
                answer(304, "The caller has it.", None),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T> Reply<T> {
    /// The same under a tag made of its bytes, or word that the caller has it already.
    #[must_use]
    pub fn tagged(self, known: &IfNoneMatch) -> MaybeUnchanged<T> {
        let etag = self.etag.clone().unwrap_or_else(|| tag(&self.bytes));
        let unchanged = known.has(&etag);
        let mut reply = self.with(header::ETAG, &etag);
        if unchanged {
            // What it would have said about itself is said again: how long it may be kept, above all.
            reply.status = StatusCode::NOT_MODIFIED;
            reply.bytes = Bytes::new();
        }
        MaybeUnchanged::new(Some(reply))
    }
}

/// The tag of an answer with these bytes.
pub(crate) fn tag(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    format!(
        "\"{}\"",
        BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref().get(..12).unwrap_or_default())
    )
}

/// Whether a process can serve: `200` or `503`.
#[derive(Debug)]
pub struct Ready<T>(Reply<T>);

impl<T: Serialize> Ready<T> {
    /// What it says, and whether it is ready.
    pub fn new(view: &T, ready: bool) -> Self {
        let mut reply = Reply::new(view);
        if !ready {
            reply.status = StatusCode::SERVICE_UNAVAILABLE;
        }
        Self(reply)
    }
}

impl<T: Send> IntoResponse for Ready<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Ready<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![
                answer(200, "It can serve.", Some(T::schema_ref())),
                answer(503, "It cannot.", Some(T::schema_ref())),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
