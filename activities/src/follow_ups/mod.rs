//! What must happen because rows have changed: taken from [`entities::follow_up`] and done, at least once.

mod relay;

pub use relay::Relay;
