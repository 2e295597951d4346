//! Commands to a session that is there: judged by a read first, which may refuse at once and never accepts, then sent to
//! its workflow; the row that the step left is the answer.

use super::{
    book::{Wish, not_after, resolve, store, with_next},
    read,
    wire::{SessionView, WantedChange, address},
};
use crate::{
    auth::caller::Caller, edge::RequestId, error::ApiError, http::deadline::Deadline, state::State,
    temporal::EngineError,
};
use entities::{db, session, session_text::Kind, specialist};
use std::future::Future;
use uuid::Uuid;
use workflows::{
    ids::SessionId,
    sessions::{
        case::{Cancellation, Effect},
        contract::{Amend, Answer, Cancel, ConfirmHold, NoShow, Notes, Reschedule, Role, ServiceChoice},
        error::SessionError,
        state::SessionState,
        workflow::SessionBooking,
    },
    slots::schedule::Zone,
    time::Instant,
};

/// A request that commands a session.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Whose.
    pub caller: &'a Caller,
    /// Which session.
    pub session: SessionId,
    /// The request.
    pub request_id: RequestId,
    /// When the answer must be out.
    pub deadline: Deadline,
}

/// A session that is about to be commanded, as it was read.
struct Target {
    row: session::Model,
    role: Role,
    now: Instant,
}

impl Order<'_> {
    /// The session, when the caller may see it.
    async fn target(&self, state: &State) -> Result<Target, ApiError> {
        let (row, now) = tokio::join!(
            read::row(&state.db, self.caller, self.session, self.deadline),
            self.deadline.database(db::now(state.db.reader())),
        );
        // What is not there is told first.
        let (row, now) = (row?, now?);
        Ok(Target {
            role: self.role(state, &row).await?,
            row,
            now,
        })
    }

    /// As whom the caller acts: its client, else its specialist, else whoever runs the place.
    async fn role(&self, state: &State, row: &session::Model) -> Result<Role, ApiError> {
        if row.client_id == self.caller.user {
            return Ok(Role::Client);
        }
        if !self.caller.is_admin() {
            return Ok(Role::Specialist);
        }
        let own = specialist::of_user(state.db.reader(), self.caller.user);
        let own = self.deadline.database(own).await?;
        Ok(match own {
            Some(own) if own.id == row.specialist_id => Role::Specialist,
            _ => Role::Admin,
        })
    }

    /// Send a command and answer with the session as it left it.
    ///
    /// `already` judges the row anew where the session's run has ended: whether it is as wanted.
    async fn give(
        &self,
        state: &State,
        sent: impl Future<Output = Result<Answer, EngineError>>,
        already: impl Fn(&session::Model) -> Result<bool, SessionError>,
    ) -> Result<SessionView, ApiError> {
        let unknown = || ApiError::OutcomeUnknown {
            location: address(self.session),
            key: None,
        };
        match sent.await {
            Ok(Answer::Done(_)) => self.after(state).await.ok_or_else(unknown),
            Ok(Answer::Refused(error)) => Err(ApiError::refused(error)),
            Err(EngineError::Unreachable) => Err(ApiError::EngineUnavailable),
            Err(EngineError::Unknown) => Err(unknown()),
            // Nothing was done; its run has ended since the row was read, or is missing: the row tells which.
            Err(EngineError::NoRun) => {
                let row = read::row(&state.db, self.caller, self.session, self.deadline).await?;
                match already(&row) {
                    Ok(true) => read::view(&state.db, row, self.deadline).await,
                    Ok(false) => Err(ApiError::EngineUnavailable),
                    Err(error) => Err(ApiError::refused(error)),
                }
            }
        }
    }

    /// The session after a command; nothing when the database does not tell.
    async fn after(&self, state: &State) -> Option<SessionView> {
        let shown = state
            .sessions
            .one(&state.db, self.caller, self.session, |_| false, self.deadline);
        shown.await.ok()?
    }

    async fn view(&self, state: &State, row: session::Model) -> Result<SessionView, ApiError> {
        read::view(&state.db, row, self.deadline).await
    }
}

/// Cancel a session; one that is cancelled already is answered as it is.
///
/// # Errors
/// The refusal, or what is away.
pub async fn cancel(state: &State, order: Order<'_>, reason: Option<String>) -> Result<SessionView, ApiError> {
    let Target { row, role, now } = order.target(state).await?;
    let already = |row: &session::Model| Ok(row.case(now).cancel(role)? == Cancellation::Already);
    if already(&row).map_err(ApiError::refused)? {
        return order.view(state, row).await;
    }
    let (author, deadline) = (order.caller.user, order.deadline);
    let command = Cancel {
        role,
        actor: Some(author),
        reason: store(state, author, Kind::Reason, reason.as_deref(), now, deadline).await?,
        only_hold: false,
        not_after: not_after(now),
        request_id: Some(order.request_id.0.clone()),
    };
    let sent = state
        .engine
        .command(order.session, SessionBooking::cancel, command, deadline.instant());
    order.give(state, sent, already).await
}

/// Confirm a hold; what needs no confirmation any more is answered as it is.
///
/// # Errors
/// The refusal, or what is away.
pub async fn confirm(state: &State, order: Order<'_>) -> Result<SessionView, ApiError> {
    let Target { row, role, now } = order.target(state).await?;
    if role != Role::Client {
        return Err(ApiError::InsufficientPermissions);
    }
    let already = |row: &session::Model| Ok(row.case(now).confirm()? == Effect::Already);
    if already(&row).map_err(ApiError::refused)? {
        return order.view(state, row).await;
    }
    let command = ConfirmHold {
        actor: Some(order.caller.user),
        not_after: not_after(now),
        request_id: Some(order.request_id.0.clone()),
    };
    let by = order.deadline.instant();
    let sent = state
        .engine
        .command(order.session, SessionBooking::confirm, command, by);
    order.give(state, sent, already).await
}

/// Say that the client did not come; said before, the session is answered as it is.
///
/// # Errors
/// The refusal, or what is away.
pub async fn no_show(state: &State, order: Order<'_>) -> Result<SessionView, ApiError> {
    let Target { row, role, now } = order.target(state).await?;
    if role != Role::Specialist {
        return Err(ApiError::InsufficientPermissions);
    }
    let already = |row: &session::Model| Ok(row.case(now).no_show()? == Effect::Already);
    // Whether it has begun is for the session's own clock to say.
    if row.status == SessionState::NoShow {
        return order.view(state, row).await;
    }
    let command = NoShow {
        role,
        actor: Some(order.caller.user),
        not_after: not_after(now),
        request_id: Some(order.request_id.0.clone()),
    };
    let by = order.deadline.instant();
    let sent = state
        .engine
        .command(order.session, SessionBooking::no_show, command, by);
    order.give(state, sent, already).await
}

/// Move a session, change its notes, or both; `version` is what the caller has seen of it, when that matters to them.
///
/// # Errors
/// The refusal, with starts that would do where the new one would not, or what is away.
pub async fn change(
    state: &State,
    order: Order<'_>,
    wanted: WantedChange,
    version: Option<i32>,
) -> Result<SessionView, ApiError> {
    let Target { row, role, now } = order.target(state).await?;
    if role == Role::Admin {
        return Err(ApiError::InsufficientPermissions);
    }
    if version.is_some_and(|version| version != row.version) {
        return Err(ApiError::refused(SessionError::VersionMismatch));
    }
    let start = match wanted.start {
        Some(start) => Some(new_start(&row, start, wanted.time_zone.map(|zone| zone.0))?),
        None => None,
    };
    let moves = start.filter(|start| *start != row.starts_at);
    let allowed = match moves {
        Some(_) => row.case(now).reschedule(role).map(drop),
        None => row.case(now).amend(),
    };
    allowed.map_err(ApiError::refused)?;
    let (id, author, deadline) = (Uuid::new_v4(), order.caller.user, order.deadline);
    let notes = match wanted.notes.as_deref() {
        None => Notes::Keep,
        Some("") => Notes::Clear,
        text => match store(state, author, Kind::Notes, text, now, deadline).await? {
            Some(text) => Notes::Replace(text),
            None => Notes::Keep,
        },
    };
    // Of a run that has ended, nothing can be changed any more.
    let closed = |row: &session::Model| match row.case(now).amend() {
        Ok(()) => Ok(false),
        Err(error) => Err(error),
    };
    let (actor, request_id, not_after) = (Some(author), Some(order.request_id.0.clone()), not_after(now));
    let by = deadline.instant();
    let Some(starts_at) = moves else {
        let command = Amend {
            id,
            role,
            actor,
            notes,
            version,
            not_after,
            request_id,
        };
        let sent = state.engine.command(order.session, SessionBooking::amend, command, by);
        return order.give(state, sent, closed).await;
    };
    let command = Reschedule {
        id,
        role,
        actor,
        starts_at,
        notes,
        version,
        not_after,
        request_id,
    };
    let sent = state
        .engine
        .command(order.session, SessionBooking::reschedule, command, by);
    match order.give(state, sent, closed).await {
        Err(ApiError::Refused { error, .. }) => {
            let wish = Wish {
                specialist: row.specialist_id,
                service: ServiceChoice::Id(row.service_id),
                at: starts_at,
            };
            Err(with_next(state, wish, error, now, deadline).await)
        }
        answer => answer,
    }
}

/// The new start as an instant: a wall clock is that of the zone named, else the session's.
fn new_start(row: &session::Model, start: super::wire::Start, named: Option<Zone>) -> Result<Instant, ApiError> {
    let zone = match named {
        Some(zone) => zone,
        None => Zone::new(&row.time_zone)?,
    };
    resolve(start, &zone)
}
