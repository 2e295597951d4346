//! Winning a slot: judged by the slot functions and taken, under the locks of its specialist and its client.
//!
//! A booking, a reschedule, each session of a series and an offer of the waitlist win their slots here.

use super::transition::{By, event, freed, put_on_record};
use entities::{
    availability::Availability,
    fault::{self, Fault},
    service, session, session_event,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use std::collections::BTreeSet;
use workflows::{
    ids::{SeatGroup, SessionId, UserId},
    sessions::{
        contract::{ServiceChoice, meeting_key, seat_group},
        error::SessionError,
        state::SessionState,
    },
    slots::refusal::Refusal,
    time::Instant,
};

/// Whose slot it is to be, and which.
pub(crate) struct Wanted {
    /// The session; what it has already is not in its own way.
    pub(crate) session: SessionId,
    pub(crate) client: UserId,
    pub(crate) service: ServiceChoice,
    pub(crate) starts_at: Instant,
    /// Makes the key of a meeting of its own one that was never given before.
    pub(crate) ordinal: u32,
}

/// A slot that has been won: nothing is in its way any more.
pub(crate) struct Slot {
    pub(crate) service: service::Model,
    pub(crate) starts_at: Instant,
    pub(crate) ends_at: Instant,
    pub(crate) blocks_from: Instant,
    pub(crate) blocks_until: Instant,
    pub(crate) seat_group: SeatGroup,
    pub(crate) seat: i32,
    /// That of whoever is there already, else one of its own.
    pub(crate) meeting_key: String,
}

/// Win a slot, or learn why not.
///
/// Holds in the way whose time is over give way, in this transaction.
///
/// # Errors
/// Whatever the database says.
pub(crate) async fn win(
    tx: &DatabaseTransaction,
    availability: &Availability,
    wanted: Wanted,
    now: Instant,
) -> Result<Result<Slot, SessionError>, DbErr> {
    let Wanted {
        session,
        client,
        service,
        starts_at,
        ordinal,
    } = wanted;
    let service = match availability.judge(service, now, starts_at, Some(session)) {
        Ok(service) => service,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let ends_at = starts_at.plus_minutes(service.duration_minutes.into());
    let blocks_from = starts_at.plus_minutes(-i64::from(service.buffer_before_minutes));
    let blocks_until = ends_at.plus_minutes(service.buffer_after_minutes.into());
    let own = session::blocking_of_client(tx, client, starts_at, ends_at).await?;
    let own: Vec<_> = own.into_iter().filter(|other| other.id != session).collect();
    if own.iter().any(|other| !is_over(other, now)) {
        return Ok(Err(SessionError::ClientBusy));
    }
    let others = availability.sessions().iter().filter(|other| other.id != session);
    let in_the_way = others
        .clone()
        .filter(|other| other.blocks_from < blocks_until && blocks_from < other.blocks_until);
    // One may be both in the specialist's way and in the client's. In one order for all, because the locks held are not
    // those of every hold's specialist and client.
    let over = own.iter().chain(in_the_way).filter(|other| is_over(other, now));
    for id in over.map(|other| other.id).collect::<BTreeSet<_>>() {
        expire(tx, id, now).await?;
    }
    let capacity = service.capacity.max(1).unsigned_abs();
    let group = seat_group(session, service.id, capacity, starts_at);
    let seats = others.filter(|other| other.seat_group == group && !is_over(other, now));
    let taken: Vec<i32> = seats.map(|other| other.seat).collect();
    let shared = if taken.is_empty() {
        None
    } else {
        session::meeting_of_group(tx, group).await?
    };
    Ok(Ok(Slot {
        starts_at,
        ends_at,
        blocks_from,
        blocks_until,
        seat_group: group,
        seat: (1..).find(|seat| !taken.contains(seat)).unwrap_or(1),
        meeting_key: shared.unwrap_or_else(|| meeting_key(session, ordinal)),
        service: service.clone(),
    }))
}

/// A hold whose time is over, whether its own workflow has noticed or not.
fn is_over(session: &session::Blocking, now: Instant) -> bool {
    session.hold_expires_at.is_some_and(|at| at <= now)
}

async fn expire(tx: &DatabaseTransaction, id: SessionId, now: Instant) -> Result<(), DbErr> {
    // Its row is locked: somebody else's transaction may have ended it since it was read.
    let Some(row) = session::by_id_locked(tx, id)
        .await?
        .filter(|row| row.status == SessionState::Held && row.hold_expires_at.is_some_and(|at| at <= now))
    else {
        return Ok(());
    };
    let columns = session::ActiveModel {
        status: Set(SessionState::Expired),
        hold_expires_at: Set(None),
        ..Default::default()
    };
    let changed = session::change(tx, row.id, columns, 1, now).await?;
    let events = vec![event(now, "hold", "expired", None)];
    session_event::insert(tx, row.id, changed.event_seq - 1, events).await?;
    put_on_record(tx, &By::itself("session.expire", None), &row, &changed, now).await?;
    freed(tx, &row, &changed, now).await
}

/// The refusal that a constraint stands for: the net below the locks.
pub(crate) fn constraint(error: &DbErr) -> Option<SessionError> {
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
