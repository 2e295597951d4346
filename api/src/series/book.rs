//! Booking a series: one key, one series; all of it is reserved in one step, or none.

use super::{
    read,
    wire::{SeriesView, address, refused},
};
use crate::{
    error::ApiError,
    http::deadline::Deadline,
    sessions::{
        book::{Booking, not_after, store},
        wire::Start,
    },
    state::State,
    temporal::EngineError,
};
use entities::{db, series, session_text::Kind};
use workflows::{
    ids::SeriesId,
    series::{
        contract::{BookSeries, CURRENT_FLOW, Mode, SeriesAnswer, series_id},
        recurrence::Recurrence,
    },
    sessions::error::SessionError,
    slots::schedule::Zone,
};

/// Book a series; also whether the key had it already.
///
/// # Errors
/// The refusal, or what is away.
pub async fn book(state: &State, booking: Booking, recurrence: Recurrence, mode: Mode) -> Result<SeriesView, ApiError> {
    let (id, deadline) = (series_id(booking.client, &booking.key), booking.deadline);
    if let Some(row) = replay(state, id, &booking.hash, deadline).await? {
        return read::view(&state.db, row, deadline).await;
    }
    let now = deadline.database(db::now(state.db.reader())).await?;
    let (first, zone, named) = booking.start_in_zone(state).await?;
    let starts = recurrence
        .starts(&zone, first)
        .map_err(|error| ApiError::invalid("recurrence", error.to_string()))?;
    let text = booking.wanted.notes.as_deref();
    let notes = store(state, booking.client, Kind::Notes, text, now, deadline).await?;
    let command = BookSeries {
        flow: CURRENT_FLOW,
        series: id,
        specialist: booking.wanted.specialist,
        client: booking.client,
        service: booking.wanted.service,
        starts,
        time_zone: named.map(|zone: Zone| zone.name().to_owned()),
        notes,
        mode,
        request_hash: booking.hash.clone(),
        not_after: not_after(now),
        request_id: Some(booking.request_id.clone()),
    };
    let unknown = || ApiError::OutcomeUnknown {
        location: address(id),
        key: Some(booking.key.clone()),
    };
    match state.engine.book_series(command, deadline.instant()).await {
        Ok(SeriesAnswer::Reserved) => {
            // It is booked, whatever happens to this read.
            let row = read::row(&state.db, booking.client, id, deadline)
                .await
                .map_err(|_| unknown())?;
            read::view(&state.db, row, deadline).await.map_err(|_| unknown())
        }
        Ok(SeriesAnswer::Refused(starts)) => Err(refused(starts)),
        Ok(SeriesAnswer::Denied(error)) => Err(ApiError::refused(error)),
        Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown | EngineError::NoRun) => Err(unknown()),
    }
}

/// The series that the key has already, if the request is the one that made it.
async fn replay(
    state: &State,
    id: SeriesId,
    hash: &str,
    deadline: Deadline,
) -> Result<Option<series::Model>, ApiError> {
    let row = deadline.database(series::by_id(state.db.reader(), id)).await?;
    match row {
        Some(row) if row.request_hash != hash => Err(ApiError::refused(SessionError::IdempotencyKeyReused)),
        row => Ok(row),
    }
}

impl Booking {
    /// The first start, the zone whose wall clock the series keeps, and the one that the client named.
    async fn start_in_zone(&self, state: &State) -> Result<(workflows::time::Instant, Zone, Option<Zone>), ApiError> {
        let named = self.wanted.time_zone.clone().map(|zone| zone.0);
        let zone = match &named {
            Some(zone) => zone.clone(),
            None => self.zone_of_specialist(state).await?,
        };
        let first = match self.wanted.start {
            Start::At(at) => at.0,
            wall @ Start::Wall(..) => crate::sessions::book::resolve(wall, &zone)?,
        };
        Ok((first, zone, named))
    }
}
