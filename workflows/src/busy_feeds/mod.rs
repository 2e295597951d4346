//! Calendars elsewhere whose events block a specialist's time: each is read again and again, for as long as it is given.
//!
//! [`workflow`] is one feed's run, [`steps`] declares how it is read, [`contract`] is what the two say to each other. What
//! was read is in the database; a run holds nothing, so it may end and begin at any time.

pub mod contract;
pub mod steps;
pub mod workflow;
