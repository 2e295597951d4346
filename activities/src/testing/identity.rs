//! An identity provider that does as it is told.

use crate::accounts::identity::Realm;
use poem::{
    EndpointExt, IntoResponse, Request, Response, Route, Server, delete, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::{Data, Form, Json, Path},
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use tokio::task::JoinHandle;
use uuid::Uuid;
use workflows::ids::UserId;

/// Who may delete users there.
pub const CLIENT_ID: &str = "aroti-backend";
/// And by what.
pub const CLIENT_SECRET: &str = "a client's secret, for tests only";

/// What the provider knows and how it behaves.
#[derive(Default)]
struct Book {
    users: BTreeSet<String>,
    good: BTreeSet<String>,
    calls: Vec<String>,
    answer: Option<u16>,
    hidden: bool,
}

/// A provider on a port of its own.
pub struct IdentityService {
    /// Its realm, as a worker is told of it.
    pub realm: Realm,
    book: Arc<Mutex<Book>>,
    server: JoinHandle<()>,
}

#[derive(Deserialize)]
struct Grant {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

#[handler]
fn give_token(Data(book): Data<&Arc<Mutex<Book>>>, Form(grant): Form<Grant>) -> Response {
    let mut book = book.lock().unwrap();
    book.calls.push("token".to_owned());
    if let Some(code) = book.answer {
        return StatusCode::from_u16(code).unwrap().into_response();
    }
    let told = (
        grant.grant_type.as_str(),
        grant.client_id.as_str(),
        grant.client_secret.as_str(),
    );
    if told != ("client_credentials", CLIENT_ID, CLIENT_SECRET) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = Uuid::new_v4().to_string();
    book.good.insert(token.clone());
    Json(json!({"access_token": token, "expires_in": 60, "token_type": "Bearer"})).into_response()
}

#[handler]
fn remove(Data(book): Data<&Arc<Mutex<Book>>>, Path(user): Path<String>, request: &Request) -> Response {
    let mut book = book.lock().unwrap();
    book.calls.push(format!("delete {user}"));
    if let Some(code) = book.answer {
        return StatusCode::from_u16(code).unwrap().into_response();
    }
    if book.hidden {
        return (StatusCode::NOT_FOUND, "<h1>404</h1>").into_response();
    }
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    if !token.is_some_and(|token| book.good.contains(token)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if book.users.remove(&user) {
        return StatusCode::NO_CONTENT.into_response();
    }
    (StatusCode::NOT_FOUND, Json(json!({"error": "User not found"}))).into_response()
}

impl IdentityService {
    /// Start it.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let book = Arc::new(Mutex::new(Book::default()));
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = acceptor.local_addr()[0].as_socket_addr().copied().unwrap();
        let app = Route::new()
            .at("/realms/aroti/protocol/openid-connect/token", post(give_token))
            .at("/admin/realms/aroti/users/:user", delete(remove))
            .data(book.clone());
        let server = tokio::spawn(async move {
            Server::new_with_acceptor(acceptor).run(app).await.ok();
        });
        let realm = Realm {
            url: format!("http://{address}/realms/aroti").parse().unwrap(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned().into(),
        };
        Self { realm, book, server }
    }

    /// Have it know somebody.
    ///
    /// # Panics
    /// Never.
    pub fn add(&self, user: UserId) {
        self.book.lock().unwrap().users.insert(user.to_string());
    }

    /// Whether it knows somebody.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn knows(&self, user: UserId) -> bool {
        self.book.lock().unwrap().users.contains(&user.to_string())
    }

    /// Answer everything with this status; `None` does as it is asked again.
    ///
    /// # Panics
    /// Never.
    pub fn answer(&self, code: Option<u16>) {
        self.book.lock().unwrap().answer = code;
    }

    /// Stand behind a proxy that hides the admin API.
    ///
    /// # Panics
    /// Never.
    pub fn hide(&self, hidden: bool) {
        self.book.lock().unwrap().hidden = hidden;
    }

    /// Forget the tokens it has given, as one does that is restarted with other keys.
    ///
    /// # Panics
    /// Never.
    pub fn forget_tokens(&self) {
        self.book.lock().unwrap().good.clear();
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

impl Drop for IdentityService {
    fn drop(&mut self) {
        self.server.abort();
    }
}
