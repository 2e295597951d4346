//! The outbox's page, and the same as JSON.

use super::{
    message::Message,
    store::{Fault, Store},
};
use minijinja::{Environment, context, value::Serde};
use poem::{
    EndpointExt, FromRequest, Request, RequestBody, Response, Route, Server,
    error::{BadRequest, InternalServerError, NotFoundError},
    get, handler,
    http::StatusCode,
    listener::TcpAcceptor,
    post,
    web::{Data, Json, Path, Query},
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch};
use uuid::Uuid;

/// How long an answer may take once the outbox is to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Nothing is fetched, nothing runs; styles stand in the pages, and a mail's HTML is shown in a frame.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'; \
                           form-action 'none'; base-uri 'none'";
/// A mail's own HTML, besides, has no origin; its links open a window of their own.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; \
                           form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox";

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    for (name, source) in [
        ("list.html", include_str!("list.html")),
        ("mail.html", include_str!("mail.html")),
    ] {
        pages
            .add_template(name, source)
            .expect("the embedded pages parse, as the tests show");
    }
    pages
});

/// Show what is in `store` until the sender of `stop` is gone.
pub(super) fn serve(
    listener: TcpListener,
    store: Arc<Store>,
    mut stop: watch::Receiver<()>,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?);
    let routes = Route::new()
        .at("/", get(list))
        .at("/mails/:id", get(mail))
        .at("/mails/:id/html", get(html))
        .at("/mails/:id/raw", get(raw))
        .at("/messages", get(messages).delete(clear))
        .at("/fail", post(fail))
        .at("/health", get(health))
        .data(store);
    Ok(async move {
        let stopped = async move {
            // It ends with an error: the sender is dropped, never used.
            let _ended = stop.changed().await;
        };
        if let Err(error) = server.run_with_graceful_shutdown(routes, stopped, Some(GRACE)).await {
            tracing::error!(%error, "the outbox's page ended");
        }
    })
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

impl Filter {
    fn wants(&self, message: &Message) -> bool {
        self.to.as_ref().is_none_or(|to| message.is_to(to))
    }
}

#[handler]
fn messages(Data(store): Data<&Arc<Store>>, Query(filter): Query<Filter>) -> poem::Result<Response> {
    // Written from where they are kept: all mails together can be long.
    let body = store.with(|kept| {
        let wanted: Vec<&Message> = kept.iter().filter(|message| filter.wants(message)).collect();
        serde_json::to_vec(&wanted)
    });
    let body = body.map_err(InternalServerError)?;
    Ok(Response::builder()
        .content_type("application/json; charset=utf-8")
        .body(body))
}

#[handler]
fn clear(Data(store): Data<&Arc<Store>>) -> StatusCode {
    store.clear();
    StatusCode::NO_CONTENT
}

#[handler]
fn fail(Data(store): Data<&Arc<Store>>, Json(fault): Json<Fault>) -> poem::Result<Json<Fault>> {
    if !(400..600).contains(&fault.code) {
        return Err(BadRequest(io::Error::other("code must be from 400 to 599")));
    }
    store.fail(fault.clone());
    Ok(Json(fault))
}

#[derive(Serialize)]
struct Health {
    ok: bool,
    messages: usize,
}

#[handler]
fn health(Data(store): Data<&Arc<Store>>) -> Json<Health> {
    Json(Health {
        ok: true,
        messages: store.with(<[Message]>::len),
    })
}

/// A line of the list.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    received_at: String,
    to: String,
    subject: &'a str,
    n_attachments: usize,
}

#[handler]
fn list(Data(store): Data<&Arc<Store>>, Query(filter): Query<Filter>) -> poem::Result<Response> {
    let page = store.with(|kept| {
        let rows: Vec<Row<'_>> = kept
            .iter()
            .rev()
            .filter(|message| filter.wants(message))
            .map(|message| Row {
                id: message.id,
                received_at: message.received_at.to_string(),
                to: message.to.join(", "),
                subject: message.subject.as_deref().unwrap_or("(no subject)"),
                n_attachments: message.attachments.len(),
            })
            .collect();
        render("list.html", context! { rows => Serde(&rows), to => &filter.to })
    })?;
    Ok(shown(page, PAGE_POLICY))
}

/// The mail that the address of a page names.
struct Named(Message);

impl<'a> FromRequest<'a> for Named {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let Path(id) = Path::<Uuid>::from_request(request, body)
            .await
            .map_err(|_| NotFoundError)?;
        let Data(store) = Data::<&Arc<Store>>::from_request(request, body).await?;
        let found = store.with(|kept| kept.iter().find(|message| message.id == id).cloned());
        Ok(Self(found.ok_or(NotFoundError)?))
    }
}

#[handler]
fn mail(Named(message): Named) -> poem::Result<Response> {
    Ok(shown(
        render("mail.html", context! { mail => Serde(&message) })?,
        PAGE_POLICY,
    ))
}

#[handler]
fn html(Named(message): Named) -> Response {
    // Without the base a link would open inside the frame.
    shown(
        format!("<base target=\"_blank\">{}", message.html.unwrap_or_default()),
        MAIL_POLICY,
    )
}

#[handler]
fn raw(Named(message): Named) -> Response {
    secured(
        Response::builder().content_type("text/plain; charset=utf-8"),
        MAIL_POLICY,
    )
    .body(message.raw)
}

fn render(name: &str, context: minijinja::Value) -> poem::Result<String> {
    PAGES
        .get_template(name)
        .and_then(|page| page.render(context))
        .map_err(InternalServerError)
}

fn shown(page: String, policy: &str) -> Response {
    secured(Response::builder().content_type("text/html; charset=utf-8"), policy).body(page)
}

fn secured(response: poem::ResponseBuilder, policy: &str) -> poem::ResponseBuilder {
    response
        .header("content-security-policy", policy)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
        .header("cache-control", "no-store")
}
