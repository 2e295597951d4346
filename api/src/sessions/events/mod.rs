//! A session's events as they happen, over HTTP: server-sent events.
//!
//! The database alone knows what has happened; a stream reads it behind the last event it sent, so that nothing is
//! missed or repeated, whichever process a client asks and however often it comes back. What remains is when to read:
//! [`hub`] wakes streams by a look at all of them each second, and earlier where Redis is there to say so.
//! Start with [`follow`]; [`wire`] is how it looks.

pub mod follow;
pub mod hub;
pub mod wire;
