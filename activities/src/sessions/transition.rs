//! Changing a session: under its locks, from the state it is in then, with its events, in one transaction.

use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{
    audit::{self, Act, Actor},
    db::{Db, lock_both},
    session,
    session_event::{self, NewEvent},
    waitlist_entry, waitlist_offer,
};
use sea_orm::{DatabaseTransaction, DbErr};
use std::time::SystemTime;
use telemetry::metrics;
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{Answer, Standing},
        error::SessionError,
        rules,
        state::SessionState,
    },
    time::Instant,
};

/// What becomes of a session.
pub(super) enum Transition {
    /// Nothing: it has been done, or there is nothing to do.
    Unchanged,
    /// These columns, and these events.
    Change(Box<session::ActiveModel>, Vec<NewEvent>),
}

/// A session under the locks of its specialist and its client, until the end of the transaction.
pub(crate) struct Locked {
    pub(crate) tx: DatabaseTransaction,
    pub(crate) row: session::Model,
}

impl Locked {
    /// Lock a session and read it as it is then.
    pub(crate) async fn take(db: &Db, session: SessionId) -> Result<Self, StepError> {
        let tx = db.begin_write().await?;
        // Whose locks to take never changes, so it may be read before they are held.
        let Some(row) = session::by_id(&tx, session).await? else {
            return Err(StepError::no_session(session));
        };
        lock_both(&tx, row.specialist_id, row.client_id).await?;
        let Some(row) = session::by_id(&tx, session).await? else {
            return Err(StepError::no_session(session));
        };
        Ok(Self { tx, row })
    }

    /// Change it, with its events and on record as what `by` did; the row as it is then.
    pub(crate) async fn change(
        self,
        by: By,
        columns: session::ActiveModel,
        events: Vec<NewEvent>,
        now: Instant,
    ) -> Result<session::Model, DbErr> {
        let Self { tx, row } = self;
        let n_events = i32::try_from(events.len()).unwrap_or(i32::MAX);
        let changed = session::change(&tx, row.id, columns, n_events, now).await?;
        session_event::insert(&tx, row.id, changed.event_seq - n_events, events).await?;
        put_on_record(&tx, &by, &row, &changed, now).await?;
        freed(&tx, &row, &changed, now).await?;
        tx.commit().await?;
        counted(Some(&row), &changed);
        Ok(changed)
    }
}

/// Who changes a session, and what the audit trail calls it.
pub(crate) struct By {
    /// As noun and verb: `session.cancel`.
    pub(crate) action: &'static str,
    pub(crate) actor: Actor,
}

impl By {
    /// Somebody commands it.
    pub(crate) fn command(action: &'static str, actor: Actor) -> Self {
        Self { action, actor }
    }

    /// Its workflow does it of itself; `request_id` is that of the booking, where it is known.
    pub(crate) fn itself(action: &'static str, request_id: Option<String>) -> Self {
        let actor = Actor::system(request_id);
        Self { action, actor }
    }
}

/// Put a change on record, in its transaction: a step that finds its work done changes nothing, so it is there once.
pub(super) async fn put_on_record(
    tx: &DatabaseTransaction,
    by: &By,
    before: &session::Model,
    after: &session::Model,
    now: Instant,
) -> Result<(), DbErr> {
    let act = Act {
        action: by.action,
        target_kind: "session",
        target_id: after.id.to_string(),
        fields: &audit::changed_fields(before, after),
    };
    audit::record(tx, &by.actor, act, now).await
}

/// Count what a committed change has made of a session; `before` is nothing for a new one.
pub(crate) fn counted(before: Option<&session::Model>, after: &session::Model) {
    if before.is_some_and(|before| before.status == after.status) {
        return;
    }
    metrics::transition(after.status.as_str());
    // The first confirmation of what was not held for its client to decide: its wait was for us alone.
    let waited = before.is_none_or(|before| before.hold_expires_at.is_none());
    if after.status == SessionState::Confirmed && waited {
        let since = SystemTime::from(after.created_at.timestamp());
        metrics::confirmed(since.elapsed().unwrap_or_default());
    }
}

/// What a changed session means to those who wait: an offer ends with it, what it blocked is free, and its client may
/// be offered by others what it was in the way of.
pub(super) async fn freed(
    tx: &DatabaseTransaction,
    before: &session::Model,
    after: &session::Model,
    now: Instant,
) -> Result<(), DbErr> {
    waitlist_offer::follow(tx, before.hold_expires_at.is_some(), after, now).await?;
    let blocks = |row: &session::Model| row.status.blocks().then_some((row.blocks_from, row.blocks_until));
    let frees = blocks(before).is_some() && blocks(before) != blocks(after);
    if frees {
        waitlist_entry::slot_freed(tx, before.specialist_id, now).await?;
    }
    if frees || (before.hold_expires_at.is_some() && after.hold_expires_at.is_none()) {
        let woken = frees.then_some(before.specialist_id);
        waitlist_entry::client_freed(tx, before.client_id, woken, now).await?;
    }
    Ok(())
}

/// Change `session` as `decide` says, which sees the row as it is under the locks of its specialist and its client.
///
/// Answers the row as it is then, or the refusal.
pub(super) async fn transition(
    db: &Db,
    session: SessionId,
    now: Instant,
    by: By,
    decide: impl FnOnce(&session::Model) -> Result<Transition, SessionError>,
) -> Result<Result<session::Model, SessionError>, StepError> {
    let locked = Locked::take(db, session).await?;
    match decide(&locked.row) {
        Err(refusal) => Ok(Err(refusal)),
        Ok(Transition::Unchanged) => Ok(Ok(locked.row)),
        Ok(Transition::Change(columns, events)) => Ok(Ok(locked.change(by, *columns, events, now).await?)),
    }
}

/// The same where a refusal is not among the answers.
pub(super) async fn settle(
    db: &Db,
    meetings: &MeetingProvider,
    session: SessionId,
    now: Instant,
    by: By,
    decide: impl FnOnce(&session::Model) -> Transition,
) -> Result<Standing, StepError> {
    match transition(db, session, now, by, |row| Ok(decide(row))).await? {
        Ok(row) => Ok(standing(&row, meetings)),
        Err(refusal) => Err(StepError::Final {
            code: refusal.code(),
            message: refusal.to_string(),
        }),
    }
}

/// The answer to a command.
pub(super) fn answer(outcome: Result<session::Model, SessionError>, meetings: &MeetingProvider) -> Answer {
    match outcome {
        Ok(row) => Answer::Done(standing(&row, meetings)),
        Err(refusal) => Answer::Refused(refusal),
    }
}

/// How the workflow sees the row.
pub(crate) fn standing(row: &session::Model, meetings: &MeetingProvider) -> Standing {
    let wants_link = match row.status {
        SessionState::Held => row.hold_expires_at.is_none(),
        // It has moved to where there is no link yet; one that cannot be made is done without.
        SessionState::Confirmed => row.meeting_url.is_none() && row.failure.is_none(),
        _ => false,
    };
    let keeps_meetings = meetings.keeps_meetings();
    Standing {
        status: row.status,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        sequence: row.sequence.max(0).unsigned_abs(),
        reminder_offsets: row.reminder_offsets.0.clone(),
        link_pending: wants_link,
        meeting_to_remove: keeps_meetings,
        // Only where a run has to do with it: it makes up a quarter of what a history says of a standing.
        meeting_key: (wants_link || keeps_meetings).then(|| row.meeting()),
        hold_expires_at: row.hold_expires_at,
        changed_at: None,
    }
}

/// An event of a step that happens once in a session's life.
pub(crate) fn event(at: Instant, step: &str, status: &str, detail: Option<String>) -> NewEvent {
    keyed(at, step, status, detail, format!("{step}:{status}"))
}

/// An event of a step that may happen again under another key.
pub(super) fn keyed(at: Instant, step: &str, status: &str, detail: Option<String>, key: String) -> NewEvent {
    NewEvent {
        at,
        step: step.to_owned(),
        status: status.to_owned(),
        detail,
        key,
    }
}

/// An event for each reminder whose hour has passed at `now`; one that has been dealt with is not told again.
///
/// `dealt_with` are the keys of the session's events.
pub(super) fn skipped_reminders(
    starts_at: Instant,
    sequence: i32,
    offsets: &[u32],
    dealt_with: &[String],
    now: Instant,
) -> Vec<NewEvent> {
    let (_, past) = rules::reminders(starts_at, offsets, now);
    let news = past.into_iter().filter(|offset| {
        let begun = format!("mail:reminder:{sequence}:{offset}:");
        !dealt_with.iter().any(|key| key.starts_with(&begun))
    });
    news.map(|offset| {
        let detail = format!("{offset} min before the start was already past");
        let key = format!("reminder:{offset}:{sequence}:skipped");
        keyed(now, "reminder", "skipped", Some(detail), key)
    })
    .collect()
}
