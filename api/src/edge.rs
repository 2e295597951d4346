//! What happens to every request and every answer: ids, logs, limits, headers, and problems in one shape.

use crate::{
    config::Cors,
    error::{ApiError, from_library},
    http::{body, deadline::Deadline, page::Address},
    limits::admit::Standing,
    state::State,
};
use entities::cache::changes;
use futures::FutureExt;
use poem::{
    Endpoint, FromRequest, Request, RequestBody, Response, Result,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use poem_openapi::OperationId;
use std::{error::Error, panic::AssertUnwindSafe, time::Duration};
use telemetry::{
    metrics,
    origin::{self, Origin},
    trace::{SPANS, follow},
};
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span, error_span, field};
use uuid::Uuid;

/// No request waits longer for its answer to begin: the longest wait that a booking may ask for, and what comes before
/// it. A stream that has begun goes on.
const LONGEST: Duration = Duration::from_secs(35);
/// The longest headers looked at, in bytes: a token has 16 KiB at most.
pub const HEADERS: usize = 32 * 1024;
/// The name of the header that carries a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The code of the problem that a request was answered with.
#[derive(Clone, Copy)]
struct Code(&'static str);

/// The id of a request: the caller's, or one made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    fn of(request: &Request) -> Self {
        let theirs = request
            .header(REQUEST_ID)
            .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
        Self(theirs.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned))
    }
}

impl<'a> FromRequest<'a> for RequestId {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(request.data::<Self>().cloned().unwrap_or_else(|| Self::of(request)))
    }
}

/// The outermost endpoint.
pub struct Edge<E> {
    inner: E,
    cors: Cors,
    routes: Vec<Routed>,
    /// Without it nothing is counted.
    shared: Option<State>,
}

/// A path that is answered, and to what.
struct Routed {
    template: String,
    /// How many parts it has: no path of another depth is its own.
    depth: usize,
    methods: Vec<String>,
}

impl Routed {
    fn matches(&self, path: &str, depth: usize) -> bool {
        self.depth == depth && matches(&self.template, path)
    }
}

fn depth(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

impl<E> Edge<E> {
    /// Around `inner`, whose paths answer `methods`.
    pub fn new(inner: E, cors: Cors, methods: Vec<(String, Vec<String>)>) -> Self {
        let routed = |(template, methods): (String, Vec<String>)| Routed {
            depth: depth(&template),
            template,
            methods,
        };
        Self {
            inner,
            cors,
            routes: methods.into_iter().map(routed).collect(),
            shared: None,
        }
    }

    /// The same with the limits of `state`, and with its copies dropped when something has changed.
    #[must_use]
    pub fn sharing(mut self, state: State) -> Self {
        self.shared = Some(state);
        self
    }

    /// What metrics and traces call a path: the template of its route, of which there are few, and `none` for all others.
    fn template(&self, path: &str) -> &str {
        let depth = depth(path);
        let mut routes = self.routes.iter();
        routes
            .find(|route| route.matches(path, depth))
            .map_or("none", |route| route.template.as_str())
    }

    fn allow(&self, path: &str) -> String {
        let depth = depth(path);
        let of_path = self.routes.iter().filter(|route| route.matches(path, depth));
        let mut methods: Vec<&str> = of_path.flat_map(|route| &route.methods).map(String::as_str).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.join(", ")
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let begun = Instant::now();
        let id = RequestId::of(&request);
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let origin = request.headers().get(header::ORIGIN).cloned();
        let template = self.template(&path);
        let span = error_span!(
            target: SPANS,
            "request",
            otel.name = format!("{method} {template}"),
            otel.kind = "server",
            request_id = id.0,
            method = %method,
            user_id = field::Empty,
            status = field::Empty,
        );
        if let Some(parent) = request.header(origin::TRACEPARENT) {
            follow(&span, parent);
        }
        let work = async {
            let (mut response, operation) = if is_preflight(&request) {
                (preflight(), None)
            } else {
                request.extensions_mut().insert(id.clone());
                request.extensions_mut().insert(Deadline::default());
                let address = Address::of(&request);
                request.extensions_mut().insert(address);
                let standing = Standing::default();
                request.extensions_mut().insert(standing.clone());
                let answer = Box::pin(self.answer(request, &path, &id, &standing));
                let (mut response, operation) = answer.await;
                standing.tell(response.headers_mut());
                (response, operation)
            };
            secure(response.headers_mut());
            allow_origin(&self.cors, origin.as_ref(), &method, response.headers_mut());
            let status = response.status().as_u16();
            let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            metrics::request(method.as_str(), template, status, begun.elapsed());
            let operation = operation.unwrap_or("none");
            if operation == "book" {
                metrics::booking(response.data::<Code>().map_or("accepted", |code| code.0));
            }
            let span = Span::current();
            span.record("status", status);
            // Paths carry what opens a feed; the operation says enough.
            tracing::info!(operation, status, duration_ms, "answered {operation} with {status}");
            response
        };
        let mut response = Origin::request(&id.0).scope(work.instrument(span)).await;
        if let Ok(id) = HeaderValue::from_str(&id.0) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Edge<E> {
    async fn answer(
        &self,
        request: Request,
        path: &str,
        id: &RequestId,
        standing: &Standing,
    ) -> (Response, Option<&'static str>) {
        let head = request.method() == Method::HEAD;
        let length = request
            .header(header::CONTENT_LENGTH)
            .and_then(|length| length.parse::<u64>().ok());
        let too_long = length.is_some_and(|length| u64::try_from(body::LIMIT).is_ok_and(|limit| limit < length));
        let headers = request.headers().iter();
        let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        let answer = async {
            if HEADERS < headers {
                return Err(ApiError::HeadersTooLarge.into());
            }
            let limits = self.shared.as_ref().map(|state| &state.limits);
            let _place = limits.map(|limits| limits.place(path)).transpose()?;
            if let Some(limits) = limits {
                Box::pin(limits.admit(&request, standing)).await?;
            }
            if too_long {
                return Err(ApiError::PayloadTooLarge.into());
            }
            let inner = AssertUnwindSafe(Box::pin(self.inner.call(request))).catch_unwind();
            match timeout(LONGEST, inner).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(panic)) => Err(ApiError::internal(panicked(panic.as_ref())).into()),
                Err(_) => Err(ApiError::TimedOut.into()),
            }
        };
        let cache = self.shared.as_ref().and_then(|state| state.cache.as_ref());
        // On the heap, here and above: each layer would have those within it on the stack several times over.
        let answer = Box::pin(changes::noticing(cache, answer));
        match answer.await {
            Ok(response) => {
                let operation = response.data::<OperationId>().map(|operation| operation.0);
                (response, operation)
            }
            Err(error) => {
                let operation = error.data::<OperationId>().map(|operation| operation.0);
                let error = from_library(error, || self.allow(path));
                log(&error);
                let mut response = error.respond(path, &id.0);
                response.set_data(Code(error.code()));
                if head {
                    response.set_body(());
                }
                (response, operation)
            }
        }
    }
}

fn log(error: &ApiError) {
    match error {
        ApiError::Internal(source) => {
            let source: &(dyn Error + 'static) = source.as_ref();
            tracing::error!(error = source, "a request failed: {}", describe(source));
        }
        ApiError::DatabaseUnavailable(Some(source)) => {
            tracing::warn!(error = source as &dyn Error, "the database is not available");
        }
        ApiError::DatabaseUnavailable(None) => tracing::warn!("the database did not answer in time"),
        ApiError::InvalidToken(why) if !why.is_empty() => tracing::info!(why, "refused a token"),
        _ => {}
    }
}

fn describe(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a handler panicked: {}", text.unwrap_or("without a text"))
}

/// Whether a path is one of the template's, whose parameters stand in braces.
fn matches(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let same = |part: &str| {
        parts
            .next()
            .is_some_and(|other| part == other || (part.starts_with('{') && !other.is_empty()))
    };
    template.split('/').all(same) && parts.next().is_none()
}

fn secure(headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "SAMEORIGIN");
    set(header::REFERRER_POLICY, "no-referrer");
    let mut default = |name: HeaderName, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'self'",
    );
    default(header::CACHE_CONTROL, "no-store");
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    Response::builder().status(StatusCode::NO_CONTENT).finish()
}

/// Let the origin in, if it is one of ours; a browser that is told nothing keeps it out.
fn allow_origin(cors: &Cors, origin: Option<&HeaderValue>, method: &Method, headers: &mut HeaderMap) {
    let allowed = match (cors, origin) {
        (Cors::Any, Some(_)) => Some(HeaderValue::from_static("*")),
        (Cors::Origins(origins), Some(origin)) => {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            origins
                .iter()
                .any(|other| other.as_bytes() == origin.as_bytes())
                .then(|| origin.clone())
        }
        _ => None,
    };
    let Some(allowed) = allowed else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    if method == Method::OPTIONS {
        set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE");
        set(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, X-Request-ID",
        );
        set(header::ACCESS_CONTROL_MAX_AGE, "3600");
    } else {
        set(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "ETag, Idempotency-Key, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn templates_match_paths() {
        assert!(matches("/api/sessions", "/api/sessions"));
        assert!(matches("/api/sessions/{id}", "/api/sessions/1"));
        assert!(!matches("/api/sessions/{id}", "/api/sessions"));
        assert!(!matches("/api/sessions/{id}", "/api/sessions/"));
        assert!(!matches("/api/sessions", "/api/sessions/1"));
    }
}
