//! What the database says about sessions.

use super::wire::{SessionList, SessionView, Status};
use crate::{
    auth::caller::Caller,
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
    together::Together,
};
use entities::{
    db::Db,
    session::{self, Filter, Shown},
    session_event, session_text,
};
use sea_orm::DbErr;
use std::collections::HashMap;
use workflows::{
    ids::{SessionId, TextId, UserId},
    time::Instant,
};

/// The lists that cursors of this file belong to.
const LIST: &str = "sessions";
const GIVEN: &str = "sessions given";

/// Which of their sessions a caller asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// In one of these states; in any when empty.
    pub status: Vec<Status>,
    /// Starts then or later.
    pub from: Option<Instant>,
    /// Starts before.
    pub to: Option<Instant>,
    /// How many.
    pub limit: Limit,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Wanted {
    /// What to look for, and how many of it to show: one more is looked for.
    fn filter(self, list: &str) -> Result<(Filter, Limit), ApiError> {
        let Self {
            status,
            from,
            to,
            limit,
            cursor,
        } = self;
        let filter = Filter {
            status: status.into_iter().map(Into::into).collect(),
            from,
            to,
            after: page::after(list, cursor.as_deref())?,
            limit: limit.0 + 1,
        };
        Ok((filter, limit))
    }
}

/// The row of a session that the caller may see.
///
/// # Errors
/// [`ApiError::NotFound`] for one that is not there or not theirs.
pub async fn row(db: &Db, caller: &Caller, id: SessionId, deadline: Deadline) -> Result<session::Model, ApiError> {
    let row = if caller.is_admin() {
        deadline.database(session::by_id(db.reader(), id)).await?
    } else {
        deadline
            .database(session::visible_to(db.reader(), caller.user, id))
            .await?
    };
    row.ok_or(ApiError::NotFound(Thing::Session))
}

/// Reads single sessions; requests that arrive together are read together.
#[derive(Debug, Default)]
pub struct Sessions(Together<(UserId, SessionId), Shown>);

impl Sessions {
    /// A session that the caller may see; nothing when they have it, by `has`, already.
    ///
    /// # Errors
    /// As [`row`].
    pub async fn one(
        &self,
        db: &Db,
        caller: &Caller,
        id: SessionId,
        has: impl FnOnce(i32) -> bool,
        deadline: Deadline,
    ) -> Result<Option<SessionView>, ApiError> {
        if caller.is_admin() {
            let row = row(db, caller, id, deadline).await?;
            return match has(row.version) {
                true => Ok(None),
                false => view(db, row, deadline).await.map(Some),
            };
        }
        let shown = self.shown(db, caller.user, id, deadline).await?;
        let shown = shown.ok_or(ApiError::NotFound(Thing::Session))?;
        match has(shown.row.version) {
            true => Ok(None),
            false => Ok(Some(shown.into())),
        }
    }

    /// A session that `user` booked or gives.
    ///
    /// # Errors
    /// [`ApiError::DatabaseUnavailable`].
    pub(super) async fn shown(
        &self,
        db: &Db,
        user: UserId,
        id: SessionId,
        deadline: Deadline,
    ) -> Result<Option<Shown>, ApiError> {
        let asked = self.0.read(db, (user, id), |held, asked| async move {
            session::shown_to_each(&*held, &asked).await
        });
        deadline.database(asked).await
    }
}

/// The view of a row.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn view(db: &Db, row: session::Model, deadline: Deadline) -> Result<SessionView, ApiError> {
    let views = deadline.database(views(db, vec![row])).await?;
    views
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::internal("a row without a view"))
}

/// A page of the caller's own sessions, latest start first.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn list(db: &Db, caller: &Caller, wanted: Wanted, deadline: Deadline) -> Result<SessionList, ApiError> {
    let (filter, limit) = wanted.filter(LIST)?;
    let rows = deadline
        .database(session::of_client(db.reader(), caller.user, &filter))
        .await?;
    paged(db, LIST, rows, limit, deadline).await
}

/// A page of the sessions that the caller gives, earliest start first.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of something else.
pub async fn given(db: &Db, caller: &Caller, wanted: Wanted, deadline: Deadline) -> Result<SessionList, ApiError> {
    let (filter, limit) = wanted.filter(GIVEN)?;
    let rows = deadline
        .database(session::of_specialist(db.reader(), caller.user, &filter))
        .await?;
    paged(db, GIVEN, rows, limit, deadline).await
}

async fn paged(
    db: &Db,
    list: &str,
    rows: Vec<session::Model>,
    limit: Limit,
    deadline: Deadline,
) -> Result<SessionList, ApiError> {
    let (rows, next_cursor) = page::split(rows, limit, |row| page::cursor(list, &(row.starts_at, row.id)));
    Ok(SessionList {
        items: deadline.database(views(db, rows)).await?,
        next_cursor,
    })
}

/// The views of rows, with their notes and timelines: two queries, however many rows.
///
/// # Errors
/// Whatever the database says.
pub(crate) async fn views(db: &Db, rows: Vec<session::Model>) -> Result<Vec<SessionView>, DbErr> {
    let notes = session_text::by_ids(db.reader(), rows.iter().filter_map(|row| row.notes_id)).await?;
    let notes: HashMap<TextId, String> = notes.into_iter().map(|text| (text.id, text.text)).collect();
    let mut timelines = match rows.as_slice() {
        [] => HashMap::new(),
        rows => session_event::of_sessions(db.reader(), rows.iter().map(|row| row.id)).await?,
    };
    let view = |row: session::Model| {
        // The sessions of a series share theirs.
        let notes = row.notes_id.and_then(|id| notes.get(&id).cloned());
        let timeline = timelines.remove(&row.id).unwrap_or_default();
        Shown { row, notes, timeline }.into()
    };
    Ok(rows.into_iter().map(view).collect())
}
