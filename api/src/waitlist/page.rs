//! The page behind the link of a mail: what is offered, and two buttons. Looking at it changes nothing.

use super::wire::{OfferStatus, OfferView};
use crate::http::reply::{Reply, answer};
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::tz::TimeZone;
use poem::{
    IntoResponse, Response,
    http::{HeaderMap, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
    types::Type,
};

/// Answers by the same route that the page was had from; nothing is sent before a button is pressed, and no second
/// answer while the first is on its way.
const SCRIPT: &str = "\
for (const button of document.querySelectorAll('button')) button.onclick = async () => {
  const said = document.querySelector('output'), buttons = document.querySelectorAll('button');
  for (const each of buttons) each.disabled = true;
  try {
    const answer = await fetch(location.pathname, {
      method: 'POST', headers: {'Content-Type': 'application/json'},
      body: JSON.stringify({accept: button.value === 'yes'}),
    });
    const body = await answer.json();
    said.textContent = answer.ok
      ? (body.status === 'accepted' ? 'The session is yours. A confirmation follows by mail.' : 'You have declined.')
      : body.message;
    if (answer.status < 500) for (const each of buttons) each.hidden = true;
  } catch { said.textContent = 'No connection. Please try again.'; }
  for (const each of buttons) each.disabled = false;
};";

/// An offer for a program, or for a person.
#[derive(Debug)]
pub enum Shown {
    /// As JSON.
    Data(Reply<OfferView>),
    /// As a page.
    Page(String),
}

impl Shown {
    /// What `accept`, the request's header, prefers.
    #[must_use]
    pub fn new(view: &OfferView, accept: Option<&str>) -> Self {
        if accept.is_some_and(|accept| accept.contains("text/html")) {
            Self::Page(page(view))
        } else {
            Self::Data(Reply::new(view))
        }
    }
}

fn page(view: &OfferView) -> String {
    let said = match view.status {
        OfferStatus::Offered => "",
        OfferStatus::Accepted => "You have taken this session.",
        OfferStatus::Declined | OfferStatus::Withdrawn => "This session has been given back.",
        OfferStatus::Lapsed => "This offer has ended.",
    };
    let buttons = if view.status == OfferStatus::Offered {
        r#"<p><button value="yes">Take it</button> <button value="no">Decline</button></p>"#
    } else {
        ""
    };
    let zone = TimeZone::get(&view.time_zone).unwrap_or(TimeZone::UTC);
    let clock = |at: workflows::time::Instant| {
        let local = at.timestamp().to_zoned(zone.clone());
        local.strftime("%A, %-d %B %Y, %H:%M").to_string()
    };
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>An offer</title></head>
<body><main><h1>{service} with {specialist}</h1>
<p>{starts} ({zone}), held for you until {ends}.</p>
{buttons}
<p><output>{said}</output></p></main>
<script>{SCRIPT}</script></body></html>
"#,
        service = escaped(&view.service),
        specialist = escaped(&view.specialist),
        starts = clock(view.starts_at.0),
        ends = clock(view.expires_at.0),
        zone = escaped(zone.iana_name().unwrap_or("UTC")),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Lets that one script run, and nothing else be loaded.
fn policy() -> String {
    let digest = digest::digest(&digest::SHA256, SCRIPT.as_bytes());
    format!(
        "default-src 'none'; script-src 'sha256-{}'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        BASE64_STANDARD.encode(digest.as_ref())
    )
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        let mut response = match self {
            Self::Data(reply) => reply.into_response(),
            Self::Page(page) => Response::builder()
                .content_type("text/html; charset=utf-8")
                .header(header::CONTENT_SECURITY_POLICY, policy())
                .body(page),
        };
        vary(response.headers_mut());
        response
    }
}

fn vary(headers: &mut HeaderMap) {
    headers.insert(header::VARY, header::HeaderValue::from_static("Accept"));
}

impl ApiResponse for Shown {
    fn meta() -> MetaResponses {
        let description = "The offer; a page for people where `text/html` is asked for.";
        MetaResponses {
            responses: vec![answer(200, description, Some(OfferView::schema_ref()))],
        }
    }

    fn register(registry: &mut Registry) {
        OfferView::register(registry);
    }
}
