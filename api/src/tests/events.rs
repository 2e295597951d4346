//! Live streams, one process: who may have how many, and when they end.

use super::{TestApp, bearer, monday, problem, session, specialist, start, start_with};
use entities::{
    session as sessions,
    session_event::{self, NewEvent},
};
use poem::{Body, Endpoint, Response, http::StatusCode};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::{Instant, timeout},
};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId},
    sessions::state::SessionState,
};

/// A session of that user with three events.
async fn three_events(app: &TestApp<impl Endpoint>, user: &str, status: SessionState) -> SessionId {
    let specialist = specialist(&app.state, "grace", None).await;
    let client = UserId(app.issuer.subject(user));
    let id = SessionId(Uuid::new_v4());
    session(&app.state, id, client, specialist, monday(), status, "hash").await;
    for key in ["one", "two", "three"] {
        append(app, id, key).await;
    }
    if !matches!(status, SessionState::Held | SessionState::Confirmed) {
        let tx = app.state.db.begin_write().await.unwrap();
        sessions::close(&tx, id, monday()).await.unwrap();
        tx.commit().await.unwrap();
    }
    id
}

async fn append(app: &TestApp<impl Endpoint>, id: SessionId, key: &str) {
    let event = NewEvent {
        at: monday(),
        step: key.to_owned(),
        status: "done".to_owned(),
        detail: None,
        key: key.to_owned(),
    };
    let tx = app.state.db.begin_write().await.unwrap();
    session_event::append(&tx, id, vec![event]).await.unwrap();
    tx.commit().await.unwrap();
}

/// An open stream, and what was read of it.
struct Reader {
    body: Box<dyn AsyncRead + Send + Unpin>,
    text: String,
}

impl Reader {
    fn new(body: Body) -> Self {
        Self {
            body: Box::new(Box::pin(body.into_async_read())),
            text: String::new(),
        }
    }

    /// Read until `text` has come.
    async fn until(&mut self, text: &str) {
        while !self.text.contains(text) {
            assert!(self.more().await, "{text} does not come behind {}", self.text);
        }
    }

    /// Read until the stream ends.
    async fn rest(mut self) -> String {
        while self.more().await {}
        self.text
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = timeout(Duration::from_secs(60), self.body.read(&mut bytes));
        let n = read.await.expect("something comes").unwrap();
        self.text += std::str::from_utf8(&bytes[..n]).unwrap();
        0 < n
    }
}

/// The ids of what was read.
fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

async fn open(app: &TestApp<impl Endpoint>, id: SessionId, token: String, last: Option<&str>) -> Response {
    let mut request = app
        .client
        .get(format!("/api/sessions/{id}/events"))
        .header("authorization", token);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.0
}

async fn reader(app: &TestApp<impl Endpoint>, id: SessionId, last: Option<&str>) -> Reader {
    let response = open(app, id, bearer(&app.issuer, "ada", &["user"]), last).await;
    assert_eq!(response.status(), StatusCode::OK);
    Reader::new(response.into_body())
}

#[tokio::test]
async fn a_stream_begins_behind_the_event_that_the_client_has() {
    let app = start().await;
    let id = three_events(&app, "ada", SessionState::Confirmed).await;
    for (last, theirs) in [
        (None, &["1", "2", "3"] as &[_]),
        (Some("0"), &["1", "2", "3"]),
        (Some("1"), &["2", "3"]),
        (Some("3"), &[]),
        // Never given by us: it says nothing.
        (Some("77"), &["1", "2", "3"]),
    ] {
        let mut reader = reader(&app, id, last).await;
        reader.until("retry: ").await;
        append(&app, id, &format!("more-{last:?}")).await;
        reader
            .until(&format!(
                "more-{}",
                last.map_or("None".to_owned(), |last| format!("Some(\\\"{last}\\\")"))
            ))
            .await;
        assert!(ids(&reader.text).starts_with(theirs), "{last:?}: {}", reader.text);
    }
    let bad = open(&app, id, bearer(&app.issuer, "ada", &["user"]), Some("three")).await;
    assert_eq!(bad.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.state.hub.n_open(), 0, "all are gone");
}

#[tokio::test]
async fn a_session_that_is_over_is_told_to_its_end_once() {
    let app = start().await;
    for status in [
        SessionState::Cancelled,
        SessionState::Expired,
        SessionState::Failed,
        SessionState::NoShow,
    ] {
        let id = three_events(&app, "ada", status).await;
        let text = reader(&app, id, Some("1")).await.rest().await;
        assert_eq!(ids(&text), ["2", "3"], "{text}");
        let end = format!("event: end\ndata: {{\"session_status\":\"{}\"}}\n\n", status.as_str());
        assert!(text.ends_with(&end), "{text}");
        let again = open(&app, id, bearer(&app.issuer, "ada", &["user"]), Some("3")).await;
        assert_eq!(again.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn the_oldest_stream_of_a_user_ends_when_there_are_too_many() {
    let app = start().await;
    let id = three_events(&app, "ada", SessionState::Confirmed).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(reader(&app, id, None).await);
    }
    let _eleventh = reader(&app, id, None).await;
    let oldest = streams.remove(0).rest().await;
    assert!(oldest.ends_with("retry: 60000\n\n"), "{oldest}");
    assert!(!oldest.contains("event: end"), "nothing has ended but this stream");
    assert_eq!(app.state.hub.n_open(), 10);
    append(&app, id, "four").await;
    for stream in &mut streams {
        stream.until("\"four\"").await;
    }
    drop(streams);
    assert_eq!(app.state.hub.n_open(), 1);
}

#[tokio::test]
async fn there_are_no_more_streams_than_the_limit() {
    let app = start_with(|mut config| {
        config.sse_limit = 2;
        config
    })
    .await;
    let id = three_events(&app, "ada", SessionState::Confirmed).await;
    let _first = reader(&app, id, None).await;
    let second = reader(&app, id, None).await;
    let request = || {
        let token = bearer(&app.issuer, "ada", &["user"]);
        app.client
            .get(format!("/api/sessions/{id}/events"))
            .header("authorization", token)
    };
    let (status, code, _) = problem(request().send().await).await;
    assert_eq!((status, code.as_str()), (503, "streams_unavailable"));
    drop(second);
    let third = reader(&app, id, None).await;
    let head = app
        .client
        .head(format!("/api/sessions/{id}/events"))
        .header("authorization", bearer(&app.issuer, "ada", &["user"]));
    assert_eq!(head.send().await.0.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(third);
    app.state.hub.close();
    let (status, code, _) = problem(request().send().await).await;
    assert_eq!((status, code.as_str()), (503, "streams_unavailable"), "while it stops");
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let app = start().await;
    let id = three_events(&app, "ada", SessionState::Confirmed).await;
    // Expired, and good for the rest of the leeway.
    let token = format!("Bearer {}", app.issuer.token("ada", &["user"], -28));
    let began = Instant::now();
    let response = open(&app, id, token.clone(), None).await;
    assert_eq!(response.status(), StatusCode::OK);
    let text = Reader::new(response.into_body()).rest().await;
    assert_eq!(ids(&text), ["1", "2", "3"]);
    assert!(!text.contains("event: end"), "{text}");
    assert!(Duration::from_secs(1) < began.elapsed(), "not before");
    let refused = open(&app, id, token, Some("3")).await;
    assert_eq!(
        refused.status(),
        StatusCode::UNAUTHORIZED,
        "it ended when the token was good no more"
    );
}
