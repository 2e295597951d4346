//! A meeting service that does as it is told.

use poem::{
    EndpointExt, IntoResponse, Response, Route, Server, delete, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::{Data, Json, Path},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::task::JoinHandle;

/// What the service knows and how it behaves.
#[derive(Default)]
struct Book {
    live: BTreeMap<String, u32>,
    made: u32,
    calls: Vec<String>,
    answer: Option<u16>,
}

/// A meeting service on a port of its own.
pub struct MeetingService {
    /// Its address.
    pub url: String,
    book: Arc<Mutex<Book>>,
    server: JoinHandle<()>,
}

#[handler]
fn create(Data(book): Data<&Arc<Mutex<Book>>>, Json(wanted): Json<serde_json::Value>) -> Response {
    let mut book = book.lock().unwrap();
    let reference = wanted["reference"].as_str().unwrap_or_default().to_owned();
    book.calls.push(format!("create {reference}"));
    if let Some(code) = book.answer {
        return StatusCode::from_u16(code).unwrap().into_response();
    }
    let next = book.made;
    let n = *book.live.entry(reference.clone()).or_insert(next);
    book.made = next.max(n + 1);
    Json(json!({"url": format!("https://meet.example.test/{n}"), "id": reference})).into_response()
}

#[handler]
fn remove(Data(book): Data<&Arc<Mutex<Book>>>, Path(reference): Path<String>) -> Response {
    let mut book = book.lock().unwrap();
    book.calls.push(format!("remove {reference}"));
    let code = if book.live.remove(&reference).is_some() {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    };
    code.into_response()
}

impl MeetingService {
    /// Start it.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let book = Arc::new(Mutex::new(Book::default()));
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let url = format!("http://{}", acceptor.local_addr()[0].as_socket_addr().unwrap());
        let app = Route::new()
            .at("/meetings", post(create))
            .at("/meetings/:reference", delete(remove))
            .data(book.clone());
        let server = tokio::spawn(async move {
            Server::new_with_acceptor(acceptor).run(app).await.ok();
        });
        Self { url, book, server }
    }

    /// Answer every request to create with this status; `None` makes meetings again.
    ///
    /// # Panics
    /// Never.
    pub fn answer(&self, code: Option<u16>) {
        self.book.lock().unwrap().answer = code;
    }

    /// How many meetings there are.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn n_live(&self) -> usize {
        self.book.lock().unwrap().live.len()
    }

    /// Whether the meeting of that link is there.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn has(&self, url: &str) -> bool {
        let book = self.book.lock().unwrap();
        book.live
            .values()
            .any(|n| url == format!("https://meet.example.test/{n}"))
    }

    /// What was asked of it, in order.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.book.lock().unwrap().calls.clone()
    }
}

impl Drop for MeetingService {
    fn drop(&mut self) {
        self.server.abort();
    }
}
