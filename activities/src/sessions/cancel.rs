//! `sessions.cancel`: the session is called off.

use super::transition::{Transition, event, standing, transition};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    contract::{Answer, CancelSession, Role},
    error::SessionError,
    rules::{self, Cancellation},
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: CancelSession) -> Result<Answer, StepError> {
    let CancelSession { session, command, now } = input;
    let outcome = transition(db, session, now, |row| {
        let notice = row.cancel_notice_minutes.max(0).unsigned_abs();
        let late = match rules::cancel(row.status, row.starts_at, notice, command.role, now)? {
            Cancellation::Already => return Ok(Transition::Unchanged),
            Cancellation::Ends { .. } if command.not_after < now => return Err(SessionError::Lapsed),
            Cancellation::Ends { late } => late,
        };
        let columns = session::ActiveModel {
            status: Set(SessionState::Cancelled),
            cancel_reason_id: Set(command.reason),
            late_cancel: Set(Some(late)),
            hold_expires_at: Set(None),
            sequence: Set(row.sequence + 1),
            ..Default::default()
        };
        let by = match command.role {
            Role::Client => "client",
            Role::Specialist => "specialist",
            Role::Admin => "admin",
            Role::Operator => "operator",
        };
        let events = vec![event(now, "cancellation", "done", Some(format!("by {by}")))];
        Ok(Transition::Change(Box::new(columns), events))
    });
    Ok(match outcome.await? {
        Ok(row) => Answer::Done(standing(&row, meetings)),
        Err(refusal) => Answer::Refused(refusal),
    })
}
