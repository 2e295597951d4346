//! An SMTP server that keeps the mails it gets and shows them: the outbox of `make run` and the mail sink of the tests.
//!
//! Start with [`server::Outbox`]. Mails arrive by SMTP (`smtp`), are kept (`store`) as [`message::Message`] and are
//! shown as an HTML page and as JSON (`http`). It never delivers anything and knows no users: it belongs on loopback.

mod http;
pub mod message;
pub mod server;
mod smtp;
mod store;

/// Mails that are kept; an older one goes when a new one comes.
pub const MOST_KEPT: usize = store::KEPT;

#[cfg(test)]
mod tests;
