//! `sessions.reschedule`: the new slot is won before the old one is let go, in one transaction.

use super::{
    amend::noted,
    slot::{self, Wanted, win},
    transition::{By, Locked, answer, keyed, skipped_reminders},
};
use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{audit::Actor, availability::Availability, db::Db, session, session_event, waitlist_offer};
use sea_orm::{ActiveValue::Set, DbErr};
use workflows::{
    sessions::{
        case::Move,
        contract::{Answer, Given, Meeting, Reschedule, ServiceChoice},
        error::SessionError,
        state::SessionState,
    },
    time::Instant,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Given<Reschedule>) -> Result<Answer, StepError> {
    let Given { session, command, now } = input;
    let locked = Locked::take(db, session).await?;
    let key = format!("reschedule:{}", command.id);
    if session_event::has(&locked.tx, session, &key).await? {
        return Ok(answer(Ok(locked.row), meetings));
    }
    match change(locked, meetings, command, key, now).await {
        Ok(outcome) => Ok(answer(outcome, meetings)),
        Err(error) => match slot::constraint(&error) {
            Some(refusal) => Ok(Answer::Refused(refusal)),
            None => Err(error.into()),
        },
    }
}

async fn change(
    locked: Locked,
    meetings: &MeetingProvider,
    command: Reschedule,
    key: String,
    now: Instant,
) -> Result<Result<session::Model, SessionError>, DbErr> {
    let row = &locked.row;
    if command.version.is_some_and(|version| version != row.version) {
        return Ok(Err(SessionError::VersionMismatch));
    }
    let notes = noted(row, command.notes);
    // An unchanged start is no reschedule, whatever the policy says of one.
    if command.starts_at == row.starts_at {
        if let Err(refusal) = row.case(now).amend() {
            return Ok(Err(refusal));
        }
        if notes == row.notes_id {
            return Ok(Ok(locked.row));
        }
        if command.not_after < now {
            return Ok(Err(SessionError::Lapsed));
        }
        let columns = session::ActiveModel {
            notes_id: Set(notes),
            ..Default::default()
        };
        let events = vec![keyed(now, "notes", "changed", None, key)];
        let actor = Actor::of(command.role, command.actor, command.request_id);
        let by = By::command("session.amend", actor);
        return locked.change(by, columns, events, now).await.map(Ok);
    }
    // What is offered was told of by its start: it is taken or declined, and moved by nobody.
    if row.hold_expires_at.is_some() && waitlist_offer::is_open(&locked.tx, row.id).await? {
        return Ok(Err(SessionError::WrongState {
            state: row.case(now).status(),
        }));
    }
    let kind = match row.case(now).reschedule(command.role) {
        Ok(_) if command.not_after < now => return Ok(Err(SessionError::Lapsed)),
        Ok(kind) => kind,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let at = command.starts_at;
    let Some(availability) = Availability::load(&locked.tx, row.specialist_id, at, at.plus_minutes(1)).await? else {
        return Ok(Err(SessionError::SpecialistNotFound));
    };
    let wanted = Wanted {
        session: row.id,
        client: row.client_id,
        service: ServiceChoice::Id(row.service_id),
        starts_at: at,
        ordinal: row.version.max(0).unsigned_abs(),
    };
    let slot = match win(&locked.tx, &availability, wanted, now).await? {
        Ok(slot) => slot,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (counted, sequence) = match kind {
        Move::Silent => (false, row.sequence),
        Move::Announced { counted } => (counted, row.sequence + 1),
    };
    let mut columns = session::ActiveModel {
        starts_at: Set(slot.starts_at),
        ends_at: Set(slot.ends_at),
        blocks_from: Set(slot.blocks_from),
        blocks_until: Set(slot.blocks_until),
        buffer_before_minutes: Set(slot.service.buffer_before_minutes),
        buffer_after_minutes: Set(slot.service.buffer_after_minutes),
        seat_group: Set(slot.seat_group),
        seat: Set(slot.seat),
        sequence: Set(sequence),
        reschedules: Set(row.reschedules + i32::from(counted)),
        notes_id: Set(notes),
        hold_expires_at: Set(row.hold_expires_at.map(|at| at.min(slot.starts_at))),
        ..Default::default()
    };
    let detail = format!("from {} to {}", row.starts_at, slot.starts_at);
    let mut events = vec![keyed(now, "reschedule", "done", Some(detail), key.clone())];
    // A seat leaves its start's meeting for that of the new one. A meeting of its own is kept where the provider's go
    // with their session.
    let alone = slot.seat_group == row.seat_group;
    let meeting = if alone && meetings.moves_meetings() {
        row.meeting()
    } else {
        slot.meeting_key
    };
    let replaced = meeting != row.meeting();
    columns.meeting_key = Set(Some(meeting.clone()));
    match meetings.at_once(&MeetingKey::from(meeting), slot.ends_at) {
        Some(Meeting { url, reference, .. }) if row.status == SessionState::Confirmed => {
            columns.meeting_url = Set(Some(url));
            columns.meeting_ref = Set(reference);
        }
        None if replaced => {
            columns.meeting_url = Set(None);
            columns.meeting_ref = Set(None);
            columns.failure = Set(None);
        }
        _ => {}
    }
    if notes != row.notes_id {
        events.push(keyed(now, "notes", "changed", None, format!("{key}:notes")));
    }
    let offsets = &row.reminder_offsets.0;
    events.extend(skipped_reminders(slot.starts_at, sequence, offsets, &[], now));
    let actor = Actor::of(command.role, command.actor, command.request_id);
    let by = By::command("session.reschedule", actor);
    locked.change(by, columns, events, now).await.map(Ok)
}
