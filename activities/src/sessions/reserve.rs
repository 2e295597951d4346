//! `sessions.reserve`: who is first gets the slot.
//!
//! One transaction behind two locks: read, judge by the slot functions, write. The locks come first and each in a
//! statement of its own, so that every read after them sees what earlier holders committed; racers queue instead of
//! colliding. The schema's constraints are the net below.

use super::transition::{event, standing};
use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{
    availability::Availability,
    column::OffsetsMinutes,
    db::{Db, lock_client, lock_specialist},
    fault::{self, Fault},
    profile, service, session,
    session_event::{self, NewEvent},
    user::{self, Account},
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use workflows::{
    sessions::{
        contract::{Answer, Book, Meeting, Reserve, seat_group, workflow_id},
        error::SessionError,
        rules,
        state::SessionState,
    },
    slots::refusal::Refusal,
    time::Instant,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Reserve) -> Result<Answer, StepError> {
    let Reserve { book, now } = input;
    let tx = db.begin_write().await?;
    lock_specialist(&tx, book.specialist).await?;
    lock_client(&tx, book.client).await?;
    match decide(&tx, meetings, &book, now).await {
        Ok(Decision::Reserved(row)) => {
            tx.commit().await?;
            Ok(Answer::Done(standing(&row, meetings)))
        }
        Ok(Decision::Found(row)) => Ok(Answer::Done(standing(&row, meetings))),
        Ok(Decision::Refused(refusal)) => Ok(Answer::Refused(refusal)),
        Err(error) => match constraint(&error) {
            Some(refusal) => Ok(Answer::Refused(refusal)),
            None => Err(error.into()),
        },
    }
}

enum Decision {
    /// The slot is this session's.
    Reserved(Box<session::Model>),
    /// The session is there already.
    Found(Box<session::Model>),
    Refused(SessionError),
}

async fn decide(
    tx: &DatabaseTransaction,
    meetings: &MeetingProvider,
    book: &Book,
    now: Instant,
) -> Result<Decision, DbErr> {
    if let Some(row) = session::by_id(tx, book.session).await? {
        return Ok(if row.request_hash == book.request_hash {
            Decision::Found(Box::new(row))
        } else {
            Decision::Refused(SessionError::IdempotencyKeyReused)
        });
    }
    if book.not_after < now {
        return Ok(Decision::Refused(SessionError::Lapsed));
    }
    let profile = match user::account(tx, book.client).await? {
        Some(Account::Active(profile)) => profile,
        Some(Account::Deleted) | None => return Ok(Decision::Refused(SessionError::AccountDeleted)),
    };
    let until = book.starts_at.plus_minutes(1);
    let Some(availability) = Availability::load(tx, book.specialist, book.starts_at, until).await? else {
        return Ok(Decision::Refused(SessionError::SpecialistNotFound));
    };
    let service = match availability.judge(book.service, now, book.starts_at, None) {
        Ok(service) => service,
        Err(refusal) => return Ok(Decision::Refused(refusal)),
    };
    let row = draft(book, &availability, service, &profile, meetings, now);
    let own = session::blocking_of_client(tx, book.client, row.starts_at, row.ends_at).await?;
    let expired = |session: &session::Blocking| session.hold_expires_at.is_some_and(|at| at <= now);
    if own.iter().any(|session| !expired(session)) {
        return Ok(Decision::Refused(SessionError::ClientBusy));
    }
    let in_the_way = availability
        .sessions()
        .iter()
        .filter(|session| session.blocks_from < row.blocks_until && row.blocks_from < session.blocks_until);
    for session in own.iter().chain(in_the_way).filter(|session| expired(session)) {
        expire(tx, session, now).await?;
    }
    let row = session::Model {
        seat: free_seat(&availability, &row, now),
        ..row
    };
    let events = story(&row, book.starts_at, now);
    let row = session::Model {
        event_seq: i32::try_from(events.len()).unwrap_or(i32::MAX),
        ..row
    };
    session::insert(tx, row.clone()).await?;
    session_event::insert(tx, row.id, 0, events).await?;
    Ok(Decision::Reserved(Box::new(row)))
}

fn draft(
    book: &Book,
    availability: &Availability,
    service: &service::Model,
    profile: &profile::Model,
    meetings: &MeetingProvider,
    now: Instant,
) -> session::Model {
    let rules = availability.rules();
    let ends_at = book.starts_at.plus_minutes(service.duration_minutes.into());
    let capacity = service.capacity.max(1).unsigned_abs();
    let group = seat_group(book.session, service.id, capacity, book.starts_at);
    // A link that takes no call is part of this very step.
    let meeting = meetings.at_once(&MeetingKey::new(group, 0), ends_at);
    let status = if meeting.is_some() {
        SessionState::Confirmed
    } else {
        SessionState::Held
    };
    let (meeting_url, meeting_ref) = meeting.map_or((None, None), |Meeting { url, reference }| (Some(url), reference));
    session::Model {
        id: book.session,
        workflow_id: workflow_id(book.session),
        specialist_id: book.specialist,
        client_id: book.client,
        service_id: service.id,
        series_id: None,
        status,
        starts_at: book.starts_at,
        ends_at,
        buffer_before_minutes: service.buffer_before_minutes,
        buffer_after_minutes: service.buffer_after_minutes,
        blocks_from: book.starts_at.plus_minutes(-i64::from(service.buffer_before_minutes)),
        blocks_until: ends_at.plus_minutes(service.buffer_after_minutes.into()),
        seat_group: group,
        seat: 1,
        hold_expires_at: None,
        time_zone: zone_of_client(book, availability, profile),
        notes_id: book.notes,
        cancel_reason_id: None,
        meeting_url,
        meeting_ref,
        late_cancel: None,
        failure: None,
        sequence: 0,
        version: 1,
        event_seq: 0,
        request_hash: book.request_hash.clone(),
        cancel_notice_minutes: rules.cancel_notice_minutes,
        reschedule_notice_minutes: rules.reschedule_notice_minutes,
        max_reschedules: rules.max_reschedules,
        reschedules: 0,
        reminder_offsets: OffsetsMinutes(profile.reminder_offsets.0.clone()),
        created_at: now,
        updated_at: now,
    }
}

/// The zone the client thinks in: named with the booking, else set in the profile (a fresh one says UTC), else the
/// specialist's, which is what a time without a zone is read in.
fn zone_of_client(book: &Book, availability: &Availability, profile: &profile::Model) -> String {
    let set = Some(profile.time_zone.clone()).filter(|zone| zone != "UTC");
    book.time_zone
        .clone()
        .or(set)
        .unwrap_or_else(|| availability.zone().name().to_owned())
}

/// The lowest seat of the start that nobody has.
fn free_seat(availability: &Availability, row: &session::Model, now: Instant) -> i32 {
    let live = availability
        .sessions()
        .iter()
        .filter(|session| session.seat_group == row.seat_group && session.hold_expires_at.is_none_or(|at| now < at));
    let taken: Vec<i32> = live.map(|session| session.seat).collect();
    (1..).find(|seat| !taken.contains(seat)).unwrap_or(1)
}

/// A hold that is over gives way, whether its own workflow has noticed or not.
async fn expire(tx: &DatabaseTransaction, session: &session::Blocking, now: Instant) -> Result<(), DbErr> {
    let columns = session::ActiveModel {
        status: Set(SessionState::Expired),
        hold_expires_at: Set(None),
        ..Default::default()
    };
    let changed = session::change(tx, session.id, columns, 1, now).await?;
    let events = vec![event(now, "hold", "expired", None)];
    session_event::insert(tx, session.id, changed.event_seq - 1, events).await
}

/// What happened in this step, as people read it.
fn story(row: &session::Model, starts_at: Instant, now: Instant) -> Vec<NewEvent> {
    let mut events = vec![
        event(now, "availability", "done", None),
        event(now, "reservation", "done", None),
    ];
    if row.status == SessionState::Confirmed {
        events.push(event(now, "meeting_link", "done", None));
        events.push(event(now, "confirmation", "done", None));
    }
    let (_, past) = rules::reminders(starts_at, &row.reminder_offsets.0, now);
    events.extend(past.into_iter().map(|offset| NewEvent {
        at: now,
        step: "reminder".to_owned(),
        status: "skipped".to_owned(),
        detail: Some(format!("{offset} min before the start was already past")),
        key: format!("reminder:{offset}:0:skipped"),
    }));
    events
}

/// The refusal that a constraint stands for.
fn constraint(error: &DbErr) -> Option<SessionError> {
    match fault::classify(error) {
        Fault::Constraint(name) => match name.as_str() {
            fault::SESSION_SPECIALIST_OVERLAP | fault::SESSION_SEAT_TAKEN => Some(SessionError::NotBookable {
                because: vec![Refusal::SlotTaken],
            }),
            fault::SESSION_CLIENT_OVERLAP => Some(SessionError::ClientBusy),
            _ => None,
        },
        _ => None,
    }
}
