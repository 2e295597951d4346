//! The worker's port: whether it lives, whether it can work, and its metrics.

use poem::{
    EndpointExt, IntoResponse, Response, Route, get, handler,
    http::{StatusCode, header},
    web::{Data, Json},
};
use serde::Serialize;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use telemetry::metrics;

/// Whether the worker is connected and polls.
#[derive(Clone, Debug, Default)]
pub struct Polling(Arc<AtomicBool>);

impl Polling {
    /// Say that it polls, or no longer does.
    pub fn set(&self, polls: bool) {
        self.0.store(polls, Ordering::Relaxed);
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

/// Where the engine's SDK shows its metrics.
#[derive(Clone, Copy, Debug)]
pub struct MetricsSource(pub SocketAddr);

#[handler]
fn health() -> Json<Health> {
    Json(Health {
        status: "ok",
        service: "worker",
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[handler]
fn ready(Data(polling): Data<&Polling>) -> Response {
    let polls = polling.0.load(Ordering::Relaxed);
    let status = if polls { "ok" } else { "connecting" };
    let body = Json(Health {
        status,
        service: "worker",
        version: env!("CARGO_PKG_VERSION"),
    });
    let code = if polls {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    body.with_status(code).into_response()
}

#[handler]
async fn all_metrics(Data(source): Data<&MetricsSource>) -> Response {
    let answer = match reqwest::get(format!("http://{}/metrics", source.0)).await {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    // Its names begin with `temporal_`, and ours do not.
    match answer {
        Ok(of_the_sdk) => Response::builder()
            .header(header::CONTENT_TYPE, metrics::CONTENT_TYPE)
            .body(metrics::text() + &of_the_sdk),
        Err(_) => Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).finish(),
    }
}

/// `/health`, `/ready` and `/metrics`.
pub fn app(polling: Polling, source: MetricsSource) -> impl poem::Endpoint {
    Route::new()
        .at("/health", get(health))
        .at("/ready", get(ready))
        .at("/metrics", get(all_metrics))
        .data(polling)
        .data(source)
}
