//! Sessions in people's own calendars.
//!
//! [`read`] gathers what stands in an event; how it is written is the crate `calendar`'s business, which mails use too.
//! [`feed`] knows which address of a feed is the good one, [`token`] makes it and knows it again.

pub mod feed;
pub mod read;
pub mod reply;
pub mod routes;
pub mod token;
pub mod wire;
