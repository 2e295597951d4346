//! Sessions as iCalendar text (RFC 5545), to be sent, fetched or subscribed to (RFC 5546).
//!
//! Start with [`event::Calendar`]. [`session`] says what stands in the event of a session, in the reader's
//! [`language`], so that mails, the file and the feeds of one session say the same. No clock, no network, no rows.

pub mod event;
pub mod language;
mod lines;
pub mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
