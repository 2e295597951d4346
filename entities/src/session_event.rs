//! The timeline of a session.

use crate::{session, webhook_delivery};
use sea_orm::{
    ActiveValue::Set,
    DatabaseTransaction, JoinType, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, IntoCondition, OnConflict},
};
use std::collections::HashMap;
use workflows::{ids::SessionId, time::Instant};

/// Something that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_event")]
pub struct Model {
    /// To which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Its number, rising; a repeated step leaves a gap.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    /// When.
    pub at: Instant,
    /// In which step.
    pub step: String,
    /// How it went.
    pub status: String,
    /// More, for people.
    pub detail: Option<String>,
    /// What wrote it, so that a repeat writes it once: workflow, step, and update or ordinal.
    pub key: String,
}

/// What an event refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An event to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// When it happened.
    pub at: Instant,
    /// In which step.
    pub step: String,
    /// How it went.
    pub status: String,
    /// More, for people.
    pub detail: Option<String>,
    /// What wrote it.
    pub key: String,
}

/// The events of a session behind `after`, in their order; 0 is before the first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_session(db: &impl ConnectionTrait, session: SessionId, after: i32) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Seq.gt(after))
        .order_by_asc(Column::Seq)
        .all(db)
        .await
}

/// The events of sessions, those of each in their order.
///
/// # Errors
/// Whatever the database says.
pub async fn of_sessions(
    db: &impl ConnectionTrait,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Vec<Model>>, DbErr> {
    let rows = Entity::find()
        .filter(Column::SessionId.is_in(sessions))
        .order_by_asc(Column::Seq)
        .all(db)
        .await?;
    let mut events: HashMap<SessionId, Vec<Model>> = HashMap::new();
    for row in rows {
        events.entry(row.session_id).or_default().push(row);
    }
    Ok(events)
}

/// Whether the session has the event of that key: what a repeated step finds of itself.
///
/// # Errors
/// Whatever the database says.
pub async fn has(db: &impl ConnectionTrait, session: SessionId, key: &str) -> Result<bool, DbErr> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Key.eq(key))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// A session as it is, and its events behind `after`, in their order; nothing where there is no such session.
///
/// Both are of one statement and so of one moment: the session's state is never older than its last event, and when the
/// session is over, its events are all there.
///
/// Whoever asks again behind the last `seq` it was given misses nothing. Numbers come from a counter on the session's
/// row, raised by an `UPDATE` in the transaction that inserts the events ([`append`], [`session::change`]), or are those
/// of a new row that nobody has seen. The row stays locked until that transaction is committed, and what it wrote is
/// visible before the lock is let go, so whoever takes the next number does it after that: when a number can be read,
/// every lower one that will ever be can be read too. A transaction rolled back gives its numbers back; a repeated step
/// leaves a gap, which stays one.
///
/// # Errors
/// Whatever the database says.
pub async fn since(
    db: &impl ConnectionTrait,
    session: SessionId,
    after: i32,
) -> Result<Option<(session::Model, Vec<Model>)>, DbErr> {
    let behind: RelationDef = session::Entity::belongs_to(Entity)
        .from(session::Column::Id)
        .to(Column::SessionId)
        .on_condition(move |_, event| Expr::col((event, Column::Seq)).gt(after).into_condition())
        .into();
    let rows = session::Entity::find_by_id(session)
        .join(JoinType::LeftJoin, behind)
        .order_by_asc(Column::Seq)
        .select_also(Entity)
        .all(db)
        .await?;
    let (mut sessions, events): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    Ok(sessions.pop().map(|row| (row, events.into_iter().flatten().collect())))
}

/// Append events to a session, in the transaction of the step that they tell of; the session's version stays.
///
/// An event whose key the session has already is left out. Returns the session's highest `seq`.
///
/// # Errors
/// [`DbErr::RecordNotUpdated`] if there is no such session, or whatever the database says.
pub async fn append(tx: &DatabaseTransaction, session: SessionId, events: Vec<NewEvent>) -> Result<i32, DbErr> {
    let n_events = i32::try_from(events.len()).unwrap_or(i32::MAX);
    // The counter is on the session's row, whose lock also keeps a second writer out until this one commits.
    let counted = session::Entity::update_many()
        .col_expr(
            session::Column::EventSeq,
            Expr::col(session::Column::EventSeq).add(n_events),
        )
        .filter(session::Column::Id.eq(session))
        .exec_with_returning(tx)
        .await?;
    let last = counted.first().ok_or(DbErr::RecordNotUpdated)?.event_seq;
    insert(tx, session, last - n_events, events).await?;
    Ok(last)
}

/// Insert events under numbers already reserved, the first behind `after`: by [`session::change`], or by a new row that
/// began with its `event_seq`.
///
/// An event whose key the session has already is left out. What others asked to be told of is written down for them, which
/// costs nothing for other events, and one query more where nobody asked.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(
    tx: &DatabaseTransaction,
    session: SessionId,
    after: i32,
    events: Vec<NewEvent>,
) -> Result<(), DbErr> {
    if events.is_empty() {
        return Ok(());
    }
    let told = webhook_delivery::Told::of(&events, after);
    let rows = events.into_iter().zip(after + 1..).map(|(event, seq)| {
        let NewEvent {
            at,
            step,
            status,
            detail,
            key,
        } = event;
        ActiveModel {
            session_id: Set(session),
            seq: Set(seq),
            at: Set(at),
            step: Set(step),
            status: Set(status),
            detail: Set(detail),
            key: Set(key),
        }
    });
    let once = OnConflict::columns([Column::SessionId, Column::Key])
        .do_nothing()
        .to_owned();
    Entity::insert_many(rows)
        .on_conflict(once)
        .exec_without_returning(tx)
        .await?;
    webhook_delivery::tell(tx, session, told).await
}
