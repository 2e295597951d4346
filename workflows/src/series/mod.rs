//! Series: a recurring booking, reserved as one, each of its sessions a workflow of its own.
//!
//! [`recurrence`] says when, [`workflow`] has all of it reserved and started, or called off.

pub mod contract;
pub mod recurrence;
pub mod steps;
pub mod workflow;
