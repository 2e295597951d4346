//! Changing a session: under its locks, from the state it is in then, with its events, in one transaction.

use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{
    db::{Db, lock_client, lock_specialist},
    session,
    session_event::{self, NewEvent},
};
use workflows::{
    ids::SessionId,
    sessions::{contract::Standing, error::SessionError, state::SessionState},
    time::Instant,
};

/// What becomes of a session.
pub(super) enum Transition {
    /// Nothing: it has been done, or there is nothing to do.
    Unchanged,
    /// These columns, and these events.
    Change(Box<session::ActiveModel>, Vec<NewEvent>),
}

/// Change `session` as `decide` says, which sees the row as it is under the locks of its specialist and its client.
///
/// Answers the row as it is then, or the refusal.
pub(super) async fn transition(
    db: &Db,
    session: SessionId,
    now: Instant,
    decide: impl FnOnce(&session::Model) -> Result<Transition, SessionError>,
) -> Result<Result<session::Model, SessionError>, StepError> {
    let tx = db.begin_write().await?;
    // Whose locks to take never changes, so it may be read before they are held.
    let Some(row) = session::by_id(&tx, session).await? else {
        return Err(StepError::no_session(session));
    };
    lock_specialist(&tx, row.specialist_id).await?;
    lock_client(&tx, row.client_id).await?;
    let Some(row) = session::by_id(&tx, session).await? else {
        return Err(StepError::no_session(session));
    };
    match decide(&row) {
        Err(refusal) => Ok(Err(refusal)),
        Ok(Transition::Unchanged) => Ok(Ok(row)),
        Ok(Transition::Change(columns, events)) => {
            let n_events = i32::try_from(events.len()).unwrap_or(i32::MAX);
            let changed = session::change(&tx, session, *columns, n_events, now).await?;
            session_event::insert(&tx, session, changed.event_seq - n_events, events).await?;
            tx.commit().await?;
            Ok(Ok(changed))
        }
    }
}

/// The same where a refusal is not among the answers.
pub(super) async fn settle(
    db: &Db,
    meetings: &MeetingProvider,
    session: SessionId,
    now: Instant,
    decide: impl FnOnce(&session::Model) -> Transition,
) -> Result<Standing, StepError> {
    match transition(db, session, now, |row| Ok(decide(row))).await? {
        Ok(row) => Ok(standing(&row, meetings)),
        Err(refusal) => Err(StepError::Final {
            code: refusal.code(),
            message: refusal.to_string(),
        }),
    }
}

/// How the workflow sees the row.
pub(super) fn standing(row: &session::Model, meetings: &MeetingProvider) -> Standing {
    Standing {
        status: row.status,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        sequence: row.sequence.max(0).unsigned_abs(),
        reminder_offsets: row.reminder_offsets.0.clone(),
        link_pending: row.status == SessionState::Held && row.hold_expires_at.is_none() && row.meeting_url.is_none(),
        meeting_to_remove: meetings.keeps_meetings(),
    }
}

/// An event of a step that happens once in a session's life.
pub(super) fn event(at: Instant, step: &str, status: &str, detail: Option<String>) -> NewEvent {
    NewEvent {
        at,
        step: step.to_owned(),
        status: status.to_owned(),
        detail,
        key: format!("{step}:{status}"),
    }
}
