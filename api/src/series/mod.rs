//! Series: a recurring booking as a whole.
//!
//! One is booked by `POST /api/sessions` with a `recurrence`; [`book`] gives that command, [`cancel`] calls it off.

pub mod book;
pub mod cancel;
pub mod read;
pub mod routes;
pub mod wire;
