//! Sessions in people's own calendars.
//!
//! [`read`] gathers what stands in an event; how it is written is the crate `calendar`'s business, which mails use too.

pub mod read;
pub mod reply;
pub mod routes;
