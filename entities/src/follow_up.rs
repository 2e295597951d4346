//! What must happen elsewhere because a row has changed: written in the transaction of the change, done by the workers,
//! at least once, whoever dies in between.

use crate::{db::Db, profile, specialist};
use sea_orm::{
    ActiveValue::Set,
    Condition, DatabaseTransaction, DbBackend, FromJsonQueryResult, Order, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, LockBehavior, LockType, NullOrdering},
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use workflows::{
    ids::{BusyFeedId, FollowUpId, SessionId, SpecialistId, UserId, WebhookId},
    time::Instant,
};

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "follow_up")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FollowUpId,
    /// What.
    pub work: Work,
    /// When the row changed.
    pub created_at: Instant,
    /// A worker has it until then.
    pub taken_until: Option<Instant>,
    /// How often it has been taken.
    pub attempts: i32,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// A profile says something else about reminders, zone or language: its client's open sessions are told.
    ProfileChanged {
        /// Whose.
        user: UserId,
        /// Whether the zone is another one.
        time_zone: bool,
    },
    /// Something of a specialist has become free, or may have: their waitlist is looked at.
    SlotFreed {
        /// Whose.
        specialist: SpecialistId,
    },
    /// A specialist is presented otherwise: profile, services, policies, schedule or rating. Its copies are dropped.
    SpecialistChanged {
        /// Who.
        specialist: SpecialistId,
    },
    /// Busy feeds are new or removed: their runs begin, or notice.
    BusyFeedsChanged {
        /// Which.
        feeds: Vec<BusyFeedId>,
    },
    /// There is something to tell by webhook of a session.
    SessionTold {
        /// Which.
        session: SessionId,
    },
    /// An endpoint is to be told of a session anew, or no more.
    WebhookChanged {
        /// Which.
        endpoint: WebhookId,
        /// Of which session.
        session: SessionId,
    },
    /// A profile says something else, whatever it is: its copies are dropped.
    ProfileCopied {
        /// Whose.
        user: UserId,
    },
    /// Of a newer release: left to its workers.
    #[serde(other)]
    Unknown,
}

impl Work {
    /// The keys of the copies that it has dropped, if that is what it is about.
    #[must_use]
    pub fn copies(&self) -> Vec<String> {
        match self {
            Self::SpecialistChanged { specialist } => specialist::copies(*specialist).into(),
            Self::ProfileCopied { user } => vec![profile::place(*user).key().to_owned()],
            Self::ProfileChanged { .. }
            | Self::SlotFreed { .. }
            | Self::BusyFeedsChanged { .. }
            | Self::SessionTold { .. }
            | Self::WebhookChanged { .. }
            | Self::Unknown => Vec::new(),
        }
    }
}

/// What it refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Have something done, if and when this transaction commits.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, work: Work, now: Instant) -> Result<(), DbErr> {
    insert_all(tx, vec![work], now).await
}

/// The same with several things.
///
/// # Errors
/// Whatever the database says.
pub async fn insert_all(tx: &DatabaseTransaction, works: Vec<Work>, now: Instant) -> Result<(), DbErr> {
    let rows = works.into_iter().map(|work| ActiveModel {
        id: Set(FollowUpId(Uuid::now_v7())),
        work: Set(work),
        created_at: Set(now),
        taken_until: Set(None),
        attempts: Set(0),
    });
    let rows: Vec<_> = rows.collect();
    for some in rows.chunks(1_000) {
        Entity::insert_many(some.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Take up to `n` that nobody has, those that nobody ever had first, until `until`; several workers at once take different ones.
///
/// # Errors
/// Whatever the database says.
pub async fn take(db: &Db, n: u64, now: Instant, until: Instant) -> Result<Vec<Model>, DbErr> {
    let free = Condition::any()
        .add(Column::TakenUntil.is_null())
        .add(Column::TakenUntil.lte(now));
    // Looked for outside of a transaction first: most of the time there is nothing, and nobody is kept from writing.
    if Entity::find().filter(free.clone()).one(db.reader()).await?.is_none() {
        return Ok(Vec::new());
    }
    let tx = db.begin_write().await?;
    let mut wanted = Entity::find()
        .filter(free)
        // New ones before those that wait for something that is away, or many of these would keep everything else back.
        .order_by_with_nulls(Column::TakenUntil, Order::Asc, NullOrdering::First)
        .order_by_asc(Column::Id)
        .limit(n);
    if tx.get_database_backend() == DbBackend::Postgres {
        wanted = wanted.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let taken = wanted.all(&tx).await?;
    Entity::update_many()
        .col_expr(Column::TakenUntil, Expr::value(until))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.is_in(taken.iter().map(|row| row.id)))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(taken)
}

/// How many there are, and since when the oldest waits.
///
/// # Errors
/// Whatever the database says.
pub async fn pending(db: &impl ConnectionTrait) -> Result<(u64, Option<Instant>), DbErr> {
    let found: Option<(i64, Option<Instant>)> = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "pending")
        .column_as(Column::CreatedAt.min(), "oldest")
        .into_tuple()
        .one(db)
        .await?;
    let (pending, oldest) = found.unwrap_or_default();
    Ok((u64::try_from(pending).unwrap_or_default(), oldest))
}

/// It is done.
///
/// # Errors
/// Whatever the database says.
pub async fn done(db: &Db, id: FollowUpId) -> Result<(), DbErr> {
    let tx = db.begin_write().await?;
    Entity::delete_by_id(id).exec(&tx).await?;
    tx.commit().await
}

/// It could not be done: to be taken again from `at` on, sooner than after a worker that died.
///
/// # Errors
/// Whatever the database says.
pub async fn put_back(db: &Db, id: FollowUpId, at: Instant) -> Result<(), DbErr> {
    let tx = db.begin_write().await?;
    Entity::update_many()
        .col_expr(Column::TakenUntil, Expr::value(at))
        .filter(Column::Id.eq(id))
        .exec(&tx)
        .await?;
    tx.commit().await
}

/// The keys of copies that should have been dropped by `before`, and of which nobody knows that they were.
///
/// Nothing stands for more than a thousand of them.
///
/// # Errors
/// Whatever the database says.
pub async fn overdue_copies(db: &impl ConnectionTrait, before: Instant) -> Result<Option<HashSet<String>>, DbErr> {
    const MOST: usize = 1_000;
    let rows = Entity::find()
        .filter(Expr::cust("work->>'kind' IN ('specialist_changed', 'profile_copied')"))
        .filter(Column::CreatedAt.lt(before))
        .limit(MOST as u64 + 1)
        .all(db)
        .await?;
    Ok((rows.len() <= MOST).then(|| rows.iter().flat_map(|row| row.work.copies()).collect()))
}
