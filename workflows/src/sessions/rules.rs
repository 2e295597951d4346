//! What a session may do when: pure decisions over its state and instants.

use super::{contract::Standing, error::SessionError, state::SessionState};
use crate::{slots::refusal::Refusal, time::Instant};

/// How long after the start a no-show can be said, in minutes: 48 hours. The run lives that long.
pub const NO_SHOW_MINUTES: i64 = 48 * 60;

/// When nothing can happen to the session any more: 48 h after its start, or its end if that is later.
#[must_use]
pub fn closes_at(starts_at: Instant, ends_at: Instant) -> Instant {
    starts_at.plus_minutes(NO_SHOW_MINUTES).max(ends_at)
}

/// When a reminder of that offset is due.
#[must_use]
pub fn reminder_at(starts_at: Instant, offset_minutes: u32) -> Instant {
    starts_at.plus_minutes(-i64::from(offset_minutes))
}

/// The offsets in the order they fall due, each once, split into those to come and those past at `now`.
#[must_use]
pub fn reminders(starts_at: Instant, offsets: &[u32], now: Instant) -> (Vec<u32>, Vec<u32>) {
    let mut offsets = offsets.to_vec();
    offsets.sort_unstable_by(|a, b| b.cmp(a));
    offsets.dedup();
    offsets
        .into_iter()
        .partition(|offset| now < reminder_at(starts_at, *offset))
}

/// The refusal of a start that these rules forbid, the most telling first; none when nothing forbids it.
///
/// What the schedule can never give comes before what somebody was faster to take, and that before a full day:
/// the loser of a race is told that the race was lost.
#[must_use]
pub fn not_bookable(mut because: Vec<Refusal>) -> Option<SessionError> {
    because.sort_by_key(|reason| match reason {
        Refusal::UnknownDuration => 0,
        Refusal::DayOff => 1,
        Refusal::OutsideSchedule => 2,
        Refusal::TooSoon => 3,
        Refusal::TooFar => 4,
        Refusal::SlotTaken => 5,
        Refusal::ExternalBusy => 6,
        Refusal::CapReached => 7,
    });
    if because.is_empty() {
        None
    } else {
        Some(SessionError::NotBookable { because })
    }
}

/// What the workflow of a session waits for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The end of the hold.
    HoldExpiry,
    /// The reminder so many minutes before the start.
    Reminder(u32),
    /// The end.
    End,
    /// The last moment at which a no-show can be said.
    Close,
}

impl Milestone {
    /// What queries and operators call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HoldExpiry => "confirm",
            Self::Reminder(_) => "reminder",
            Self::End => "end",
            Self::Close => "no_show_window",
        }
    }
}

/// The next milestone of a session and when it is due; none when nothing is awaited in that state.
///
/// `to_come` are the reminders not yet dealt with, in the order they fall due.
#[must_use]
pub fn next_milestone(standing: &Standing, to_come: &[u32]) -> Option<(Milestone, Instant)> {
    match standing.status {
        SessionState::Confirmed => Some(match to_come.first() {
            Some(offset) => (Milestone::Reminder(*offset), reminder_at(standing.starts_at, *offset)),
            None => (Milestone::End, standing.ends_at),
        }),
        SessionState::Completed => Some((Milestone::Close, closes_at(standing.starts_at, standing.ends_at))),
        SessionState::Held => standing.hold_expires_at.map(|at| (Milestone::HoldExpiry, at)),
        SessionState::NoShow | SessionState::Cancelled | SessionState::Expired | SessionState::Failed => None,
    }
}

#[cfg(test)]
mod tests;
