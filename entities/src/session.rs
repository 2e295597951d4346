//! Sessions: one row a booking, from its reservation on.

mod shown;

pub use shown::{Shown, shown_to_each};

use crate::{
    column::{OffsetsMinutes, unsigned},
    specialist, waitlist_offer,
};
use sea_orm::{
    Condition, DatabaseTransaction, DbBackend, PaginatorTrait, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, Query, SimpleExpr},
};
use workflows::{
    ids::{SeatGroup, SeriesId, ServiceId, SessionId, SpecialistId, TextId, UserId},
    sessions::{case::Case, contract::meeting_key, state::SessionState},
    time::Instant,
};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// The workflow that it is.
    pub workflow_id: String,
    /// Who gives it.
    pub specialist_id: SpecialistId,
    /// Who booked it.
    pub client_id: UserId,
    /// What was booked.
    pub service_id: ServiceId,
    /// The recurring booking that it is one of.
    pub series_id: Option<SeriesId>,
    /// Where it stands.
    pub status: SessionState,
    /// Its start.
    pub starts_at: Instant,
    /// Its end, exclusive.
    pub ends_at: Instant,
    /// Kept free before it, as when it was booked.
    pub buffer_before_minutes: i32,
    /// Kept free after it, as when it was booked.
    pub buffer_after_minutes: i32,
    /// The start, less the buffer before.
    pub blocks_from: Instant,
    /// The end, and the buffer after; at most 48 hours behind `blocks_from`.
    pub blocks_until: Instant,
    /// What sessions that may share the start have in common.
    pub seat_group: SeatGroup,
    /// The seat within the group, from 1.
    pub seat: i32,
    /// When the hold ends; only while held, and only for a hold.
    pub hold_expires_at: Option<Instant>,
    /// IANA name of the zone shown to the client.
    pub time_zone: String,
    /// The client's notes.
    pub notes_id: Option<TextId>,
    /// Why it was cancelled.
    pub cancel_reason_id: Option<TextId>,
    /// Where to meet.
    pub meeting_url: Option<String>,
    /// What the provider needs to remove the meeting.
    pub meeting_ref: Option<String>,
    /// The meeting it has or is to have; shared with the other sessions of its start.
    pub meeting_key: Option<String>,
    /// Whether the cancellation was under the policy's notice.
    pub late_cancel: Option<bool>,
    /// The code of what failed.
    pub failure: Option<String>,
    /// The calendar's SEQUENCE.
    pub sequence: i32,
    /// Raised by every change but an appended event, see [`change`].
    pub version: i32,
    /// The highest `seq` given to an event.
    pub event_seq: i32,
    /// A keyed hash of the request that booked it.
    pub request_hash: String,
    /// The policy as when it was booked: a cancellation closer to the start is late.
    pub cancel_notice_minutes: i32,
    /// As when it was booked: a client's reschedule closer to the start is refused.
    pub reschedule_notice_minutes: i32,
    /// As when it was booked: how often the client may reschedule.
    pub max_reschedules: Option<i32>,
    /// How often the client has.
    pub reschedules: i32,
    /// When the client wants to be reminded.
    pub reminder_offsets: OffsetsMinutes,
    /// When it was reserved.
    pub created_at: Instant,
    /// When the row was last changed.
    pub updated_at: Instant,
    /// When its workflow had nothing more to do; until then exactly one runs.
    pub closed_at: Option<Instant>,
}

impl Model {
    /// What decides about a command given at `now`.
    #[must_use]
    pub fn case(&self, now: Instant) -> Case {
        Case {
            recorded: self.status,
            hold_expires_at: self.hold_expires_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            cancel_notice_minutes: unsigned(self.cancel_notice_minutes),
            reschedule_notice_minutes: unsigned(self.reschedule_notice_minutes),
            max_reschedules: self.max_reschedules.map(unsigned),
            reschedules: unsigned(self.reschedules),
            now,
        }
    }

    /// The meeting it has or is to have.
    #[must_use]
    pub fn meeting(&self) -> String {
        // Rows from before there was such a column have the meeting of their start.
        self.meeting_key
            .clone()
            .unwrap_or_else(|| meeting_key(SessionId(self.seat_group.0), 0))
    }
}

/// What a session refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the slot functions need of a session that blocks; all of it lies in one index.
#[derive(Clone, Debug, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Blocking {
    /// The session.
    pub id: SessionId,
    /// Who booked it.
    pub client_id: UserId,
    /// What was booked.
    pub service_id: ServiceId,
    /// Where it stands.
    pub status: SessionState,
    /// Its start.
    pub starts_at: Instant,
    /// Its end, exclusive.
    pub ends_at: Instant,
    /// Kept free before it.
    pub buffer_before_minutes: i32,
    /// Kept free after it.
    pub buffer_after_minutes: i32,
    /// The start, less the buffer before.
    pub blocks_from: Instant,
    /// The end, and the buffer after.
    pub blocks_until: Instant,
    /// From then on a hold blocks no more, whatever its status still says.
    pub hold_expires_at: Option<Instant>,
    /// What sessions that may share the start have in common.
    pub seat_group: SeatGroup,
    /// The seat within the group, from 1.
    pub seat: i32,
}

/// What tells, at a glance, whether a session has changed: both numbers only rise, and whatever happens to a session
/// raises one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Pulse {
    /// The session.
    pub id: SessionId,
    /// The highest `seq` given to an event.
    pub event_seq: i32,
    /// Raised by every change but an appended event.
    pub version: i32,
}

/// The states that block, spelled out: the planner takes the partial index only for a condition that it can read, and
/// a bound parameter it cannot.
pub const BLOCKING: &str = "status IN ('held', 'confirmed', 'completed', 'no_show')";

/// How many ids one statement lists: a power of two below the parameters that SQLite takes, 32,766.
const LONGEST_LIST: usize = 16_384;

/// No block begins longer before its end (the schema's 48 hours), so no query looks back further.
const LOOK_BACK_MINUTES: i64 = 48 * 60 + 1;

/// The blocking sessions of a specialist whose blocks meet `[from, to)`, earliest first.
///
/// Caps count starts, which lie within their blocks: ask for the whole days or weeks.
///
/// # Errors
/// Whatever the database says.
pub async fn blocking(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    from: Instant,
    to: Instant,
) -> Result<Vec<Blocking>, DbErr> {
    blocking_query(specialist, from, to).into_partial_model().all(db).await
}

/// The query of [`blocking`], for whoever wants its plan.
#[must_use]
pub fn blocking_query(specialist: SpecialistId, from: Instant, to: Instant) -> Select<Entity> {
    Entity::find()
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Column::BlocksFrom.gt(from.plus_minutes(-LOOK_BACK_MINUTES)))
        .filter(Column::BlocksFrom.lt(to))
        .filter(Column::BlocksUntil.gt(from))
        .filter(Expr::cust(BLOCKING))
        .order_by_asc(Column::BlocksFrom)
}

/// The blocking sessions of a client that meet `[from, to)`, buffers apart, earliest first.
///
/// # Errors
/// Whatever the database says.
pub async fn blocking_of_client(
    db: &impl ConnectionTrait,
    client: UserId,
    from: Instant,
    to: Instant,
) -> Result<Vec<Blocking>, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Column::StartsAt.gt(from.plus_minutes(-LOOK_BACK_MINUTES)))
        .filter(Column::StartsAt.lt(to))
        .filter(Column::EndsAt.gt(from))
        .filter(Expr::cust(BLOCKING))
        .order_by_asc(Column::StartsAt)
        .into_partial_model()
        .all(db)
        .await
}

/// How many slots are held for a client at `now`, whoever asked for it: their own holds, and what the waitlist offers
/// them.
///
/// # Errors
/// Whatever the database says.
pub async fn count_held(db: &impl ConnectionTrait, client: UserId, now: Instant) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Column::HoldExpiresAt.gt(now))
        .filter(Column::Status.eq(SessionState::Held))
        .count(db)
        .await
}

/// How many holds of a client have not expired at `now`; what the waitlist offers them is not of their making.
///
/// # Errors
/// Whatever the database says.
pub async fn count_holds(db: &impl ConnectionTrait, client: UserId, now: Instant) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Column::HoldExpiresAt.gt(now))
        .filter(Column::Status.eq(SessionState::Held))
        .filter(waitlist_offer::is_offer().not())
        .count(db)
        .await
}

/// A session, whose row stays as it is until the transaction ends: for who does not hold the locks of its specialist and
/// its client.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id_locked(tx: &DatabaseTransaction, id: SessionId) -> Result<Option<Model>, DbErr> {
    let mut row = Entity::find_by_id(id);
    if tx.get_database_backend() == DbBackend::Postgres {
        row = row.lock_exclusive();
    }
    row.one(tx).await
}

/// A session by its id, whoever asks: for steps, which act for the session, and for admins.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, id: SessionId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The meeting that the sessions of a start have already; nothing when none of them blocks.
///
/// # Errors
/// Whatever the database says.
pub async fn meeting_of_group(db: &impl ConnectionTrait, group: SeatGroup) -> Result<Option<String>, DbErr> {
    let live = Entity::find()
        .filter(Column::SeatGroup.eq(group))
        .filter(Expr::cust(BLOCKING))
        .order_by_asc(Column::Seat)
        .one(db)
        .await?;
    Ok(live.map(|session| session.meeting()))
}

/// Whether any session that has the meeting still blocks its start.
///
/// # Errors
/// Whatever the database says.
pub async fn meeting_is_live(db: &impl ConnectionTrait, meeting: &str) -> Result<bool, DbErr> {
    let live = Entity::find()
        .filter(Column::MeetingKey.eq(meeting))
        .filter(Expr::cust(BLOCKING))
        .count(db)
        .await?;
    Ok(live > 0)
}

/// The sessions of a client that are held or confirmed.
///
/// # Errors
/// Whatever the database says.
pub async fn open_of_client(db: &impl ConnectionTrait, client: UserId) -> Result<Vec<SessionId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ClientId.eq(client))
        .filter(Column::Status.is_in([SessionState::Held, SessionState::Confirmed]))
        .order_by_asc(Column::StartsAt)
        .into_tuple()
        .all(db)
        .await
}

/// Whether a specialist has sessions that are held, or confirmed and not over.
///
/// # Errors
/// Whatever the database says.
pub async fn is_open_with(db: &impl ConnectionTrait, specialist: SpecialistId, now: Instant) -> Result<bool, DbErr> {
    let one = Entity::find()
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Column::EndsAt.gt(now))
        .filter(Column::Status.is_in([SessionState::Held, SessionState::Confirmed]))
        .one(db)
        .await?;
    Ok(one.is_some())
}

/// The sessions of a client whose runs have not ended.
///
/// Runs that began with the oldest flow put no end on record, so theirs are among them for good.
///
/// # Errors
/// Whatever the database says.
pub async fn unclosed_of_client(db: &impl ConnectionTrait, client: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Column::ClosedAt.is_null())
        .order_by_asc(Column::StartsAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// Up to `n` sessions whose close is not on record, behind `after` by their ids, and that were last changed by `before`.
///
/// # Errors
/// Whatever the database says.
pub async fn unclosed(
    db: &impl ConnectionTrait,
    after: Option<SessionId>,
    before: Instant,
    n: u64,
) -> Result<Vec<Model>, DbErr> {
    unclosed_query(after, before, n).all(db).await
}

/// The query of [`unclosed`], for whoever wants its plan.
#[must_use]
pub fn unclosed_query(after: Option<SessionId>, before: Instant, n: u64) -> Select<Entity> {
    let mut query = Entity::find()
        .filter(Column::ClosedAt.is_null())
        .filter(Column::UpdatedAt.lte(before))
        .order_by_asc(Column::Id)
        .limit(n);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    query
}

/// Sessions by their ids, in no order: few enough for one statement.
///
/// # Errors
/// Whatever the database says.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[SessionId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// Have the sessions of a deleted client refer to no text any more, under the client's lock.
///
/// When they were last changed stays: feeds would take what was called off long ago for news.
///
/// # Errors
/// Whatever the database says.
pub async fn drop_texts(tx: &DatabaseTransaction, client: UserId) -> Result<(), DbErr> {
    let with_text = Condition::any()
        .add(Column::NotesId.is_not_null())
        .add(Column::CancelReasonId.is_not_null());
    Entity::update_many()
        .col_expr(Column::NotesId, Expr::value(None::<TextId>))
        .col_expr(Column::CancelReasonId, Expr::value(None::<TextId>))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::ClientId.eq(client))
        .filter(with_text)
        .exec(tx)
        .await
        .map(drop)
}

/// Put on record that nothing can happen to a session any more; whether that was not on record before.
///
/// Its version stays: nothing that its people see changes. One that is held or confirmed is not over, whatever a run
/// believes that has not heard of it.
///
/// # Errors
/// Whatever the database says.
pub async fn close(tx: &DatabaseTransaction, id: SessionId, now: Instant) -> Result<bool, DbErr> {
    let closed = Entity::update_many()
        .col_expr(Column::ClosedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::ClosedAt.is_null())
        .filter(Column::Status.is_not_in([SessionState::Held, SessionState::Confirmed]))
        .exec(tx)
        .await?;
    Ok(closed.rows_affected > 0)
}

/// A session, when `user` booked it or is its specialist; which of the two, `client_id` tells.
///
/// # Errors
/// Whatever the database says.
pub async fn visible_to(db: &impl ConnectionTrait, user: UserId, id: SessionId) -> Result<Option<Model>, DbErr> {
    let theirs = Query::select()
        .column(specialist::Column::Id)
        .from(specialist::Entity)
        .and_where(specialist::Column::UserId.eq(user))
        .to_owned();
    let visible = Condition::any()
        .add(Column::ClientId.eq(user))
        .add(Column::SpecialistId.in_subquery(theirs));
    Entity::find_by_id(id).filter(visible).one(db).await
}

/// The pulses of sessions, in no order.
///
/// # Cost
/// One look into the primary key for each; a statement takes up to 16,384 ids.
///
/// # Errors
/// Whatever the database says.
pub async fn pulses(db: &impl ConnectionTrait, ids: &[SessionId]) -> Result<Vec<Pulse>, DbErr> {
    let mut pulses = Vec::new();
    for ids in ids.chunks(LONGEST_LIST) {
        // As many as the next power of two: a statement for every number of ids would fill each connection's cache.
        let filling = ids.len().next_power_of_two() - ids.len();
        let filling = ids.first().into_iter().cycle().take(filling);
        let found = Entity::find()
            .filter(Column::Id.is_in(ids.iter().chain(filling).copied()))
            .into_partial_model()
            .all(db)
            .await?;
        pulses.extend::<Vec<Pulse>>(found);
    }
    Ok(pulses)
}

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In one of these states; in any when empty.
    pub status: Vec<SessionState>,
    /// Starts then or later.
    pub from: Option<Instant>,
    /// Starts before.
    pub to: Option<Instant>,
    /// Where the page before ended: its last session's start and id.
    pub after: Option<(Instant, SessionId)>,
    /// How many at most.
    pub limit: u64,
}

impl Filter {
    fn apply(&self, query: Select<Entity>) -> Select<Entity> {
        let mut query = query.limit(self.limit);
        if !self.status.is_empty() {
            query = query.filter(Column::Status.is_in(self.status.iter().copied()));
        }
        if let Some(from) = self.from {
            query = query.filter(Column::StartsAt.gte(from));
        }
        if let Some(to) = self.to {
            query = query.filter(Column::StartsAt.lt(to));
        }
        query
    }
}

/// A page of a client's sessions, latest start first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_client(db: &impl ConnectionTrait, client: UserId, filter: &Filter) -> Result<Vec<Model>, DbErr> {
    of_client_query(client, filter).all(db).await
}

/// The query of [`of_client`], for whoever wants its plan.
#[must_use]
pub fn of_client_query(client: UserId, filter: &Filter) -> Select<Entity> {
    let mut query = filter.apply(Entity::find().filter(Column::ClientId.eq(client)));
    if let Some((starts_at, id)) = filter.after {
        query = query
            .filter(Column::StartsAt.lte(starts_at))
            .filter(behind(Column::StartsAt.lt(starts_at), id));
    }
    query.order_by_desc(Column::StartsAt).order_by_asc(Column::Id)
}

/// A page of the sessions of the specialist that `user` is, earliest start first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_specialist(db: &impl ConnectionTrait, user: UserId, filter: &Filter) -> Result<Vec<Model>, DbErr> {
    of_specialist_query(user, filter).all(db).await
}

/// The query of [`of_specialist`], for whoever wants its plan.
#[must_use]
pub fn of_specialist_query(user: UserId, filter: &Filter) -> Select<Entity> {
    // A scalar, so that the planner knows that it is one specialist and reads the index in its order.
    let specialist = Query::select()
        .column(specialist::Column::Id)
        .from(specialist::Entity)
        .and_where(specialist::Column::UserId.eq(user))
        .to_owned();
    let theirs = Column::SpecialistId.into_expr().eq(SimpleExpr::from(specialist));
    let mut query = filter.apply(Entity::find().filter(theirs));
    if let Some((starts_at, id)) = filter.after {
        query = query
            .filter(Column::StartsAt.gte(starts_at))
            .filter(behind(Column::StartsAt.gt(starts_at), id));
    }
    query.order_by_asc(Column::StartsAt).order_by_asc(Column::Id)
}

/// Insert a reserved session; the constraints of [`crate::fault`] decide.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, session: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(session))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// Change a session, raise its version and reserve `n_events` numbers for [`crate::session_event::insert`].
///
/// The row as it is now comes back, so that one statement does both.
///
/// # Errors
/// [`DbErr::RecordNotUpdated`] if there is no such session, or whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    id: SessionId,
    changes: ActiveModel,
    n_events: i32,
    now: Instant,
) -> Result<Model, DbErr> {
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::EventSeq, Expr::col(Column::EventSeq).add(n_events))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    changed.into_iter().next().ok_or(DbErr::RecordNotUpdated)
}

fn behind(past: SimpleExpr, id: SessionId) -> Condition {
    Condition::any().add(past).add(Column::Id.gt(id))
}
