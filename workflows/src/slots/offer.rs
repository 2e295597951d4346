//! What is asked for: how long a session takes and how often one may begin.

use super::error::SlotsError;

/// The service asked for.
///
/// # Units
/// Whole minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Length of the session; at least 1, nothing fits a schedule otherwise.
    pub duration_minutes: u32,
    /// Time from one start of the grid to the next; at least 1, as above.
    pub interval_minutes: u32,
    /// Kept free before the session.
    pub buffer_before_minutes: u32,
    /// Kept free after the session.
    pub buffer_after_minutes: u32,
}

impl Offer {
    /// An offer of `duration_minutes`, starting every `interval_minutes` (every duration, when nothing is given).
    ///
    /// # Errors
    /// [`SlotsError::InvalidDuration`] and [`SlotsError::InvalidInterval`] where one is zero.
    pub fn new(
        duration_minutes: u32,
        interval_minutes: Option<u32>,
        buffer_before_minutes: u32,
        buffer_after_minutes: u32,
    ) -> Result<Self, SlotsError> {
        let interval_minutes = interval_minutes.unwrap_or(duration_minutes);
        if duration_minutes == 0 {
            return Err(SlotsError::InvalidDuration);
        }
        if interval_minutes == 0 {
            return Err(SlotsError::InvalidInterval);
        }
        Ok(Self {
            duration_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
        })
    }
}
