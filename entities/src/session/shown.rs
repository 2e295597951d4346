//! What one session is shown with: its row, its notes and its timeline.

use super::{Column, Entity, Model};
use crate::{session_event, session_text, specialist};
use sea_orm::{FromQueryResult, Iterable, JoinType, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*};
use std::collections::{HashMap, hash_map::Entry};
use workflows::ids::{SessionId, UserId};

/// What the columns of events begin with, as none of a session's own does.
const EVENT: &str = "timeline_";
const GIVEN_BY: &str = "given_by";
const NOTES: &str = "notes";

/// A session as its own page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its row.
    pub row: Model,
    /// The client's notes.
    pub notes: Option<String>,
    /// What has happened to it, in order.
    pub timeline: Vec<session_event::Model>,
}

/// Sessions for those who ask for them, as their client or as the login of whoever gives them; those that are not there
/// or not theirs are missing.
///
/// # Cost
/// One statement: a look into a primary key for each session, its specialist and its notes, and the events of each.
///
/// # Errors
/// Whatever the database says.
pub async fn shown_to_each(
    db: &impl ConnectionTrait,
    asked: &[(UserId, SessionId)],
) -> Result<HashMap<(UserId, SessionId), Shown>, DbErr> {
    let given: RelationDef = Entity::belongs_to(specialist::Entity)
        .from(Column::SpecialistId)
        .to(specialist::Column::Id)
        .into();
    let notes: RelationDef = Entity::belongs_to(session_text::Entity)
        .from(Column::NotesId)
        .to(session_text::Column::Id)
        .into();
    let events: RelationDef = Entity::belongs_to(session_event::Entity)
        .from(Column::Id)
        .to(session_event::Column::SessionId)
        .into();
    let mut query = Entity::find()
        .join(JoinType::InnerJoin, given)
        .join(JoinType::LeftJoin, notes)
        .join(JoinType::LeftJoin, events)
        .column_as(specialist::Column::UserId, GIVEN_BY)
        .column_as(session_text::Column::Text, NOTES)
        .filter(Column::Id.is_in(asked.iter().map(|(_, session)| *session)))
        .order_by_asc(session_event::Column::Seq);
    for column in session_event::Column::iter() {
        query = query.column_as(column, format!("{EVENT}{}", column.to_string()));
    }
    let mut found: HashMap<SessionId, (Option<UserId>, Shown)> = HashMap::new();
    // A row for each event; what is the same in all of them is read once.
    for row in db.query_all(query.as_query()).await? {
        let shown = match found.entry(row.try_get("", Column::Id.as_str())?) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let shown = Shown {
                    row: Model::from_query_result(&row, "")?,
                    notes: row.try_get("", NOTES)?,
                    timeline: Vec::new(),
                };
                new.insert((row.try_get("", GIVEN_BY)?, shown))
            }
        };
        let seq: Option<i32> = row.try_get(EVENT, session_event::Column::Seq.as_str())?;
        if seq.is_some() {
            shown
                .1
                .timeline
                .push(session_event::Model::from_query_result(&row, EVENT)?);
        }
    }
    let theirs = asked.iter().filter_map(|&(user, session)| {
        let (given_by, shown) = found.get(&session)?;
        let theirs = shown.row.client_id == user || *given_by == Some(user);
        theirs.then(|| ((user, session), shown.clone()))
    });
    Ok(theirs.collect())
}
