//! `series.reserve`: every week's slot in one transaction, behind the same two locks as a single booking.

use crate::{
    error::StepError,
    meetings::provider::MeetingProvider,
    sessions::{
        reserve::{Hold, Reservation, take},
        slot::constraint,
        transition::By,
        transition::counted,
    },
};
use entities::{
    audit::Actor,
    db::{Db, lock_both},
    series::{self, RefusedStarts},
    session,
};
use workflows::{
    ids::SessionId,
    series::contract::{Mode, RefusedStart, ReserveSeries, SeriesAnswer, session_of},
    sessions::{contract::Role, error::SessionError},
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: ReserveSeries) -> Result<SeriesAnswer, StepError> {
    let ReserveSeries { book, now } = input;
    let tx = db.begin_write().await?;
    lock_both(&tx, book.specialist, book.client).await?;
    if let Some(row) = series::by_id(&tx, book.series).await? {
        return Ok(if row.request_hash == book.request_hash {
            SeriesAnswer::Reserved
        } else {
            SeriesAnswer::Denied(SessionError::IdempotencyKeyReused)
        });
    }
    // A key means one thing: it may have booked a single session.
    if session::by_id(&tx, SessionId(book.series.0)).await?.is_some() {
        return Ok(SeriesAnswer::Denied(SessionError::IdempotencyKeyReused));
    }
    if book.not_after < now {
        return Ok(SeriesAnswer::Denied(SessionError::Lapsed));
    }
    let (mut refused, mut reserved) = (Vec::new(), Vec::new());
    for (n, starts_at) in (0..).zip(book.starts.iter().copied()) {
        let reservation = Reservation {
            session: session_of(book.series, n),
            series: Some(book.series),
            specialist: book.specialist,
            client: book.client,
            service: book.service,
            starts_at,
            time_zone: book.time_zone.clone(),
            notes: book.notes,
            hold: Hold::None,
            request_hash: book.request_hash.clone(),
            by: By::command(
                "session.book",
                Actor::of(Role::Client, Some(book.client), book.request_id.clone()),
            ),
        };
        match take(&tx, meetings, reservation, now).await {
            Ok(Ok(row)) => reserved.push(row),
            Ok(Err(error @ (SessionError::AccountDeleted | SessionError::SpecialistNotFound))) => {
                return Ok(SeriesAnswer::Denied(error));
            }
            Ok(Err(refusal)) => refused.push(RefusedStart { starts_at, refusal }),
            // The transaction is broken, so that nothing of it is kept.
            Err(error) => match constraint(&error) {
                Some(refusal) => return Ok(SeriesAnswer::Refused(vec![RefusedStart { starts_at, refusal }])),
                None => return Err(error.into()),
            },
        }
    }
    if reserved.is_empty() || (book.mode == Mode::AllOrNothing && !refused.is_empty()) {
        return Ok(SeriesAnswer::Refused(refused));
    }
    let row = series::Model {
        id: book.series,
        client_id: book.client,
        specialist_id: book.specialist,
        request_hash: book.request_hash,
        refused: RefusedStarts(refused),
        created_at: now,
    };
    series::insert(&tx, row).await?;
    tx.commit().await?;
    reserved.iter().for_each(|row| counted(None, row));
    Ok(SeriesAnswer::Reserved)
}
