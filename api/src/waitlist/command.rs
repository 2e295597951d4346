//! Joining a waitlist and leaving it: refused at once where a read shows it, else given to the list's workflow, whose row
//! is the answer.

use super::{
    read,
    wire::{EntryView, Wanted},
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::{ApiError, Thing},
    http::deadline::Deadline,
    sessions::book::not_after,
    state::State,
    temporal::EngineError,
};
use entities::{availability::Availability, db, waitlist_entry};
use uuid::Uuid;
use workflows::{
    ids::WaitlistEntryId,
    time::Instant,
    waitlist::{
        contract::{Join, Leave, Placed},
        error::WaitlistError,
        state::EntryState,
        workflow::Waitlist,
    },
};

/// Where the truth can be read when nobody knows yet.
const ADDRESS: &str = "/api/waitlist";

/// Wait for a specialist; who waits for the same starts already is answered with that place.
///
/// # Errors
/// The refusal, or what is away.
pub async fn join(
    state: &State,
    caller: &Caller,
    wanted: Wanted,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<EntryView, ApiError> {
    let now = deadline.database(db::now(state.db.reader())).await?;
    let specialist = wanted.specialist;
    if wanted.to <= now {
        return Err(ApiError::invalid("to", "lies in the past"));
    }
    let availability = Availability::load(state.db.reader(), specialist, now, now);
    let availability = deadline.database(availability).await?;
    let availability = availability.ok_or(ApiError::NotFound(Thing::Specialist))?;
    if availability.choose(wanted.service).is_none() {
        return Err(ApiError::Waitlist(WaitlistError::UnknownDuration));
    }
    let command = Join {
        entry: WaitlistEntryId(Uuid::now_v7()),
        client: caller.user,
        service: wanted.service,
        from: wanted.from,
        to: wanted.to,
        earliest_minute: wanted.earliest_minute,
        latest_minute: wanted.latest_minute,
        time_zone: wanted.time_zone.map(|zone| zone.name().to_owned()),
        not_after: not_after(now),
        request_id: Some(request_id.0),
    };
    let sent = state
        .engine
        .waitlist(specialist, Waitlist::join, command, deadline.instant());
    placed(state, caller, sent.await, now, deadline).await
}

/// Wait no more; what is offered is given back. Who has left already is answered the same.
///
/// # Errors
/// The refusal, or what is away.
pub async fn leave(
    state: &State,
    caller: &Caller,
    entry: WaitlistEntryId,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<EntryView, ApiError> {
    let row = read::row(&state.db, caller, entry, deadline).await?;
    let now = deadline.database(db::now(state.db.reader())).await?;
    match row.status {
        EntryState::Closed => return read::view(&state.db, row, now, deadline).await,
        EntryState::Accepted => return Err(ApiError::Waitlist(WaitlistError::Accepted)),
        EntryState::Waiting | EntryState::Offered => {}
    }
    let command = Leave {
        entry,
        client: caller.user,
        not_after: not_after(now),
        request_id: Some(request_id.0),
    };
    let sent = state
        .engine
        .waitlist(row.specialist_id, Waitlist::leave, command, deadline.instant());
    placed(state, caller, sent.await, now, deadline).await
}

/// The row that a command has left.
async fn placed(
    state: &State,
    caller: &Caller,
    sent: Result<Placed, EngineError>,
    now: Instant,
    deadline: Deadline,
) -> Result<EntryView, ApiError> {
    let unknown = || ApiError::OutcomeUnknown {
        location: ADDRESS.to_owned(),
        key: None,
    };
    match sent {
        Ok(Placed::Done(entry)) => {
            // It is done, whatever happens to this read.
            let row = waitlist_entry::of_client_by_id(state.db.reader(), caller.user, entry);
            let row = deadline.database(row).await.ok().flatten().ok_or_else(unknown)?;
            read::view(&state.db, row, now, deadline).await.map_err(|_| unknown())
        }
        Ok(Placed::Refused(error)) => Err(ApiError::Waitlist(error)),
        Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown | EngineError::NoRun) => Err(unknown()),
    }
}
