//! How the business does, in a few counts; for the metrics, now and then.

use crate::{schedule, session, specialist};
use sea_orm::{FromQueryResult, QuerySelect, entity::prelude::*};
use std::collections::{BTreeMap, BTreeSet};
use telemetry::metrics::Business;
use workflows::{
    ids::{SpecialistId, UserId},
    sessions::state::SessionState,
    slots::schedule::Weekly,
    time::Instant,
};

const DAY: i64 = 24 * 60;

/// Read the figures as they are at `now`; of a replica, where there is one.
///
/// The share of filled hours is a share of the weekly hours: single days that are changed or closed are left out, so that
/// the price is a row a specialist.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// Eight queries, over the sessions of five weeks at most.
pub async fn load(db: &impl ConnectionTrait, now: Instant) -> Result<Business, DbErr> {
    let ago = |days: i64| now.plus_minutes(-days * DAY);
    let of_a_day = clients(db, ago(1), now).await?;
    let of_a_month = clients(db, ago(30), now).await?;
    let returning = returning(db, &of_a_month, ago(30)).await?;
    let active = active(db).await?;
    let per_specialist = per_specialist(db, &active, ago(7), now).await?;
    let (open_minutes, filled_minutes) = filled(db, &active, now).await?;
    Ok(Business {
        clients_of_a_day: of_a_day.len() as u64,
        clients_of_a_month: of_a_month.len() as u64,
        returning,
        per_specialist,
        open_minutes,
        filled_minutes,
        ended: ended(db, ago(1), now).await?,
    })
}

/// Who booked between `from` and `to`, or had a session that took place.
async fn clients(db: &impl ConnectionTrait, from: Instant, to: Instant) -> Result<BTreeSet<UserId>, DbErr> {
    let by = |column: session::Column| {
        session::Entity::find()
            .select_only()
            .column(session::Column::ClientId)
            .distinct()
            .filter(column.gte(from))
            .filter(column.lt(to))
    };
    let booked: Vec<UserId> = by(session::Column::CreatedAt).into_tuple().all(db).await?;
    let met: Vec<UserId> = by(session::Column::StartsAt)
        .filter(session::Column::Status.is_in([SessionState::Confirmed, SessionState::Completed]))
        .into_tuple()
        .all(db)
        .await?;
    Ok(booked.into_iter().chain(met).collect())
}

/// How many of `clients` had a session before `from` that took place.
async fn returning(db: &impl ConnectionTrait, clients: &BTreeSet<UserId>, from: Instant) -> Result<u64, DbErr> {
    let mut n = 0;
    let clients: Vec<UserId> = clients.iter().copied().collect();
    // No longer than a statement may be.
    for some in clients.chunks(500) {
        let known: Vec<UserId> = session::Entity::find()
            .select_only()
            .column(session::Column::ClientId)
            .distinct()
            .filter(session::Column::ClientId.is_in(some.iter().copied()))
            .filter(session::Column::StartsAt.lt(from))
            .filter(session::Column::Status.eq(SessionState::Completed))
            .into_tuple()
            .all(db)
            .await?;
        n += known.len() as u64;
    }
    Ok(n)
}

#[derive(FromQueryResult)]
struct Row {
    specialist_id: SpecialistId,
    starts_at: Instant,
    ends_at: Instant,
}

async fn sessions(
    db: &impl ConnectionTrait,
    from: Instant,
    to: Instant,
    states: &[SessionState],
) -> Result<Vec<Row>, DbErr> {
    session::Entity::find()
        .select_only()
        .columns([
            session::Column::SpecialistId,
            session::Column::StartsAt,
            session::Column::EndsAt,
        ])
        .filter(session::Column::StartsAt.gte(from))
        .filter(session::Column::StartsAt.lt(to))
        .filter(session::Column::Status.is_in(states.iter().copied()))
        .into_model()
        .all(db)
        .await
}

/// The specialists who can be booked.
async fn active(db: &impl ConnectionTrait) -> Result<Vec<SpecialistId>, DbErr> {
    specialist::Entity::find()
        .select_only()
        .column(specialist::Column::Id)
        .filter(specialist::Column::Active.eq(true))
        .into_tuple()
        .all(db)
        .await
}

/// Sessions of each of `active`, in no order.
async fn per_specialist(
    db: &impl ConnectionTrait,
    active: &[SpecialistId],
    from: Instant,
    to: Instant,
) -> Result<Vec<u64>, DbErr> {
    let mut counts: BTreeMap<_, u64> = active.iter().map(|id| (*id, 0)).collect();
    let states = [SessionState::Confirmed, SessionState::Completed];
    for row in sessions(db, from, to, &states).await? {
        if let Some(n) = counts.get_mut(&row.specialist_id) {
            *n += 1;
        }
    }
    Ok(counts.into_values().collect())
}

/// The opening minutes of the next 7 days, and how many of them are taken.
async fn filled(db: &impl ConnectionTrait, active: &[SpecialistId], now: Instant) -> Result<(u64, u64), DbErr> {
    let active: BTreeSet<_> = active.iter().copied().collect();
    let schedules = schedule::Entity::find().all(db).await?;
    let open: BTreeMap<SpecialistId, u64> = schedules
        .iter()
        .filter(|row| active.contains(&row.specialist_id))
        .map(|row| (row.specialist_id, minutes(&row.weekly.0)))
        .collect();
    let mut taken = BTreeSet::new();
    let states = [SessionState::Held, SessionState::Confirmed];
    for row in sessions(db, now, now.plus_minutes(7 * DAY), &states).await? {
        // A group's start counts once, however many seats are taken.
        if open.contains_key(&row.specialist_id) {
            taken.insert((row.specialist_id, row.starts_at, row.ends_at));
        }
    }
    let filled = taken.iter().map(|(_, from, to)| from.until(*to).as_secs() / 60).sum();
    Ok((open.values().sum(), filled))
}

/// The opening minutes of a week.
fn minutes(week: &Weekly) -> u64 {
    let days = [
        &week.mon, &week.tue, &week.wed, &week.thu, &week.fri, &week.sat, &week.sun,
    ];
    let mut open = 0;
    for day in days {
        let mut windows = day.clone();
        windows.sort_unstable();
        let mut until = 0;
        for window in windows {
            let (from, to) = (u64::from(window.from().minutes()), u64::from(window.to().minutes()));
            open += to.saturating_sub(from.max(until));
            until = until.max(to);
        }
    }
    open
}

/// Sessions that were to begin between `from` and `to`, by how they stand.
async fn ended(db: &impl ConnectionTrait, from: Instant, to: Instant) -> Result<Vec<(&'static str, u64)>, DbErr> {
    let counted: Vec<(SessionState, i64)> = session::Entity::find()
        .select_only()
        .column(session::Column::Status)
        .column_as(session::Column::Id.count(), "n")
        .filter(session::Column::StartsAt.gte(from))
        .filter(session::Column::StartsAt.lt(to))
        .group_by(session::Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    let states = [
        SessionState::Held,
        SessionState::Confirmed,
        SessionState::Completed,
        SessionState::NoShow,
        SessionState::Cancelled,
        SessionState::Expired,
        SessionState::Failed,
    ];
    let n = |state| {
        let found = counted.iter().find(|(other, _)| *other == state);
        found.map_or(0, |(_, n)| u64::try_from(*n).unwrap_or_default())
    };
    Ok(states.into_iter().map(|state| (state.as_str(), n(state))).collect())
}
