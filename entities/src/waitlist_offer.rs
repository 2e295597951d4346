//! What was offered to those who wait. An offer is a session: how that stands decides how the offer ends.

use crate::{session, waitlist_entry};
use sea_orm::{
    ActiveValue::Set,
    Condition, DatabaseTransaction, JoinType, PaginatorTrait, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, Query, SimpleExpr},
};
use workflows::{
    ids::{OfferId, SessionId, SpecialistId, WaitlistEntryId},
    time::Instant,
    waitlist::{
        rules::{LAPSED_MINUTES, MAX_LAPSED, UNTOLD_REST_MINUTES, ending},
        state::{EntryState, OfferState},
    },
};

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "waitlist_offer")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OfferId,
    /// To whom.
    pub entry_id: WaitlistEntryId,
    /// Of whose list.
    pub specialist_id: SpecialistId,
    /// The session that is held for them.
    pub session_id: SessionId,
    /// The start that was offered.
    pub starts_at: Instant,
    /// When it ends.
    pub expires_at: Instant,
    /// Where it stands.
    pub status: OfferState,
    /// When it was made.
    pub created_at: Instant,
    /// When its mail was dealt with; never when it lapsed before.
    pub announced_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Option<Instant>,
}

/// What an offer refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// To whom it was made.
    #[sea_orm(
        belongs_to = "super::waitlist_entry::Entity",
        from = "Column::EntryId",
        to = "super::waitlist_entry::Column::Id"
    )]
    Entry,
    /// The session that it is.
    #[sea_orm(
        belongs_to = "super::session::Entity",
        from = "Column::SessionId",
        to = "super::session::Column::Id"
    )]
    Session,
}

impl Related<waitlist_entry::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Entry.def()
    }
}

impl Related<session::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Session.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// An offer and the session that it is, whoever asks: for steps, and for whoever shows a token that was signed for it.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, id: OfferId) -> Result<Option<(Model, session::Model)>, DbErr> {
    let found = Entity::find_by_id(id)
        .find_also_related(session::Entity)
        .one(db)
        .await?;
    Ok(found.and_then(|(offer, session)| Some((offer, session?))))
}

/// The open offers of these entries, with their sessions; one each at most.
///
/// # Errors
/// Whatever the database says.
pub async fn open_of(
    db: &impl ConnectionTrait,
    entries: impl IntoIterator<Item = WaitlistEntryId>,
) -> Result<Vec<(Model, session::Model)>, DbErr> {
    let found = Entity::find()
        .filter(Column::EntryId.is_in(entries))
        .filter(Column::Status.eq(OfferState::Offered))
        .find_also_related(session::Entity)
        .all(db)
        .await?;
    Ok(found
        .into_iter()
        .filter_map(|(offer, session)| Some((offer, session?)))
        .collect())
}

/// All offers that these entries have had, oldest first.
///
/// # Errors
/// Whatever the database says.
pub async fn all_of(
    db: &impl ConnectionTrait,
    entries: impl IntoIterator<Item = WaitlistEntryId>,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::EntryId.is_in(entries))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// Whether a session is an offer that is open.
///
/// # Errors
/// Whatever the database says.
pub async fn is_open(db: &impl ConnectionTrait, session: SessionId) -> Result<bool, DbErr> {
    let n = Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Status.eq(OfferState::Offered))
        .count(db)
        .await?;
    Ok(0 < n)
}

/// The starts that an entry is not to be offered at `now`, because it was before.
///
/// What lapsed before its client was told of it is not among them, once it has rested.
///
/// # Errors
/// Whatever the database says.
pub async fn starts_of(db: &impl ConnectionTrait, entry: WaitlistEntryId, now: Instant) -> Result<Vec<Instant>, DbErr> {
    let counts = Condition::any()
        .add(Column::Status.ne(OfferState::Lapsed))
        .add(Column::AnnouncedAt.is_not_null())
        .add(Column::EndedAt.gt(now.plus_minutes(-UNTOLD_REST_MINUTES)));
    Entity::find()
        .select_only()
        .column(Column::StartsAt)
        .filter(Column::EntryId.eq(entry))
        .filter(counts)
        .into_tuple()
        .all(db)
        .await
}

/// When the first of those that lapsed untold will have rested, of places in a specialist's line that still wait.
///
/// # Errors
/// Whatever the database says.
pub async fn next_rested(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    now: Instant,
) -> Result<Option<Instant>, DbErr> {
    let ended: Option<Option<Instant>> = Entity::find()
        .select_only()
        .column(Column::EndedAt)
        .join(JoinType::InnerJoin, Relation::Entry.def())
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Column::AnnouncedAt.is_null())
        .filter(Column::Status.eq(OfferState::Lapsed))
        .filter(Column::EndedAt.gt(now.plus_minutes(-UNTOLD_REST_MINUTES)))
        .filter(waitlist_entry::Column::Status.eq(EntryState::Waiting))
        .order_by_asc(Column::EndedAt)
        .into_tuple()
        .one(db)
        .await?;
    Ok(ended.flatten().map(|at| at.plus_minutes(UNTOLD_REST_MINUTES)))
}

/// How many offers an entry has had.
///
/// # Errors
/// Whatever the database says.
pub async fn count_of(db: &impl ConnectionTrait, entry: WaitlistEntryId) -> Result<u64, DbErr> {
    Entity::find().filter(Column::EntryId.eq(entry)).count(db).await
}

/// About which offers something may be to be done, spelled out: the planner takes a partial index only for a condition
/// that it can read.
const TO_ATTEND: &str = "(announced_at IS NULL OR waitlist_offer.status = 'withdrawn')";

/// The offers of a specialist's list about which something is to be done, up to `n` behind the offer `after`, oldest
/// first: those not announced yet, and those withdrawn, as long as their session's run has not ended.
///
/// # Errors
/// Whatever the database says.
pub async fn to_attend(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    after: Option<OfferId>,
    n: u64,
) -> Result<Vec<Model>, DbErr> {
    let after = match after {
        Some(id) => Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let mut query = to_attend_query(specialist).limit(n);
    if let Some(Model { id, created_at, .. }) = after {
        let behind = Column::CreatedAt.gt(created_at).or(Column::Id.gt(id));
        query = query.filter(Column::CreatedAt.gte(created_at)).filter(behind);
    }
    query.all(db).await
}

/// The query of [`to_attend`], for whoever wants its plan.
#[must_use]
pub fn to_attend_query(specialist: SpecialistId) -> Select<Entity> {
    Entity::find()
        .join(JoinType::InnerJoin, Relation::Session.def())
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Expr::cust(TO_ATTEND))
        .filter(session::Column::ClosedAt.is_null())
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
}

/// Up to `n` specialists, behind `after` by their ids, about whose offers something is to be done since `before` at the
/// latest, as in [`to_attend`].
///
/// # Errors
/// Whatever the database says.
pub async fn attended_by(
    db: &impl ConnectionTrait,
    after: Option<SpecialistId>,
    before: Instant,
    n: u64,
) -> Result<Vec<SpecialistId>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::SpecialistId)
        .distinct()
        .join(JoinType::InnerJoin, Relation::Session.def())
        .filter(Expr::cust(TO_ATTEND))
        .filter(session::Column::ClosedAt.is_null())
        .filter(session::Column::UpdatedAt.lte(before))
        .order_by_asc(Column::SpecialistId)
        .limit(n);
    if let Some(after) = after {
        query = query.filter(Column::SpecialistId.gt(after));
    }
    query.into_tuple().all(db).await
}

/// Insert an offer; the constraints of [`crate::fault`] decide.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, offer: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(offer))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// Its mail has been dealt with.
///
/// One that has lapsed stays as it is: it did so before its client was told.
///
/// # Errors
/// Whatever the database says.
pub async fn announced(tx: &DatabaseTransaction, id: OfferId, now: Instant) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::AnnouncedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.ne(OfferState::Lapsed))
        .exec(tx)
        .await
        .map(drop)
}

/// End the offer that a session is, if it is one and open; who had it.
///
/// # Errors
/// Whatever the database says.
pub async fn end(
    tx: &DatabaseTransaction,
    session: SessionId,
    as_what: OfferState,
    now: Instant,
) -> Result<Option<WaitlistEntryId>, DbErr> {
    let ended = Entity::update_many()
        .set(ActiveModel {
            status: Set(as_what),
            ended_at: Set(Some(now)),
            ..Default::default()
        })
        .filter(Column::SessionId.eq(session))
        .filter(Column::Status.eq(OfferState::Offered))
        .exec_with_returning(tx)
        .await?;
    Ok(ended.into_iter().next().map(|offer| offer.entry_id))
}

/// Have an offer end as its session has just changed: part of every change of a session, in its transaction.
///
/// Who declines keeps the place, for other starts; so does who lets an offer lapse, once, or was not told of it.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// Nothing for sessions that were not a hold, else one look by the session.
pub async fn follow(
    tx: &DatabaseTransaction,
    was_hold: bool,
    session: &session::Model,
    now: Instant,
) -> Result<(), DbErr> {
    let Some(ended) = ending(session.status, session.hold_expires_at).filter(|_| was_hold) else {
        return Ok(());
    };
    let Some(entry) = end(tx, session.id, ended, now).await? else {
        return Ok(());
    };
    let next = match ended {
        OfferState::Accepted => EntryState::Accepted,
        OfferState::Lapsed if MAX_LAPSED <= count_lapsed(tx, session, now).await? => EntryState::Closed,
        _ => EntryState::Waiting,
    };
    waitlist_entry::change(tx, entry, EntryState::Offered, next, now).await?;
    Ok(())
}

/// How many offers of this specialist the session's client has let lapse lately.
async fn count_lapsed(tx: &DatabaseTransaction, session: &session::Model, now: Instant) -> Result<u64, DbErr> {
    Entity::find()
        .join(JoinType::InnerJoin, Relation::Entry.def())
        .filter(waitlist_entry::Column::ClientId.eq(session.client_id))
        .filter(waitlist_entry::Column::SpecialistId.eq(session.specialist_id))
        .filter(Column::Status.eq(OfferState::Lapsed))
        .filter(Column::AnnouncedAt.is_not_null())
        .filter(Column::EndedAt.gt(now.plus_minutes(-LAPSED_MINUTES)))
        .count(tx)
        .await
}

/// The condition that a session is an offer.
pub(crate) fn is_offer() -> SimpleExpr {
    let offer = Query::select()
        .expr(Expr::val(1))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::SessionId)).equals((session::Entity, session::Column::Id)))
        .to_owned();
    Expr::exists(offer)
}
