//! `sessions.reserve`: who is first gets the slot.
//!
//! One transaction behind two locks: read, judge by the slot functions, write. The locks come first and each in a
//! statement of its own, so that every read after them sees what earlier holders committed; racers queue instead of
//! colliding. The schema's constraints are the net below.

use super::{
    slot::{Slot, Wanted, constraint, win},
    transition::{By, counted, event, skipped_reminders, standing},
};
use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{
    audit::{self, Act, Actor},
    availability::Availability,
    booking_key::{Meaning, meaning},
    column::OffsetsMinutes,
    db::{Db, lock_both},
    profile, session,
    session_event::{self, NewEvent},
    user::{self, Account},
};
use sea_orm::{DatabaseTransaction, DbErr};
use workflows::{
    ids::{SeriesId, SessionId, SpecialistId, TextId, UserId},
    sessions::{
        contract::{Answer, Book, Meeting, Reserve, Role, ServiceChoice, Standing, workflow_id},
        error::SessionError,
        state::SessionState,
    },
    time::Instant,
};

/// Reserve, or refuse to.
///
/// # Errors
/// [`StepError`]: the database is away, or something is not as it must be.
pub async fn run(db: &Db, meetings: &MeetingProvider, max_holds: u32, input: Reserve) -> Result<Answer, StepError> {
    let Reserve { book, now } = input;
    let tx = db.begin_write().await?;
    lock_both(&tx, book.specialist, book.client).await?;
    match meaning(&tx, book.session.0).await? {
        None => {}
        Some(Meaning::Series) => return Ok(Answer::Refused(SessionError::IdempotencyKeyReused)),
        Some(Meaning::Session) => {
            if let Some(row) = session::by_id(&tx, book.session).await? {
                return Ok(found(&row, &book, meetings));
            }
        }
    }
    if book.not_after < now {
        return Ok(Answer::Refused(SessionError::Lapsed));
    }
    if book.hold && u64::from(max_holds) <= session::count_holds(&tx, book.client, now).await? {
        return Ok(Answer::Refused(SessionError::HoldLimit));
    }
    let reservation = Reservation {
        session: book.session,
        series: None,
        specialist: book.specialist,
        client: book.client,
        service: book.service,
        starts_at: book.starts_at,
        time_zone: book.time_zone,
        notes: book.notes,
        hold: if book.hold { Hold::AsUsual } else { Hold::None },
        request_hash: book.request_hash,
        by: By::command(
            "session.book",
            Actor::of(Role::Client, Some(book.client), book.request_id),
        ),
    };
    match take(&tx, meetings, reservation, now).await {
        Ok(Ok(row)) => {
            tx.commit().await?;
            counted(None, &row);
            Ok(Answer::Done(standing(&row, meetings)))
        }
        Ok(Err(refusal)) => Ok(Answer::Refused(refusal)),
        Err(error) => match constraint(&error) {
            Some(refusal) => Ok(Answer::Refused(refusal)),
            None => Err(error.into()),
        },
    }
}

/// The answer where the key has its session already.
fn found(row: &session::Model, book: &Book, meetings: &MeetingProvider) -> Answer {
    if row.request_hash != book.request_hash {
        return Answer::Refused(SessionError::IdempotencyKeyReused);
    }
    Answer::Done(Standing {
        changed_at: Some(row.updated_at),
        ..standing(row, meetings)
    })
}

/// A session to be.
pub(crate) struct Reservation {
    pub(crate) session: SessionId,
    pub(crate) series: Option<SeriesId>,
    pub(crate) specialist: SpecialistId,
    pub(crate) client: UserId,
    pub(crate) service: ServiceChoice,
    pub(crate) starts_at: Instant,
    /// The zone that its client named.
    pub(crate) time_zone: Option<String>,
    pub(crate) notes: Option<TextId>,
    pub(crate) hold: Hold,
    pub(crate) request_hash: String,
    /// Who takes the slot, and what that is called.
    pub(crate) by: By,
}

/// The fields that a booking decides.
const BOOKED: &[&str] = &[
    "specialist_id",
    "client_id",
    "service_id",
    "starts_at",
    "ends_at",
    "status",
    "time_zone",
    "notes_id",
];

/// Whether a slot is held for a while only.
#[derive(Clone, Copy)]
pub(crate) enum Hold {
    /// It is booked.
    None,
    /// Held as long as its specialist lets slots be held.
    AsUsual,
    /// Held until then.
    Until(Instant),
}

/// Take a slot under the locks of its specialist and its client, which the transaction holds already: the row of the
/// session, with its first events, or why not.
///
/// # Errors
/// Whatever the database says; [`constraint`] tells which failures are refusals.
pub(crate) async fn take(
    tx: &DatabaseTransaction,
    meetings: &MeetingProvider,
    reservation: Reservation,
    now: Instant,
) -> Result<Result<session::Model, SessionError>, DbErr> {
    let profile = match user::account(tx, reservation.client).await? {
        Some(Account::Active(profile)) => profile,
        Some(Account::Deleted) | None => return Ok(Err(SessionError::AccountDeleted)),
    };
    let at = reservation.starts_at;
    let Some(availability) = Availability::load(tx, reservation.specialist, at, at.plus_minutes(1)).await? else {
        return Ok(Err(SessionError::SpecialistNotFound));
    };
    let wanted = Wanted {
        session: reservation.session,
        client: reservation.client,
        service: reservation.service,
        starts_at: at,
        ordinal: 0,
    };
    let slot = match win(tx, &availability, wanted, now).await? {
        Ok(slot) => slot,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (row, by) = draft(reservation, slot, &availability, &profile, meetings, now);
    let events = story(&row, now);
    let row = session::Model {
        event_seq: i32::try_from(events.len()).unwrap_or(i32::MAX),
        ..row
    };
    session::insert(tx, row.clone()).await?;
    session_event::insert(tx, row.id, 0, events).await?;
    let act = Act {
        action: by.action,
        target_kind: "session",
        target_id: row.id.to_string(),
        fields: BOOKED,
    };
    audit::record(tx, &by.actor, act, now).await?;
    Ok(Ok(row))
}

fn draft(
    reservation: Reservation,
    slot: Slot,
    availability: &Availability,
    profile: &profile::Model,
    meetings: &MeetingProvider,
    now: Instant,
) -> (session::Model, By) {
    let rules = availability.rules();
    let hold_expires_at = match reservation.hold {
        Hold::None => None,
        Hold::AsUsual => Some(now.plus_minutes(rules.hold_minutes.into())),
        Hold::Until(at) => Some(at),
    };
    // What has begun cannot be confirmed any more.
    let hold_expires_at = hold_expires_at.map(|at| at.min(slot.starts_at));
    // A link that takes no call is part of this very step; what is held only gets one when it is confirmed.
    let key = MeetingKey::from(slot.meeting_key.clone());
    let meeting = match hold_expires_at {
        None => meetings.at_once(&key, slot.ends_at),
        Some(_) => None,
    };
    let status = if meeting.is_some() {
        SessionState::Confirmed
    } else {
        SessionState::Held
    };
    let (meeting_url, meeting_ref) =
        meeting.map_or((None, None), |Meeting { url, reference, .. }| (Some(url), reference));
    let row = session::Model {
        id: reservation.session,
        workflow_id: workflow_id(reservation.session),
        specialist_id: reservation.specialist,
        client_id: reservation.client,
        service_id: slot.service.id,
        series_id: reservation.series,
        status,
        starts_at: slot.starts_at,
        ends_at: slot.ends_at,
        buffer_before_minutes: slot.service.buffer_before_minutes,
        buffer_after_minutes: slot.service.buffer_after_minutes,
        blocks_from: slot.blocks_from,
        blocks_until: slot.blocks_until,
        seat_group: slot.seat_group,
        seat: slot.seat,
        hold_expires_at,
        time_zone: zone_of_client(reservation.time_zone, availability, profile),
        notes_id: reservation.notes,
        cancel_reason_id: None,
        meeting_url,
        meeting_ref,
        meeting_key: Some(slot.meeting_key),
        late_cancel: None,
        failure: None,
        sequence: 0,
        version: 1,
        event_seq: 0,
        request_hash: reservation.request_hash,
        cancel_notice_minutes: rules.cancel_notice_minutes,
        reschedule_notice_minutes: rules.reschedule_notice_minutes,
        max_reschedules: rules.max_reschedules,
        reschedules: 0,
        reminder_offsets: OffsetsMinutes(profile.reminder_offsets.0.clone()),
        created_at: now,
        updated_at: now,
        closed_at: None,
    };
    (row, reservation.by)
}

/// The zone the client thinks in: named with the booking, else set in the profile (a fresh one says UTC), else the
/// specialist's, which is what a time without a zone is read in.
fn zone_of_client(named: Option<String>, availability: &Availability, profile: &profile::Model) -> String {
    let set = Some(profile.time_zone.clone()).filter(|zone| zone != "UTC");
    named.or(set).unwrap_or_else(|| availability.zone().name().to_owned())
}

/// What happened in this step, as people read it.
fn story(row: &session::Model, now: Instant) -> Vec<NewEvent> {
    let mut events = vec![
        event(now, "availability", "done", None),
        event(now, "reservation", "done", None),
    ];
    if let Some(until) = row.hold_expires_at {
        events.push(event(now, "hold", "started", Some(format!("until {until}"))));
    }
    if row.status == SessionState::Confirmed {
        events.push(event(now, "meeting_link", "done", None));
        events.push(event(now, "confirmation", "done", None));
    }
    events.extend(skipped_reminders(row.starts_at, 0, &row.reminder_offsets.0, &[], now));
    events
}
