//! Adding services and changing them.
//!
//! What is booked keeps its time, its buffers and its seat, which a session carries itself; when it moves, it is to what
//! the service is then.

use super::wire::{ServiceRecord, ServiceRequest};
use crate::{
    error::{ApiError, Thing},
    http::deadline::Deadline,
    state::State,
};
use entities::{
    audit::{self, Act, Actor, changed_fields},
    db::{self, lock_specialist},
    service, specialist,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId},
    time::Instant,
};

/// The fields that a new service has from the request.
const ADDED: &[&str] = &[
    "position",
    "name",
    "duration_minutes",
    "slot_interval_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "capacity",
    "price_minor",
    "currency",
    "active",
];

/// A service, and the version of its specialist.
pub type Versioned = (ServiceRecord, i32);

/// Add a service; one of this specialist that has the id already is answered as it is.
///
/// # Errors
/// [`ApiError::NotFound`], [`ApiError::InvalidRequest`] for an id that something of another specialist has.
pub async fn add(
    state: &State,
    of: SpecialistId,
    wanted: ServiceRequest,
    actor: &Actor,
    deadline: Deadline,
) -> Result<Versioned, ApiError> {
    let id = ServiceId(wanted.id.unwrap_or_else(Uuid::now_v7));
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, of).await?;
        let Some(specialist) = specialist::by_id(&tx, of).await? else {
            return Ok(Err(ApiError::NotFound(Thing::Specialist)));
        };
        if let Some(there) = service::by_id(&tx, id).await? {
            return Ok(if there.specialist_id == of {
                Ok((there.into(), specialist.version))
            } else {
                Err(ApiError::invalid("id", "is taken"))
            });
        }
        let now = db::now(&tx).await?;
        let row = wanted.row(id, of, service::next_position(&tx, of).await?);
        let specialist = service::insert(&tx, row.clone(), now).await?;
        let specialist = specialist.ok_or(DbErr::RecordNotUpdated)?;
        record(&tx, actor, "service.create", id, ADDED, now).await?;
        tx.commit().await?;
        Ok(Ok((row.into(), specialist.version)))
    });
    written.await?
}

/// Have a service be so, as a whole; `seen` is the version of its specialist that the caller has seen, when that matters
/// to them.
///
/// What is so already is not changed.
///
/// # Errors
/// [`ApiError::NotFound`], [`ApiError::VersionMismatch`].
pub async fn put(
    state: &State,
    of: SpecialistId,
    id: ServiceId,
    wanted: ServiceRequest,
    seen: Option<i32>,
    actor: &Actor,
    deadline: Deadline,
) -> Result<Versioned, ApiError> {
    if wanted.id.is_some_and(|other| other != id.0) {
        return Err(ApiError::invalid("id", "is not the one in the address"));
    }
    let become_so = |before: &service::Model| wanted.row(id, of, before.position);
    change(state, of, id, become_so, seen, ("service.put", actor), deadline).await
}

/// Have a service be booked no more; what is booked stays. One that is not booked any more is answered as it is.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn retire(
    state: &State,
    of: SpecialistId,
    id: ServiceId,
    actor: &Actor,
    deadline: Deadline,
) -> Result<Versioned, ApiError> {
    let retired = |before: &service::Model| service::Model {
        active: false,
        ..before.clone()
    };
    change(state, of, id, retired, None, ("service.retire", actor), deadline).await
}

async fn change(
    state: &State,
    of: SpecialistId,
    id: ServiceId,
    become_so: impl Fn(&service::Model) -> service::Model,
    seen: Option<i32>,
    (action, actor): (&'static str, &Actor),
    deadline: Deadline,
) -> Result<Versioned, ApiError> {
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, of).await?;
        let Some(specialist) = specialist::by_id(&tx, of).await? else {
            return Ok(Err(ApiError::NotFound(Thing::Specialist)));
        };
        let before = service::by_id(&tx, id).await?;
        let Some(before) = before.filter(|row| row.specialist_id == of) else {
            return Ok(Err(ApiError::NotFound(Thing::Service)));
        };
        if seen.is_some_and(|seen| seen != specialist.version) {
            return Ok(Err(ApiError::VersionMismatch));
        }
        let wanted = become_so(&before);
        let fields = changed_fields(&before, &wanted);
        if fields.is_empty() {
            return Ok(Ok((before.into(), specialist.version)));
        }
        let now = db::now(&tx).await?;
        let changed = service::change(&tx, of, id, columns(wanted), now).await?;
        let (row, specialist) = changed.ok_or(DbErr::RecordNotUpdated)?;
        record(&tx, actor, action, id, &fields, now).await?;
        tx.commit().await?;
        Ok(Ok((row.into(), specialist.version)))
    });
    written.await?
}

fn columns(wanted: service::Model) -> service::ActiveModel {
    let service::Model {
        id: _,
        specialist_id: _,
        position,
        name,
        duration_minutes,
        slot_interval_minutes,
        buffer_before_minutes,
        buffer_after_minutes,
        capacity,
        price_minor,
        currency,
        active,
    } = wanted;
    service::ActiveModel {
        position: Set(position),
        name: Set(name),
        duration_minutes: Set(duration_minutes),
        slot_interval_minutes: Set(slot_interval_minutes),
        buffer_before_minutes: Set(buffer_before_minutes),
        buffer_after_minutes: Set(buffer_after_minutes),
        capacity: Set(capacity),
        price_minor: Set(price_minor),
        currency: Set(currency),
        active: Set(active),
        ..Default::default()
    }
}

async fn record(
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    service: ServiceId,
    fields: &[&str],
    now: Instant,
) -> Result<(), DbErr> {
    let act = Act {
        action,
        target_kind: "service",
        target_id: service.to_string(),
        fields,
    };
    audit::record(tx, actor, act, now).await
}
