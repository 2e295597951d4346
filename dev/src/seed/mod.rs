//! Demo data: invented people, with schedules that show what the slot rules can do.
//!
//! [`mod@people`] says who they are and [`mod@insights`] what they read each day, [`mod@store`] writes it. Ids are made of names, so that a second start finds what the first
//! one wrote and leaves it as it is by then.

mod insights;
mod people;
mod store;

#[cfg(test)]
mod tests;

pub use people::{logins, people, users};
pub use store::seed;
