//! What each command does to a session in each state: one function a command, asked under the session's locks by the
//! steps, and beforehand by the API, so that both say the same.

use super::{contract::Role, error::SessionError, rules, state::SessionState};
use crate::time::Instant;

/// Everything that decides about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The state on record; [`Case::status`] is the one that counts.
    pub recorded: SessionState,
    /// Of a hold: when it ends.
    pub hold_expires_at: Option<Instant>,
    /// Its start.
    pub starts_at: Instant,
    /// Its end, exclusive.
    pub ends_at: Instant,
    /// The policy as when it was booked: a cancellation closer to the start is late.
    pub cancel_notice_minutes: u32,
    /// As when it was booked: its client's reschedule closer to the start is refused.
    pub reschedule_notice_minutes: u32,
    /// As when it was booked: how often its client may reschedule.
    pub max_reschedules: Option<u32>,
    /// How often its client has.
    pub reschedules: u32,
    /// The time.
    pub now: Instant,
}

/// What becomes of a command that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It has been done before: nothing changes.
    Already,
    /// It changes the session.
    Changes,
}

/// What a cancel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// It was cancelled before: nothing changes.
    Already,
    /// It ends the session; `late` when its client is inside the notice of the policy.
    Ends {
        /// Whether it counts as a late cancel.
        late: bool,
    },
}

/// What a reschedule is to the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Something that nobody has been told of yet is put elsewhere: a hold, or a booking whose link is being made.
    Silent,
    /// A session that people rely on moves; `counted` when it is one of the times that its client may.
    Announced {
        /// Whether it is counted.
        counted: bool,
    },
}

impl Case {
    /// Where the session stands: a hold whose time is over has expired, whether its workflow has noticed or not.
    #[must_use]
    pub fn status(&self) -> SessionState {
        let over = self.hold_expires_at.is_some_and(|at| at <= self.now);
        if self.recorded == SessionState::Held && over {
            SessionState::Expired
        } else {
            self.recorded
        }
    }

    fn has_begun(&self) -> bool {
        self.starts_at <= self.now
    }

    fn refused<T>(&self) -> Result<T, SessionError> {
        Err(SessionError::WrongState { state: self.status() })
    }

    /// The client confirms what is held.
    ///
    /// # Errors
    /// [`SessionError::WrongState`].
    pub fn confirm(&self) -> Result<Effect, SessionError> {
        match self.status() {
            SessionState::Held if self.hold_expires_at.is_some() => Ok(Effect::Changes),
            SessionState::Held | SessionState::Confirmed => Ok(Effect::Already),
            _ => self.refused(),
        }
    }

    /// `role` moves the session to another start.
    ///
    /// The policy binds the client of a confirmed session; its specialist never.
    ///
    /// # Errors
    /// [`SessionError::WrongState`], [`SessionError::PastCutoff`], [`SessionError::RescheduleLimit`].
    pub fn reschedule(&self, role: Role) -> Result<Move, SessionError> {
        match self.status() {
            SessionState::Held => Ok(Move::Silent),
            SessionState::Confirmed if self.has_begun() => self.refused(),
            SessionState::Confirmed if role != Role::Client => Ok(Move::Announced { counted: false }),
            SessionState::Confirmed => {
                if self.starts_at < self.now.plus_minutes(i64::from(self.reschedule_notice_minutes)) {
                    Err(SessionError::PastCutoff)
                } else if self.max_reschedules.is_some_and(|max| max <= self.reschedules) {
                    Err(SessionError::RescheduleLimit)
                } else {
                    Ok(Move::Announced { counted: true })
                }
            }
            _ => self.refused(),
        }
    }

    /// Somebody changes the notes.
    ///
    /// # Errors
    /// [`SessionError::WrongState`].
    pub fn amend(&self) -> Result<(), SessionError> {
        match self.status() {
            SessionState::Held | SessionState::Confirmed => Ok(()),
            SessionState::Completed if !self.is_closed() => Ok(()),
            _ => self.refused(),
        }
    }

    /// `role` calls the session off.
    ///
    /// Until the start everybody concerned may; from then on its specialist and those who run the place. What was never
    /// confirmed can be called off at any hour.
    ///
    /// # Errors
    /// [`SessionError::WrongState`].
    pub fn cancel(&self, role: Role) -> Result<Cancellation, SessionError> {
        match self.status() {
            SessionState::Cancelled => Ok(Cancellation::Already),
            SessionState::Confirmed if self.has_begun() && role == Role::Client => self.refused(),
            SessionState::Held | SessionState::Confirmed => {
                let notice = i64::from(self.cancel_notice_minutes);
                Ok(Cancellation::Ends {
                    late: role == Role::Client && self.starts_at < self.now.plus_minutes(notice),
                })
            }
            _ => self.refused(),
        }
    }

    /// The specialist says that the client did not come: from the start until 48 h after it.
    ///
    /// # Errors
    /// [`SessionError::WrongState`].
    pub fn no_show(&self) -> Result<Effect, SessionError> {
        match self.status() {
            SessionState::NoShow => Ok(Effect::Already),
            SessionState::Confirmed | SessionState::Completed if self.has_begun() && !self.is_closed() => {
                Ok(Effect::Changes)
            }
            _ => self.refused(),
        }
    }

    /// The client says how it was, who may have said so before.
    ///
    /// # Errors
    /// [`SessionError::WrongState`] unless it took place; [`SessionError::AlreadyReviewed`] for a second time.
    pub fn review(&self, already: bool) -> Result<(), SessionError> {
        match self.status() {
            SessionState::Completed if already => Err(SessionError::AlreadyReviewed),
            SessionState::Completed => Ok(()),
            _ => self.refused(),
        }
    }

    /// Whether nothing can happen to it any more, for the time that has passed.
    fn is_closed(&self) -> bool {
        rules::closes_at(self.starts_at, self.ends_at) <= self.now
    }
}

#[cfg(test)]
mod tests;
