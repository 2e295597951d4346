//! Changing schedules: under the specialist's lock, which bookings take as well, and on record in the same transaction.

use super::wire::{OverrideRequest, OverrideView, ScheduleRequest, ScheduleView};
use crate::{
    error::{ApiError, Thing},
    http::deadline::Deadline,
    state::State,
};
use entities::{
    audit::{self, Act, Actor, changed_fields},
    column::{LocalDate, Windows},
    db::{self, lock_specialist},
    schedule, schedule_override, specialist,
};
use jiff::civil::Date;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use workflows::{ids::SpecialistId, time::Instant};

/// Have a schedule be so, and answer it with its version; `seen` is the version that the caller has seen, when that
/// matters to them.
///
/// What is so already is not changed, and keeps its version.
///
/// # Errors
/// [`ApiError::NotFound`], [`ApiError::VersionMismatch`].
pub async fn put(
    state: &State,
    specialist: SpecialistId,
    wanted: ScheduleRequest,
    seen: Option<i32>,
    actor: &Actor,
    deadline: Deadline,
) -> Result<(ScheduleView, i32), ApiError> {
    // When it is written is for the database to say; the rest is decided.
    let (zone, wanted) = wanted.into_row(specialist, Instant::from_unix_seconds(0));
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, specialist).await?;
        let written = write(&tx, &zone, &wanted, seen, actor).await?;
        if written.is_ok() {
            tx.commit().await?;
        }
        Ok(written)
    });
    let row = written.await??;
    let version = row.version;
    Ok((ScheduleView::new(zone.clone(), row), version))
}

async fn write(
    tx: &DatabaseTransaction,
    zone: &str,
    wanted: &schedule::Model,
    seen: Option<i32>,
    actor: &Actor,
) -> Result<Result<schedule::Model, ApiError>, DbErr> {
    let now = db::now(tx).await?;
    let Some(of) = specialist::by_id(tx, wanted.specialist_id).await? else {
        return Ok(Err(ApiError::NotFound(Thing::Specialist)));
    };
    let before = schedule::of(tx, of.id).await?;
    if seen.is_some_and(|seen| before.as_ref().map(|row| row.version) != Some(seen)) {
        return Ok(Err(ApiError::VersionMismatch));
    }
    let moves = of.time_zone != zone;
    let mut fields = match &before {
        Some(before) => changed_fields(before, wanted),
        None => changed_fields(&nothing(wanted, now), wanted),
    };
    if moves {
        fields.push("time_zone");
    }
    if let Some(before) = &before
        && fields.is_empty()
    {
        return Ok(Ok(before.clone()));
    }
    if moves {
        set_zone(tx, of.id, zone, now).await?;
    }
    let row = if before.is_some() {
        let changed = schedule::change(tx, of.id, columns(wanted), now).await?;
        changed.ok_or(DbErr::RecordNotUpdated)?
    } else {
        let row = schedule::Model {
            updated_at: now,
            ..wanted.clone()
        };
        schedule::insert(tx, row.clone(), now).await?;
        row
    };
    record(tx, actor, "schedule.put", of.id, &fields, now).await?;
    Ok(Ok(row))
}

/// Give a specialist's wall clock another zone, under the specialist's lock.
///
/// # Errors
/// Whatever the database says.
pub async fn set_zone(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    zone: &str,
    now: Instant,
) -> Result<(), DbErr> {
    let changes = specialist::ActiveModel {
        time_zone: Set(zone.to_owned()),
        ..Default::default()
    };
    specialist::change(tx, specialist, changes, now).await.map(drop)
}

/// The schedule of somebody new: closed, until somebody says when they work.
#[must_use]
pub fn first(specialist: SpecialistId, now: Instant) -> schedule::Model {
    schedule::Model {
        specialist_id: specialist,
        weekly: Default::default(),
        minimum_notice_minutes: 60,
        booking_window_days: Some(60),
        book_until: None,
        max_per_day: None,
        max_per_week: None,
        cancel_notice_minutes: 1_440,
        reschedule_notice_minutes: 1_440,
        max_reschedules: None,
        hold_minutes: 10,
        version: 1,
        updated_at: now,
    }
}

/// What a schedule that is written for the first time is compared with: its hours and its notices are always named.
fn nothing(wanted: &schedule::Model, now: Instant) -> schedule::Model {
    schedule::Model {
        minimum_notice_minutes: -1,
        cancel_notice_minutes: -1,
        reschedule_notice_minutes: -1,
        hold_minutes: -1,
        ..first(wanted.specialist_id, now)
    }
}

fn columns(wanted: &schedule::Model) -> schedule::ActiveModel {
    let schedule::Model {
        specialist_id: _,
        weekly,
        minimum_notice_minutes,
        booking_window_days,
        book_until,
        max_per_day,
        max_per_week,
        cancel_notice_minutes,
        reschedule_notice_minutes,
        max_reschedules,
        hold_minutes,
        version: _,
        updated_at: _,
    } = wanted.clone();
    schedule::ActiveModel {
        weekly: Set(weekly),
        minimum_notice_minutes: Set(minimum_notice_minutes),
        booking_window_days: Set(booking_window_days),
        book_until: Set(book_until),
        max_per_day: Set(max_per_day),
        max_per_week: Set(max_per_week),
        cancel_notice_minutes: Set(cancel_notice_minutes),
        reschedule_notice_minutes: Set(reschedule_notice_minutes),
        max_reschedules: Set(max_reschedules),
        hold_minutes: Set(hold_minutes),
        ..Default::default()
    }
}

/// Give a date hours of its own.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn put_override(
    state: &State,
    specialist: SpecialistId,
    date: Date,
    wanted: OverrideRequest,
    actor: &Actor,
    deadline: Deadline,
) -> Result<OverrideView, ApiError> {
    let row = schedule_override::Model {
        specialist_id: specialist,
        date: LocalDate(date),
        windows: Windows(wanted.windows.0),
    };
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, specialist).await?;
        if specialist::by_id(&tx, specialist).await?.is_none() {
            return Ok(Err(ApiError::NotFound(Thing::Specialist)));
        }
        if schedule_override::of(&tx, specialist, date).await?.as_ref() == Some(&row) {
            return Ok(Ok(()));
        }
        let now = db::now(&tx).await?;
        schedule_override::put(&tx, specialist, date, row.windows.0.clone(), now).await?;
        record(&tx, actor, "override.put", specialist, &["date", "windows"], now).await?;
        tx.commit().await?;
        Ok(Ok(()))
    });
    written.await??;
    Ok(row.into())
}

/// Give a date its weekly hours again; one that has them stays as it is.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn delete_override(
    state: &State,
    specialist: SpecialistId,
    date: Date,
    actor: &Actor,
    deadline: Deadline,
) -> Result<(), ApiError> {
    let deleted = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, specialist).await?;
        let now = db::now(&tx).await?;
        if schedule_override::delete(&tx, specialist, date, now).await? {
            record(&tx, actor, "override.delete", specialist, &["date", "windows"], now).await?;
            tx.commit().await?;
        }
        Ok(())
    });
    deleted.await
}

async fn record(
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    specialist: SpecialistId,
    fields: &[&str],
    now: Instant,
) -> Result<(), DbErr> {
    let act = Act {
        action,
        target_kind: "specialist",
        target_id: specialist.to_string(),
        fields,
    };
    audit::record(tx, actor, act, now).await
}
