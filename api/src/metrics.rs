//! The port of metrics: apart from the API's, so that no proxy shows it to the world.

use poem::{Endpoint, Response, Route, get, handler, http::header, web::Json};
use serde_json::{Value, json};
use telemetry::metrics;

/// `/metrics`, as Prometheus reads it, and `/health`.
pub fn app() -> impl Endpoint {
    Route::new().at("/metrics", get(text)).at("/health", get(health))
}

#[handler]
fn text() -> Response {
    Response::builder()
        .header(header::CONTENT_TYPE, metrics::CONTENT_TYPE)
        .body(metrics::text())
}

#[handler]
fn health() -> Json<Value> {
    Json(json!({"status": "ok", "service": "aroti-api", "version": env!("CARGO_PKG_VERSION")}))
}
