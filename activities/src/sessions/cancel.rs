//! `sessions.cancel`: the session is called off.

use super::transition::{By, Transition, answer, event, transition};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{audit::Actor, db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    case::Cancellation,
    contract::{Answer, Cancel, Given, Role},
    error::SessionError,
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Given<Cancel>) -> Result<Answer, StepError> {
    let Given { session, command, now } = input;
    let actor = Actor::of(command.role, command.actor, command.request_id);
    let by = By::command("session.cancel", actor);
    let outcome = transition(db, session, now, by, |row| {
        let late = match row.case(now).cancel(command.role)? {
            Cancellation::Already => return Ok(Transition::Unchanged),
            Cancellation::Ends { .. } if command.only_hold && row.hold_expires_at.is_none() => {
                return Err(SessionError::WrongState { state: row.status });
            }
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
    Ok(answer(outcome.await?, meetings))
}
