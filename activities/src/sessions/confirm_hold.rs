//! `sessions.confirm_hold`: the client wants what is held; from then on no timer ends it.

use super::transition::{By, Transition, answer, event, skipped_reminders, transition};
use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{audit::Actor, db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    case::Effect,
    contract::{Answer, ConfirmHold, Given, Meeting, Role},
    error::SessionError,
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Given<ConfirmHold>) -> Result<Answer, StepError> {
    let Given { session, command, now } = input;
    let actor = Actor::of(Role::Client, command.actor, command.request_id);
    let by = By::command("session.confirm_hold", actor);
    let outcome = transition(db, session, now, by, |row| {
        match row.case(now).confirm()? {
            Effect::Already => return Ok(Transition::Unchanged),
            Effect::Changes if command.not_after < now => return Err(SessionError::Lapsed),
            Effect::Changes => {}
        }
        let mut columns = session::ActiveModel {
            hold_expires_at: Set(None),
            ..Default::default()
        };
        let mut events = vec![event(now, "hold", "confirmed", None)];
        // A link that takes no call is part of this very step; another is asked for by the workflow.
        let key = MeetingKey::from(row.meeting());
        if let Some(Meeting { url, reference, .. }) = meetings.at_once(&key, row.ends_at) {
            columns.status = Set(SessionState::Confirmed);
            columns.meeting_url = Set(Some(url));
            columns.meeting_ref = Set(reference);
            events.push(event(now, "meeting_link", "done", None));
            events.push(event(now, "confirmation", "done", None));
        }
        let offsets = &row.reminder_offsets.0;
        events.extend(skipped_reminders(row.starts_at, row.sequence, offsets, &[], now));
        Ok(Transition::Change(Box::new(columns), events))
    });
    Ok(answer(outcome.await?, meetings))
}
