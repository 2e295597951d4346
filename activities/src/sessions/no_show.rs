//! `sessions.no_show`: the client did not come.

use super::transition::{By, Transition, answer, event, transition};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{audit::Actor, db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    case::Effect,
    contract::{Answer, Given, NoShow},
    error::SessionError,
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Given<NoShow>) -> Result<Answer, StepError> {
    let Given { session, command, now } = input;
    let actor = Actor::of(command.role, command.actor, command.request_id);
    let by = By::command("session.no_show", actor);
    let outcome = transition(db, session, now, by, |row| {
        match row.case(now).no_show()? {
            Effect::Already => return Ok(Transition::Unchanged),
            Effect::Changes if command.not_after < now => return Err(SessionError::Lapsed),
            Effect::Changes => {}
        }
        let columns = session::ActiveModel {
            status: Set(SessionState::NoShow),
            ..Default::default()
        };
        Ok(Transition::Change(
            Box::new(columns),
            vec![event(now, "no_show", "done", None)],
        ))
    });
    Ok(answer(outcome.await?, meetings))
}
