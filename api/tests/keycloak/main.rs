//! With a real Keycloak and the realm of `charts/platform/realm`: what the development issuer only resembles.
//!
//! One test at a time ([`keycloak::Keycloak::alone`]), for some of them stop it. `make test-keycloak` starts it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

#[path = "../it/app.rs"]
#[allow(dead_code, reason = "shared with the tests that need no Keycloak")]
mod app;
mod away;
mod backend;
mod deletion;
mod keycloak;
mod login;
mod rotation;
mod tokens;
