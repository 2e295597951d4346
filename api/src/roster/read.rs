//! What the database says about the roster.

use super::wire::{ServiceRecord, ServiceRecords, SpecialistRecord, SpecialistRecords};
use crate::{
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
};
use entities::{
    db::Db,
    service,
    specialist::{self, WithServices},
};
use workflows::ids::SpecialistId;

/// The list that cursors of this file belong to.
const LIST: &str = "roster";

/// A specialist, active or not.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn one(db: &Db, id: SpecialistId, deadline: Deadline) -> Result<SpecialistRecord, ApiError> {
    let found = deadline.database(specialist::with_services(db.reader(), id)).await?;
    found
        .map(SpecialistRecord::from)
        .ok_or(ApiError::NotFound(Thing::Specialist))
}

/// A page of specialists, by name.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(
    db: &Db,
    active: Option<bool>,
    limit: Limit,
    cursor: Option<&str>,
    deadline: Deadline,
) -> Result<SpecialistRecords, ApiError> {
    let after = page::after(LIST, cursor)?;
    let rows = deadline
        .database(specialist::all(db.reader(), active, after, limit.0 + 1))
        .await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &(&row.name, row.id)));
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut services = deadline.database(service::all_of(db.reader(), ids)).await?;
    let items = rows.into_iter().map(|specialist| {
        let of_this = |service: &mut service::Model| service.specialist_id == specialist.id;
        let found = WithServices {
            services: services.extract_if(.., of_this).collect(),
            specialist,
        };
        SpecialistRecord::from(found)
    });
    Ok(SpecialistRecords {
        items: items.collect(),
        next_cursor,
    })
}

/// Everything that a specialist offers or has offered.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn services(db: &Db, id: SpecialistId, deadline: Deadline) -> Result<ServiceRecords, ApiError> {
    let found = deadline.database(specialist::with_services(db.reader(), id)).await?;
    let found = found.ok_or(ApiError::NotFound(Thing::Specialist))?;
    Ok(ServiceRecords {
        items: found.services.into_iter().map(ServiceRecord::from).collect(),
    })
}
