//! Places in the waitlists of specialists.

use crate::{
    column::unsigned,
    follow_up::{self, Work},
};
use sea_orm::{
    ActiveValue::Set,
    DatabaseTransaction, PaginatorTrait, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, SimpleExpr},
};
use workflows::{
    ids::{ServiceId, SpecialistId, UserId, WaitlistEntryId},
    slots::{error::SlotsError, schedule::Zone},
    time::Instant,
    waitlist::{rules::Wish, state::EntryState},
};

/// A place in line.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "waitlist_entry")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WaitlistEntryId,
    /// For whom is waited.
    pub specialist_id: SpecialistId,
    /// Who waits.
    pub client_id: UserId,
    /// For what.
    pub service_id: ServiceId,
    /// The place in the specialist's line; rises, and is never given twice.
    pub place: i64,
    /// A session starts then or later.
    pub from_at: Instant,
    /// A session starts before.
    pub to_at: Instant,
    /// The start's time of day is this or later, in minutes since midnight.
    pub earliest_minute: Option<i32>,
    /// The start's time of day is this or earlier.
    pub latest_minute: Option<i32>,
    /// IANA name of the zone of the two.
    pub time_zone: String,
    /// The same where its client named it: then it is the zone of the session offered, too.
    pub named_zone: Option<String>,
    /// Where they stand.
    pub status: EntryState,
    /// Since when they wait.
    pub created_at: Instant,
    /// When the row was last changed.
    pub updated_at: Instant,
}

impl Model {
    /// Which starts would do.
    ///
    /// # Errors
    /// [`SlotsError::UnknownZone`] if the bundled tz database does not have the zone.
    pub fn wish(&self) -> Result<Wish, SlotsError> {
        Ok(Wish {
            from: self.from_at,
            to: self.to_at,
            zone: Zone::new(&self.time_zone)?,
            earliest_minute: self.earliest_minute.map(unsigned),
            latest_minute: self.latest_minute.map(unsigned),
        })
    }
}

/// What an entry refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Who is in line, spelled out: the planner takes a partial index only for a condition that it can read.
const WAITING: &str = "status = 'waiting'";
/// Who has a place that may still lead to a session.
const OPEN: &str = "status IN ('waiting', 'offered')";

/// An entry by its id: for steps, which act for its client.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, id: WaitlistEntryId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// An entry of a client's own.
///
/// # Errors
/// Whatever the database says.
pub async fn of_client_by_id(
    db: &impl ConnectionTrait,
    client: UserId,
    id: WaitlistEntryId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).filter(Column::ClientId.eq(client)).one(db).await
}

/// A page of a client's entries, newest first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_client(
    db: &impl ConnectionTrait,
    client: UserId,
    after: Option<(Instant, WaitlistEntryId)>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::ClientId.eq(client)).limit(limit);
    if let Some((created_at, id)) = after {
        let behind = Column::CreatedAt.lt(created_at).or(Column::Id.gt(id));
        query = query.filter(Column::CreatedAt.lte(created_at)).filter(behind);
    }
    query
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// The place that a client has for a service, if any.
///
/// # Errors
/// Whatever the database says.
pub async fn open_of_client(
    db: &impl ConnectionTrait,
    client: UserId,
    service: ServiceId,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Column::ServiceId.eq(service))
        .filter(Expr::cust(OPEN))
        .one(db)
        .await
}

/// The places that a client has, oldest first; each may still lead to a session.
///
/// # Errors
/// Whatever the database says.
pub async fn all_open_of_client(db: &impl ConnectionTrait, client: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Expr::cust(OPEN))
        .order_by_asc(Column::Place)
        .all(db)
        .await
}

/// In how many lines a client is.
///
/// # Errors
/// Whatever the database says.
pub async fn count_open(db: &impl ConnectionTrait, client: UserId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .filter(Expr::cust(OPEN))
        .count(db)
        .await
}

/// Up to `n` who wait for a specialist, first in line first, behind the place `after`.
///
/// # Errors
/// Whatever the database says.
pub async fn line(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    after: Option<i64>,
    n: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = of_line(specialist).limit(n);
    if let Some(after) = after {
        query = query.filter(Column::Place.gt(after));
    }
    query.order_by_asc(Column::Place).all(db).await
}

/// When the first range of those who wait for a specialist is over; nothing when nobody waits.
///
/// # Errors
/// Whatever the database says.
pub async fn first_end(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<Option<Instant>, DbErr> {
    let first = of_line(specialist).order_by_asc(Column::ToAt).one(db).await?;
    Ok(first.map(|entry| entry.to_at))
}

/// The query of those who wait for a specialist, for whoever wants its plan.
#[must_use]
pub fn of_line(specialist: SpecialistId) -> Select<Entity> {
    Entity::find()
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Expr::cust(WAITING))
}

/// The last place given in a specialist's line; under the specialist's lock.
///
/// # Errors
/// Whatever the database says.
pub async fn last_place(tx: &DatabaseTransaction, specialist: SpecialistId) -> Result<i64, DbErr> {
    let last = Entity::find()
        .filter(Column::SpecialistId.eq(specialist))
        .order_by_desc(Column::Place)
        .one(tx)
        .await?;
    Ok(last.map_or(0, |entry| entry.place))
}

/// Insert an entry; the constraints of [`crate::fault`] decide.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, entry: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(entry))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// Change where an entry stands, if it stands at `from`; whether it did.
///
/// # Errors
/// Whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    id: WaitlistEntryId,
    from: EntryState,
    to: EntryState,
    now: Instant,
) -> Result<bool, DbErr> {
    let n = set(to, now).filter(Column::Id.eq(id)).filter(Column::Status.eq(from));
    Ok(0 < n.exec(tx).await?.rows_affected)
}

/// Close the entries of a specialist's line whose range is over.
///
/// # Errors
/// Whatever the database says.
pub async fn close_over(tx: &DatabaseTransaction, specialist: SpecialistId, now: Instant) -> Result<(), DbErr> {
    set(EntryState::Closed, now)
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Expr::cust(WAITING))
        .filter(Column::ToAt.lte(now))
        .exec(tx)
        .await
        .map(drop)
}

fn set(status: EntryState, now: Instant) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many().set(ActiveModel {
        status: Set(status),
        updated_at: Set(now),
        ..Default::default()
    })
}

/// Have the list of a specialist looked at, if and when this transaction commits: something has become free, or may have.
///
/// Under the specialist's lock, like every change that frees something; nothing is written while nobody waits.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// One look into an index that holds only those who wait.
pub async fn slot_freed(tx: &DatabaseTransaction, specialist: SpecialistId, now: Instant) -> Result<(), DbErr> {
    if is_waited_for(tx, specialist).await? {
        follow_up::insert(tx, Work::SlotFreed { specialist }, now).await?;
    }
    Ok(())
}

/// As [`slot_freed`], for the lists in which `client` waits: something of theirs is no more in the way of an offer. The
/// list of `woken` is looked at anyway.
///
/// Under the client's lock, like joining.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// One look into an index that holds only open places, of which a client has [`MAX_OPEN`] at most.
///
/// [`MAX_OPEN`]: workflows::waitlist::rules::MAX_OPEN
pub async fn client_freed(
    tx: &DatabaseTransaction,
    client: UserId,
    woken: Option<SpecialistId>,
    now: Instant,
) -> Result<(), DbErr> {
    let specialists: Vec<SpecialistId> = Entity::find()
        .select_only()
        .column(Column::SpecialistId)
        .distinct()
        .filter(Column::ClientId.eq(client))
        // Implied by the other, and what the index says.
        .filter(Expr::cust(OPEN))
        .filter(Expr::cust(WAITING))
        .into_tuple()
        .all(tx)
        .await?;
    for specialist in specialists {
        if Some(specialist) != woken {
            follow_up::insert(tx, Work::SlotFreed { specialist }, now).await?;
        }
    }
    Ok(())
}

/// Up to `n` specialists, behind `after` by their ids, for whom somebody waits since `before` at the latest.
///
/// # Errors
/// Whatever the database says.
pub async fn waited_for(
    db: &impl ConnectionTrait,
    after: Option<SpecialistId>,
    before: Instant,
    n: u64,
) -> Result<Vec<SpecialistId>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::SpecialistId)
        .distinct()
        .filter(Expr::cust(WAITING))
        .filter(Column::UpdatedAt.lte(before))
        .order_by_asc(Column::SpecialistId)
        .limit(n);
    if let Some(after) = after {
        query = query.filter(Column::SpecialistId.gt(after));
    }
    query.into_tuple().all(db).await
}

/// Whether anybody waits for a specialist.
///
/// # Errors
/// Whatever the database says.
pub async fn is_waited_for(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<bool, DbErr> {
    let one: Option<i64> = of_line(specialist)
        .select_only()
        .expr_as(SimpleExpr::from(Column::Place.into_expr()), "place")
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(one.is_some())
}
