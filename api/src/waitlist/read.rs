//! What the database says about those who wait.

use super::wire::{EntryList, EntryView, OpenOffer};
use crate::{
    auth::caller::Caller,
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
};
use entities::{db::Db, service, waitlist_entry, waitlist_offer};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use std::collections::HashMap;
use workflows::{
    ids::{ServiceId, WaitlistEntryId},
    time::Instant,
    waitlist::{rules::standing, state::OfferState},
};

/// The list that cursors of this file belong to.
const LIST: &str = "waitlist";

/// The caller's own row.
///
/// # Errors
/// [`ApiError::NotFound`] for one that is not there or not theirs.
pub async fn row(
    db: &Db,
    caller: &Caller,
    id: WaitlistEntryId,
    deadline: Deadline,
) -> Result<waitlist_entry::Model, ApiError> {
    let row = waitlist_entry::of_client_by_id(db.reader(), caller.user, id);
    deadline
        .database(row)
        .await?
        .ok_or(ApiError::NotFound(Thing::WaitlistEntry))
}

/// The view of a row at `now`.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn view(
    db: &Db,
    row: waitlist_entry::Model,
    now: Instant,
    deadline: Deadline,
) -> Result<EntryView, ApiError> {
    let views = deadline.database(views(db, vec![row], now)).await?;
    views
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::internal("a row without a view"))
}

/// A page of the caller's own places, newest first.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(
    db: &Db,
    caller: &Caller,
    limit: Limit,
    cursor: Option<&str>,
    deadline: Deadline,
) -> Result<EntryList, ApiError> {
    let after = page::after(LIST, cursor)?;
    let now = deadline.database(entities::db::now(db.reader())).await?;
    let rows = waitlist_entry::of_client(db.reader(), caller.user, after, limit.0 + 1);
    let rows = deadline.database(rows).await?;
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(LIST, &(row.created_at, row.id)));
    Ok(EntryList {
        items: deadline.database(views(db, rows, now)).await?,
        next_cursor,
    })
}

/// The views of rows, with their services and open offers: two queries, however many rows.
async fn views(db: &Db, rows: Vec<waitlist_entry::Model>, now: Instant) -> Result<Vec<EntryView>, DbErr> {
    let services = service::Entity::find()
        .filter(service::Column::Id.is_in(rows.iter().map(|row| row.service_id)))
        .all(db.reader())
        .await?;
    let services: HashMap<ServiceId, service::Model> = services.into_iter().map(|row| (row.id, row)).collect();
    let offers = waitlist_offer::open_of(db.reader(), rows.iter().map(|row| row.id)).await?;
    let open = offers
        .into_iter()
        .filter(|(offer, session)| standing(offer.status, &session.case(now)) == OfferState::Offered);
    let mut open: HashMap<WaitlistEntryId, OpenOffer> = open
        .map(|(offer, session)| {
            let view = OpenOffer {
                session_id: session.id.0,
                starts_at: session.starts_at.into(),
                expires_at: offer.expires_at.into(),
            };
            (offer.entry_id, view)
        })
        .collect();
    let view = |row: waitlist_entry::Model| {
        let (service, offer) = (services.get(&row.service_id), open.remove(&row.id));
        EntryView::new(row, service, offer)
    };
    Ok(rows.into_iter().map(view).collect())
}
