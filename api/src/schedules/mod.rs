//! When specialists work: their weekly hours, the dates that differ, and the limits on booking them.
//!
//! Specialists change their own ([`routes`]), whoever runs the place anybody's; both by the same functions. What is
//! booked stays where it is, whatever becomes of the hours; what can be booked follows at once.

pub mod read;
pub mod routes;
pub mod wire;
pub mod write;
