//! Changing a profile.

use super::{
    read::gone,
    wire::{ProfileView, Wanted},
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::{ApiError, FieldError},
    http::deadline::Deadline,
    state::State,
};
use entities::{
    audit::{self, Act},
    column::{LocalDate, OffsetsMinutes, Words},
    db::{self, lock_client},
    profile,
};
use sea_orm::{ActiveValue::Set, DbErr};
use workflows::sessions::error::SessionError;

/// Change the caller's profile; one that is so already stays as it is.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for what cannot be changed, a refusal `version_mismatch`, or what is away.
pub async fn change(
    state: &State,
    caller: &Caller,
    wanted: Wanted,
    request_id: &RequestId,
    deadline: Deadline,
) -> Result<ProfileView, ApiError> {
    let written = deadline
        .transaction(|| write(state, caller, &wanted, request_id))
        .await?;
    written.map(ProfileView::from)
}

async fn write(
    state: &State,
    caller: &Caller,
    wanted: &Wanted,
    request_id: &RequestId,
) -> Result<Result<profile::Model, ApiError>, DbErr> {
    let tx = state.db.begin_write().await?;
    // One change at a time, and none behind a deletion's back.
    lock_client(&tx, caller.user).await?;
    let Some(row) = profile::of(&tx, caller.user).await? else {
        return Ok(Err(gone()));
    };
    if let Err(refusal) = may_be(&row, wanted) {
        return Ok(Err(refusal));
    }
    let (changes, fields) = changes(&row, wanted);
    if fields.is_empty() {
        return Ok(Ok(row));
    }
    let now = db::now(&tx).await?;
    let Some(row) = profile::change(&tx, caller.user, changes, now).await? else {
        return Ok(Err(gone()));
    };
    let act = Act {
        action: "profile.change",
        target_kind: "user",
        target_id: caller.user.to_string(),
        fields: &fields,
    };
    audit::record(&tx, &caller.acting("user", request_id), act, now).await?;
    tx.commit().await?;
    Ok(Ok(row))
}

/// Whether the request speaks of this profile, and of this version of it.
fn may_be(row: &profile::Model, wanted: &Wanted) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    if wanted.id.is_some_and(|id| id != row.user_id.0) {
        errors.push(FieldError::new("id", "invalid", "cannot be changed"));
    }
    if wanted.email.as_ref().is_some_and(|email| *email != row.email) {
        errors.push(FieldError::new("email", "invalid", "is changed with the login"));
    }
    if !errors.is_empty() {
        return Err(ApiError::InvalidRequest(errors));
    }
    if wanted.version.is_some_and(|version| version != row.version) {
        return Err(ApiError::refused(SessionError::VersionMismatch));
    }
    Ok(())
}

/// What is to be written, and the names of the fields that are not as they were.
fn changes(row: &profile::Model, wanted: &Wanted) -> (profile::ActiveModel, Vec<&'static str>) {
    let Wanted {
        id: _,
        email: _,
        version: _,
        name,
        birth_date,
        time_zone,
        locale,
        reminder_offsets,
        channels,
    } = wanted;
    let (mut columns, mut fields) = (profile::ActiveModel::default(), Vec::new());
    if let Some(name) = name.clone().filter(|name| *name != row.name) {
        columns.name = Set(name);
        fields.push("name");
    }
    if let Some(date) = birth_date
        .map(|date| date.map(LocalDate))
        .filter(|date| *date != row.birth_date)
    {
        columns.birth_date = Set(date);
        fields.push("birth_date");
    }
    if let Some(zone) = time_zone.clone().filter(|zone| *zone != row.time_zone) {
        columns.time_zone = Set(zone);
        fields.push("time_zone");
    }
    if let Some(locale) = locale.clone().filter(|locale| *locale != row.locale) {
        columns.locale = Set(locale);
        fields.push("locale");
    }
    let offsets = reminder_offsets.clone().map(OffsetsMinutes);
    if let Some(offsets) = offsets.filter(|offsets| *offsets != row.reminder_offsets) {
        columns.reminder_offsets = Set(offsets);
        fields.push("reminder_offsets_minutes");
    }
    let channels = channels.clone().map(Words);
    if let Some(channels) = channels.filter(|channels| *channels != row.channels) {
        columns.channels = Set(channels);
        fields.push("channels");
    }
    (columns, fields)
}
