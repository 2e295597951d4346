//! What every route shares: strict bodies, parameters, cursors, time limits and ready-made JSON.

pub mod body;
pub mod deadline;
pub mod instant;
pub mod page;
pub mod params;
pub mod reply;
pub mod values;
