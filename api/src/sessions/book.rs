//! Booking: one key, one session.
//!
//! The row of the key answers first. Without one, a read may refuse at once, the engine decides, and the row that its
//! step wrote is the answer. Nothing is accepted by a read.

use super::{
    flight::Outcome,
    wire::{SessionView, Start, Wanted, address},
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::{ApiError, NextSlot, Thing},
    http::deadline::Deadline,
    state::State,
    temporal::EngineError,
};
use entities::{
    availability::Availability,
    booking_key::{Meaning, meaning},
    db,
    session::Shown,
    session_text::{self, Kind},
    specialist,
};
use sea_orm::EntityTrait;
use std::{pin::pin, time::Duration};
use tokio::time::{Instant as Moment, sleep};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, SpecialistId, TextId, UserId},
    sessions::{
        contract::{Answer, Book, CURRENT_FLOW, ServiceChoice, session_id},
        error::SessionError,
        state::SessionState,
    },
    slots::{
        schedule::Zone,
        wall::{self, Wall},
    },
    time::Instant,
};

/// Seconds after which a command that was not committed refuses itself.
const COMMAND_LIVES: Duration = Duration::from_secs(120);
/// How many starts are offered instead of a refused one.
const N_NEXT: usize = 5;

/// Everything about one booking.
#[derive(Clone, Debug)]
pub struct Booking {
    /// For whom.
    pub client: UserId,
    /// Under which key.
    pub key: String,
    /// What makes another request with this key the same one.
    pub hash: String,
    /// What is wanted.
    pub wanted: Wanted,
    /// The request.
    pub request_id: String,
    /// When the answer must be out.
    pub deadline: Deadline,
}

impl Booking {
    /// A booking of `caller`.
    #[must_use]
    pub fn new(caller: &Caller, key: String, hash: String, wanted: Wanted, id: RequestId, deadline: Deadline) -> Self {
        Self {
            client: caller.user,
            key,
            hash,
            wanted,
            request_id: id.0,
            deadline,
        }
    }

    fn session(&self) -> SessionId {
        session_id(self.client, &self.key)
    }

    /// The zone whose wall clock a time without a zone is read on.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub(crate) async fn zone_of_specialist(&self, state: &State) -> Result<Zone, ApiError> {
        let found = specialist::Entity::find_by_id(self.wanted.specialist).one(state.db.reader());
        let found = self
            .deadline
            .database(found)
            .await?
            .filter(|specialist| specialist.active);
        let found = found.ok_or(ApiError::NotFound(Thing::Specialist))?;
        Zone::new(&found.time_zone).map_err(ApiError::from)
    }
}

/// Book, and wait up to `wait` for the confirmation; also whether the key had its session already.
///
/// # Errors
/// The refusal, or what is away.
pub async fn book(state: &State, booking: Booking, wait: Option<Duration>) -> Result<(SessionView, bool), ApiError> {
    let (session, hash) = (booking.session(), booking.hash.clone());
    let first = known_or_looked(state, &booking).await?;
    let repeated = matches!(first, First::Known(_));
    let shown = match first {
        First::Known(shown) => *shown,
        First::Looked(look) => {
            let flight = fly(state.clone(), booking, *look);
            *state.flights.join(session, &hash, flight).await?
        }
    };
    let shown = match wait {
        Some(wait) => confirmed(state, shown, wait).await,
        None => shown,
    };
    Ok((shown.into(), repeated))
}

/// What is read first.
enum First {
    /// The key has its session.
    Known(Box<Shown>),
    /// It has none, and this is what a new booking sees.
    Looked(Box<Result<Look, ApiError>>),
}

/// Most keys are new: what a new one needs to know is read at the same time. Whose key is known does not wait for that.
async fn known_or_looked(state: &State, booking: &Booking) -> Result<First, ApiError> {
    let (mut known, mut look) = (pin!(replay(state, booking)), pin!(look(state, booking)));
    let (known, looked) = tokio::select! {
        biased;
        known = &mut known => (known?, None),
        looked = &mut look => (known.await?, Some(looked)),
    };
    Ok(match (known, looked) {
        (Some(shown), _) => First::Known(Box::new(shown)),
        (None, Some(looked)) => First::Looked(Box::new(looked)),
        (None, None) => First::Looked(Box::new(look.await)),
    })
}

/// The session that the key has already, if the request is the one that made it.
async fn replay(state: &State, booking: &Booking) -> Result<Option<Shown>, ApiError> {
    let (session, deadline) = (booking.session(), booking.deadline);
    let shown = match deadline.database(meaning(state.db.reader(), session.0)).await? {
        None => return Ok(None),
        Some(Meaning::Series) => return Err(ApiError::refused(SessionError::IdempotencyKeyReused)),
        Some(Meaning::Session) => {
            state
                .sessions
                .shown(&state.db, booking.client, session, deadline)
                .await?
        }
    };
    match shown {
        Some(Shown { row, .. }) if row.request_hash != booking.hash => {
            Err(ApiError::refused(SessionError::IdempotencyKeyReused))
        }
        shown => Ok(shown),
    }
}

/// The way of a new key. Those who come with the same one meanwhile share it, whatever they have seen themselves.
async fn fly(state: State, booking: Booking, look: Result<Look, ApiError>) -> Outcome {
    let look = look?;
    if let Err(refusal) = refuse_early(&state, &booking, &look).await {
        // An earlier flight with the key may have landed since the look, with what is in its own way now.
        return match replay(&state, &booking).await? {
            Some(shown) => Ok(Box::new(shown)),
            None => Err(refusal),
        };
    }
    let Look { wish, zone, now, .. } = look;
    let notes = store(
        &state,
        booking.client,
        Kind::Notes,
        booking.wanted.notes.as_deref(),
        now,
        booking.deadline,
    )
    .await?;
    let command = Book {
        flow: CURRENT_FLOW,
        session: booking.session(),
        specialist: wish.specialist,
        client: booking.client,
        service: wish.service,
        starts_at: wish.at,
        time_zone: zone.map(|zone| zone.name().to_owned()),
        notes,
        hold: booking.wanted.hold,
        request_hash: booking.hash.clone(),
        not_after: now + COMMAND_LIVES,
        request_id: Some(booking.request_id.clone()),
    };
    let unknown = || unknown(booking.session(), booking.key.clone());
    match state.engine.book(command, booking.deadline.instant()).await {
        Ok(Answer::Done(_)) => {
            // It is booked, whatever happens to this read: the key tells.
            let (client, session) = (booking.client, booking.session());
            let shown = state.sessions.shown(&state.db, client, session, booking.deadline).await;
            shown.ok().flatten().map(Box::new).ok_or_else(unknown)
        }
        Ok(Answer::Refused(error)) => Err(with_next(&state, wish, error, now, booking.deadline).await),
        Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown | EngineError::NoRun) => Err(unknown()),
    }
}

/// Nobody knows yet: repeating with the key tells the truth.
fn unknown(session: SessionId, key: String) -> ApiError {
    ApiError::OutcomeUnknown {
        location: address(session),
        key: Some(key),
    }
}

/// What is asked for, with the start as an instant.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) specialist: SpecialistId,
    pub(super) service: ServiceChoice,
    pub(super) at: Instant,
}

/// The start as an instant, and the zone that the client named.
async fn start(state: &State, booking: &Booking) -> Result<(Instant, Option<Zone>), ApiError> {
    let named = booking.wanted.time_zone.clone().map(|zone| zone.0);
    let zone = match (&booking.wanted.start, &named) {
        (Start::At(at), _) => return Ok((at.0, named)),
        (Start::Wall(..), Some(zone)) => zone.clone(),
        (Start::Wall(..), None) => booking.zone_of_specialist(state).await?,
    };
    Ok((resolve(booking.wanted.start, &zone)?, named))
}

/// A start as an instant; a wall clock is read in `zone`.
pub(crate) fn resolve(start: Start, zone: &Zone) -> Result<Instant, ApiError> {
    let (date, time) = match start {
        Start::At(at) => return Ok(at.0),
        Start::Wall(date, time) => (date.0, time.0),
    };
    match wall::resolve(zone, date, time).map(Wall::exact) {
        Ok(Some(at)) => Ok(at),
        Ok(None) => Err(ApiError::invalid(
            "time",
            format!("does not exist on that date in {zone}"),
        )),
        Err(error) => Err(ApiError::invalid("date", error.to_string())),
    }
}

/// What a booking sees before it asks the engine.
struct Look {
    wish: Wish,
    /// The zone that the client named.
    zone: Option<Zone>,
    now: Instant,
    availability: Availability,
}

async fn look(state: &State, booking: &Booking) -> Result<Look, ApiError> {
    let (at, zone) = start(state, booking).await?;
    let Wanted {
        specialist, service, ..
    } = booking.wanted;
    let wish = Wish {
        specialist,
        service,
        at,
    };
    let db = state.db.reader();
    let reads = async { tokio::try_join!(db::now(db), Availability::load(db, specialist, at, at)) };
    let (now, availability) = booking.deadline.database(reads).await?;
    Ok(Look {
        wish,
        zone,
        now,
        availability: availability.ok_or(ApiError::NotFound(Thing::Specialist))?,
    })
}

/// Refuse what a read already shows to be refused, the key's own session left out.
///
/// Not while an earlier request with the key is under way, whose sender may have been told that nobody knows: it may yet
/// win what somebody gives back, so its run tells.
async fn refuse_early(state: &State, booking: &Booking, look: &Look) -> Result<(), ApiError> {
    let (deadline, session) = (booking.deadline, booking.session());
    let (wish, now) = (look.wish, look.now);
    match look.availability.judge(wish.service, now, wish.at, Some(session)) {
        Ok(_) => Ok(()),
        Err(_) if state.engine.is_running(session, deadline.instant()).await == Ok(true) => Ok(()),
        Err(error) => Err(with_next(state, wish, error, now, deadline).await),
    }
}

/// The refusal, with starts that would do where that helps.
pub(super) async fn with_next(
    state: &State,
    wish: Wish,
    error: SessionError,
    now: Instant,
    deadline: Deadline,
) -> ApiError {
    let next_slots = match &error {
        SessionError::NotBookable { .. } | SessionError::ClientBusy => next(state, wish, now, deadline).await,
        _ => Vec::new(),
    };
    ApiError::Refused { error, next_slots }
}

/// Up to five starts after the one asked for; none when the database does not tell in time.
async fn next(state: &State, wish: Wish, now: Instant, deadline: Deadline) -> Vec<NextSlot> {
    let after = wish.at.max(now);
    let load = Availability::load_ahead(state.db.reader(), wish.specialist, after);
    let Ok(Some(availability)) = deadline.database(load).await else {
        return Vec::new();
    };
    let service = availability
        .choose(wish.service)
        .or_else(|| availability.services().first());
    let Some(service) = service else { return Vec::new() };
    let slots = availability.next(service, now, after, N_NEXT);
    slots
        .iter()
        .map(|slot| NextSlot {
            starts_at: slot.starts_at.into(),
            ends_at: slot.ends_at.into(),
        })
        .collect()
}

/// Store a free text, so that the command carries its id only. What no session comes to refer to is removed later.
pub(crate) async fn store(
    state: &State,
    author: UserId,
    kind: Kind,
    text: Option<&str>,
    now: Instant,
    deadline: Deadline,
) -> Result<Option<TextId>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let id = TextId(Uuid::now_v7());
    let row = session_text::Model {
        id,
        author_id: author,
        kind,
        text: text.to_owned(),
        created_at: now,
    };
    deadline
        .transaction(|| async {
            let tx = state.db.begin_write().await?;
            session_text::insert(&tx, row.clone()).await?;
            tx.commit().await
        })
        .await?;
    Ok(Some(id))
}

/// When a command given at `now` lapses.
pub(crate) fn not_after(now: Instant) -> Instant {
    now + COMMAND_LIVES
}

/// The session once it is confirmed or over, or as it is when the wait is.
async fn confirmed(state: &State, mut shown: Shown, wait: Duration) -> Shown {
    let until = Deadline::after(wait);
    let mut pause = Duration::from_millis(50);
    // A hold waits for its client, not its client for it.
    while shown.row.status == SessionState::Held
        && shown.row.hold_expires_at.is_none()
        && Moment::now() + pause < until.instant()
    {
        sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
        let (client, session) = (shown.row.client_id, shown.row.id);
        // A database that is away for a moment costs time, not the answer.
        if let Ok(Some(now)) = state.sessions.shown(&state.db, client, session, until).await {
            shown = now;
        }
    }
    shown
}
