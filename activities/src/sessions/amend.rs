//! `sessions.amend`: other notes.

use super::transition::{By, Locked, answer, keyed};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{audit::Actor, db::Db, session, session_event};
use sea_orm::ActiveValue::Set;
use workflows::{
    ids::TextId,
    sessions::{
        contract::{Amend, Answer, Given, Notes},
        error::SessionError,
    },
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Given<Amend>) -> Result<Answer, StepError> {
    let Given { session, command, now } = input;
    let locked = Locked::take(db, session).await?;
    let key = key(command.id);
    if session_event::has(&locked.tx, session, &key).await? {
        return Ok(answer(Ok(locked.row), meetings));
    }
    if command.version.is_some_and(|version| version != locked.row.version) {
        return Ok(Answer::Refused(SessionError::VersionMismatch));
    }
    if let Err(refusal) = locked.row.case(now).amend() {
        return Ok(Answer::Refused(refusal));
    }
    let notes = noted(&locked.row, command.notes);
    if notes == locked.row.notes_id {
        return Ok(answer(Ok(locked.row), meetings));
    }
    if command.not_after < now {
        return Ok(Answer::Refused(SessionError::Lapsed));
    }
    let columns = session::ActiveModel {
        notes_id: Set(notes),
        ..Default::default()
    };
    let events = vec![keyed(now, "notes", "changed", None, key)];
    let actor = Actor::of(command.role, command.actor, command.request_id);
    let by = By::command("session.amend", actor);
    Ok(answer(Ok(locked.change(by, columns, events, now).await?), meetings))
}

/// What the event of the notes is filed under, so that a repeat of the command finds it.
pub(super) fn key(command: uuid::Uuid) -> String {
    format!("notes:{command}")
}

/// The notes as they are to be.
pub(super) fn noted(row: &session::Model, notes: Notes) -> Option<TextId> {
    match notes {
        Notes::Keep => row.notes_id,
        Notes::Clear => None,
        Notes::Replace(text) => Some(text),
    }
}
