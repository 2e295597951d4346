//! Adding specialists and changing them.

use super::{
    read,
    wire::{SpecialistRecord, SpecialistRequest},
};
use crate::{
    error::{ApiError, Thing},
    http::deadline::Deadline,
    schedules::write::first,
    state::State,
};
use entities::{
    audit::{self, Act, Actor, changed_fields},
    db::{self, lock_specialist},
    fault::{self, Fault},
    schedule, specialist, user,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use uuid::Uuid;
use workflows::{
    ids::{SpecialistId, UserId},
    time::Instant,
};

/// The fields that a new specialist has from the request.
const ADDED: &[&str] = &[
    "user_id",
    "name",
    "title",
    "bio",
    "email",
    "specialties",
    "languages",
    "time_zone",
    "active",
];

/// Add a specialist, closed until their schedule says otherwise; one who has the id already is answered as they are.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a login that is somebody else's.
pub async fn add(
    state: &State,
    wanted: SpecialistRequest,
    actor: &Actor,
    deadline: Deadline,
) -> Result<SpecialistRecord, ApiError> {
    let id = SpecialistId(wanted.id.unwrap_or_else(Uuid::now_v7));
    let wanted = wanted.into_row(id);
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, id).await?;
        if specialist::by_id(&tx, id).await?.is_some() {
            return Ok(Ok(()));
        }
        let now = db::now(&tx).await?;
        if let Some(user) = deleted(&tx, wanted.user_id).await? {
            return Ok(Err(no_login(user)));
        }
        let row = specialist::Model {
            created_at: now,
            updated_at: now,
            ..wanted.clone()
        };
        if let Err(error) = specialist::insert(&tx, row).await {
            return has_a_login(error);
        }
        schedule::insert(&tx, first(id, now), now).await?;
        record(&tx, actor, "specialist.create", id, ADDED, now).await?;
        tx.commit().await?;
        Ok(Ok(()))
    });
    written.await??;
    read::one(&state.db, id, deadline).await
}

/// Have a specialist be so, as a whole; `seen` is the version that the caller has seen, when that matters to them.
///
/// What is so already is not changed, and keeps its version.
///
/// # Errors
/// [`ApiError::NotFound`], [`ApiError::VersionMismatch`], [`ApiError::InvalidRequest`] for a login that is somebody
/// else's.
pub async fn put(
    state: &State,
    id: SpecialistId,
    wanted: SpecialistRequest,
    seen: Option<i32>,
    actor: &Actor,
    deadline: Deadline,
) -> Result<SpecialistRecord, ApiError> {
    if wanted.id.is_some_and(|other| other != id.0) {
        return Err(ApiError::invalid("id", "is not the one in the address"));
    }
    let wanted = wanted.into_row(id);
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, id).await?;
        let Some(before) = specialist::by_id(&tx, id).await? else {
            return Ok(Err(ApiError::NotFound(Thing::Specialist)));
        };
        if seen.is_some_and(|seen| seen != before.version) {
            return Ok(Err(ApiError::VersionMismatch));
        }
        // What others write stays.
        let wanted = specialist::Model {
            rating_sum: before.rating_sum,
            review_count: before.review_count,
            created_at: before.created_at,
            ..wanted.clone()
        };
        let fields = changed_fields(&before, &wanted);
        if fields.is_empty() {
            return Ok(Ok(()));
        }
        let now = db::now(&tx).await?;
        if before.user_id != wanted.user_id
            && let Some(user) = deleted(&tx, wanted.user_id).await?
        {
            return Ok(Err(no_login(user)));
        }
        let moves = before.time_zone != wanted.time_zone;
        match specialist::change(&tx, id, columns(wanted), now).await {
            Ok(_) => {}
            Err(error) => return has_a_login(error),
        }
        if moves {
            // The zone is part of the schedule, whose version tells of it.
            schedule::change(&tx, id, schedule::ActiveModel::default(), now).await?;
        }
        record(&tx, actor, "specialist.put", id, &fields, now).await?;
        tx.commit().await?;
        Ok(Ok(()))
    });
    written.await??;
    read::one(&state.db, id, deadline).await
}

/// Have a specialist be booked no more; what is booked stays. One who is not booked any more is answered as they are.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn retire(
    state: &State,
    id: SpecialistId,
    actor: &Actor,
    deadline: Deadline,
) -> Result<SpecialistRecord, ApiError> {
    let written = deadline.transaction(|| async {
        let tx = state.db.begin_write().await?;
        lock_specialist(&tx, id).await?;
        let Some(before) = specialist::by_id(&tx, id).await? else {
            return Ok(Err(ApiError::NotFound(Thing::Specialist)));
        };
        if before.active {
            let now = db::now(&tx).await?;
            let changes = specialist::ActiveModel {
                active: Set(false),
                ..Default::default()
            };
            specialist::change(&tx, id, changes, now).await?;
            record(&tx, actor, "specialist.retire", id, &["active"], now).await?;
            tx.commit().await?;
        }
        Ok(Ok(()))
    });
    written.await??;
    read::one(&state.db, id, deadline).await
}

/// The login, when its account was deleted; one that nobody has come with yet will do.
async fn deleted(tx: &DatabaseTransaction, user: Option<UserId>) -> Result<Option<UserId>, DbErr> {
    match user {
        Some(id) if user::is_deleted(tx, id).await? => Ok(Some(id)),
        _ => Ok(None),
    }
}

fn no_login(_: UserId) -> ApiError {
    ApiError::invalid("user_id", "is a deleted account")
}

/// The refusal, when it is the login that another specialist has.
fn has_a_login(error: DbErr) -> Result<Result<(), ApiError>, DbErr> {
    if fault::classify(&error) == Fault::Constraint(fault::SPECIALIST_USER.to_owned()) {
        return Ok(Err(ApiError::invalid("user_id", "is the login of another specialist")));
    }
    Err(error)
}

fn columns(wanted: specialist::Model) -> specialist::ActiveModel {
    let specialist::Model {
        id: _,
        user_id,
        name,
        title,
        bio,
        email,
        specialties,
        languages,
        time_zone,
        active,
        rating_sum: _,
        review_count: _,
        version: _,
        created_at: _,
        updated_at: _,
    } = wanted;
    specialist::ActiveModel {
        user_id: Set(user_id),
        name: Set(name),
        title: Set(title),
        bio: Set(bio),
        email: Set(email),
        specialties: Set(specialties),
        languages: Set(languages),
        time_zone: Set(time_zone),
        active: Set(active),
        ..Default::default()
    }
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
