//! `outreach.deliver_webhook`: one call, and what became of it.

use super::{WebhookOutreachActivities, payload, signature};
use crate::{
    error::StepError,
    outside::{Answer, Beyond, Limits, OutsideError, Request},
};
use entities::{column::Sealed, db, session, webhook_delivery, webhook_endpoint};
use reqwest::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use telemetry::{Secret, metrics};
use url::Url;
use workflows::{
    ids::WebhookId,
    time::Instant,
    webhooks::{
        contract::{Attempt, Outcome, event_id},
        rules::PING,
        steps::ATTEMPT_LIMIT,
    },
};

/// What an attempt may take. Of what the receiver says its status and headers are read, and no body.
const LIMITS: Limits = Limits {
    total: ATTEMPT_LIMIT,
    bytes: 0,
    beyond: Beyond::Cut,
    // A redirect is a failure: what is signed for one address is not sent to another.
    redirects: 0,
};

pub(super) async fn run(activities: &WebhookOutreachActivities, input: Attempt) -> Result<Outcome, StepError> {
    let db = activities.db.reader();
    let endpoint = webhook_endpoint::by_id(db, input.endpoint).await?;
    let row = webhook_delivery::by_id(db, input.endpoint, input.session, input.due.seq).await?;
    let (Some(endpoint), Some(row)) = (endpoint, row.filter(webhook_delivery::Model::is_open)) else {
        return Ok(Outcome::Moot);
    };
    let is_test = row.event_type == PING;
    if !is_test && !endpoint.enabled {
        return Ok(Outcome::Moot);
    }
    let session = if is_test {
        None
    } else {
        session::by_id(db, row.session_id).await?
    };
    if session.is_none() && !is_test {
        return Ok(failed(None, "session_not_found", None));
    }
    let Some(_turn) = activities.line.turn(endpoint.id) else {
        return Err(StepError::Passing {
            code: "webhook_busy",
            source: anyhow::anyhow!("as many calls of webhook {} are under way as may be", endpoint.id),
        });
    };
    // The receiver compares it with its own clock: this is the one time that is not the workflow's.
    let now = db::now(db).await?;
    let body = payload::body(&row, session.as_ref());
    let Some(secrets) = secrets(activities, &endpoint, now) else {
        // Perhaps this worker's key is wrong and the next one's is not: tried again like any other failure.
        return Ok(failed(None, "secret_unreadable", None));
    };
    let Ok(url) = Url::parse(&endpoint.url) else {
        return Ok(failed(None, "no_address", None));
    };
    let id = event_id(row.session_id, row.seq);
    let timestamp = now.unix_seconds();
    let keys = secrets.iter().map(|secret| secret.expose().as_slice());
    let request = Request {
        method: Method::POST,
        headers: headers(&id, timestamp, &signature::header(keys, &id, timestamp, &body)),
        body,
    };
    let outcome = judge(activities.outside.call(&url, request, LIMITS).await);
    say(endpoint.id, &id, &outcome);
    Ok(outcome)
}

/// The new secret, and the one before for as long as it is good and can be read; nothing when the new one cannot be.
fn secrets(
    activities: &WebhookOutreachActivities,
    endpoint: &webhook_endpoint::Model,
    now: Instant,
) -> Option<Vec<Secret<Vec<u8>>>> {
    let previous = endpoint
        .previous_secret
        .as_ref()
        .filter(|_| endpoint.previous_secret_until.is_some_and(|until| now < until));
    let open = |Sealed(sealed): &Sealed| activities.sealer.open(endpoint.id.0, sealed);
    let secret = open(&endpoint.secret)?;
    Some(std::iter::once(secret).chain(previous.and_then(open)).collect())
}

fn headers(id: &str, timestamp: i64, signature: &str) -> HeaderMap {
    let plain = |text: &str| HeaderValue::from_str(text).expect("ids, numbers and base64 are visible ASCII");
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::USER_AGENT, HeaderValue::from_static("Aroti-Webhooks/1")),
        (HeaderName::from_static("webhook-id"), plain(id)),
        (
            HeaderName::from_static("webhook-timestamp"),
            plain(&timestamp.to_string()),
        ),
        (HeaderName::from_static("webhook-signature"), plain(signature)),
    ])
}

fn judge(answer: Result<Answer, OutsideError>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return failed(None, error.code(), None),
    };
    let status = answer.status;
    if status.is_success() {
        return Outcome::Delivered {
            status: status.as_u16(),
        };
    }
    let code = if status.is_redirection() {
        "redirect_refused"
    } else if status == StatusCode::GONE {
        "gone"
    } else if status.is_client_error() {
        "answered_4xx"
    } else {
        "answered_5xx"
    };
    let heeds = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
    let retry_after = answer.headers.get(header::RETRY_AFTER).filter(|_| heeds);
    // Seconds only: what is written as a date is an hour off in somebody's clock.
    let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    failed(Some(status.as_u16()), code, seconds)
}

fn failed(status: Option<u16>, code: &str, retry_after_seconds: Option<u32>) -> Outcome {
    Outcome::Failed {
        status,
        code: code.to_owned(),
        retry_after_seconds,
        gone: code == "gone",
    }
}

fn say(endpoint: WebhookId, event: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Delivered { status } => {
            metrics::webhook("delivered");
            tracing::info!(webhook.id = %endpoint, event.id = event, status, "told webhook {endpoint}");
        }
        Outcome::Failed { status, code, .. } => {
            metrics::webhook(if status.is_some() { "refused" } else { "failed" });
            tracing::warn!(webhook.id = %endpoint, event.id = event, status, code, "webhook {endpoint} was not told: {code}");
        }
        Outcome::Moot => {}
    }
}
