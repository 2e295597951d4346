//! The HTTP process of Aroti: authenticate, parse, start or read, answer.
//!
//! [`app`] is everything between a request and its answer; the process, `dev` and the tests serve the same one.
//! A feature is a folder: `routes` (what is asked), `wire` (how it looks), `read` (what the database says).
//! Not here: what may be booked and what a booking does, which is `workflows`' and `activities`' business.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod busy_feeds;
pub mod calendars;
pub mod config;
pub mod copies;
pub mod edge;
pub mod error;
pub mod flags;
pub mod health;
pub mod http;
pub mod insights;
pub mod limits;
pub mod metrics;
pub mod openapi;
pub mod process;
pub mod profiles;
pub mod reports;
pub mod reviews;
pub mod roster;
pub mod schedules;
pub mod series;
pub mod sessions;
pub mod specialists;
pub mod state;
pub mod temporal;
pub mod together;
pub mod waitlist;
pub mod webhooks;

use poem::{Endpoint, EndpointExt, Response, Route, get};
use state::State;

/// The whole service: `/health`, `/ready`, `/api/…` and its documentation.
pub fn app(state: State) -> impl Endpoint<Output = Response> {
    let (cors, shared) = (state.cors.clone(), state.clone());
    let service = openapi::service(&state);
    let methods = openapi::methods();
    let routes = Route::new()
        .at("/api/openapi.json", get(service.spec_endpoint()))
        .at("/api/docs", get(openapi::docs(&service)))
        .nest("/", service)
        .data(state);
    edge::Edge::new(routes, cors, methods).sharing(shared)
}

#[cfg(test)]
mod tests;
