//! Availability: when a session may begin, and why not.
//!
//! Pure functions over intervals; what is taken and what time it is are arguments.
//! Listing free slots and judging one start go through the same grid and the same judge, so that whatever is listed can be
//! booked and whatever can be booked is listed.
//! Start with [`calendar::Calendar`]; [`schedule`], [`offer`] and [`busy`] are what goes in, [`refusal`] is what comes out.
//!
//! Not here: who may book, what a client has elsewhere, and which rows of the database are live.

pub mod busy;
pub mod calendar;
mod document;
pub mod error;
mod grid;
mod judge;
mod local;
pub mod offer;
pub mod prompt;
pub mod refusal;
pub mod schedule;
pub mod wall;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
