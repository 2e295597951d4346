//! Who is told of sessions by webhook.

use crate::column::{Sealed, Words};
use sea_orm::{
    ActiveValue::Set,
    Condition, DatabaseTransaction, DbBackend, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, LockType},
};
use workflows::{
    ids::{SessionId, WebhookId},
    time::Instant,
};

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it is told; everything when empty.
    pub event_types: Words,
    /// Who is told when it is disabled.
    pub notify_email: String,
    /// Whether it is told at all.
    pub enabled: bool,
    /// Since when it is not.
    pub disabled_at: Option<Instant>,
    /// Why.
    pub disabled_reason: Option<Disabled>,
    /// The session of which it was told when it was disabled by itself.
    pub disabled_by: Option<SessionId>,
    /// When somebody was told of that.
    pub notified_at: Option<Instant>,
    /// Signs what it is told.
    pub secret: Sealed,
    /// Signs as well, for a while, since the secret was changed.
    pub previous_secret: Option<Sealed>,
    /// Until then.
    pub previous_secret_until: Option<Instant>,
    /// Raised by every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

/// Why an endpoint is not told any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Disabled {
    /// Somebody wanted it so.
    ByAdmin,
    /// Nothing reached it for three days.
    Failing,
    /// It answered 410.
    Gone,
}

impl Model {
    /// Whether it wants to be told of that.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        let Words(wanted) = &self.event_types;
        wanted.is_empty() || wanted.iter().any(|one| one == event_type)
    }
}

/// What an endpoint refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An endpoint by its id.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, id: WebhookId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The same, which nobody else changes until the transaction ends; events go on to be written down for it.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id_locked(tx: &DatabaseTransaction, id: WebhookId) -> Result<Option<Model>, DbErr> {
    locked(tx, id, LockType::NoKeyUpdate).await
}

/// The same, to be removed: nothing is written down for it meanwhile.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id_to_remove(tx: &DatabaseTransaction, id: WebhookId) -> Result<Option<Model>, DbErr> {
    locked(tx, id, LockType::Update).await
}

async fn locked(tx: &DatabaseTransaction, id: WebhookId, how: LockType) -> Result<Option<Model>, DbErr> {
    let mut row = Entity::find_by_id(id);
    if tx.get_database_backend() == DbBackend::Postgres {
        row = row.lock(how);
    }
    row.one(tx).await
}

/// All of them: there are a few.
///
/// # Errors
/// Whatever the database says.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::Id).all(db).await
}

/// A page of them, oldest first; `after` is the last of the page before.
///
/// # Errors
/// Whatever the database says.
pub async fn page(
    db: &impl ConnectionTrait,
    after: Option<(Instant, WebhookId)>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().limit(limit);
    if let Some((created_at, id)) = after {
        let behind = Condition::any()
            .add(Column::CreatedAt.gt(created_at))
            .add(Column::Id.gt(id));
        query = query.filter(Column::CreatedAt.gte(created_at)).filter(behind);
    }
    query
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// Store one.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, endpoint: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(endpoint))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// Change one and raise its version; the row as it is then.
///
/// # Errors
/// [`DbErr::RecordNotUpdated`] if there is no such endpoint, or whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    id: WebhookId,
    changes: ActiveModel,
    now: Instant,
) -> Result<Model, DbErr> {
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    changed.into_iter().next().ok_or(DbErr::RecordNotUpdated)
}

/// The columns of one that is told no more.
#[must_use]
pub fn disabled(reason: Disabled, by: Option<SessionId>, now: Instant) -> ActiveModel {
    ActiveModel {
        enabled: Set(false),
        disabled_at: Set(Some(now)),
        disabled_reason: Set(Some(reason)),
        disabled_by: Set(by),
        notified_at: Set(None),
        ..Default::default()
    }
}

/// The columns of one that is told again.
#[must_use]
pub fn enabled() -> ActiveModel {
    ActiveModel {
        enabled: Set(true),
        disabled_at: Set(None),
        disabled_reason: Set(None),
        disabled_by: Set(None),
        notified_at: Set(None),
        ..Default::default()
    }
}

/// Somebody was told that it is disabled.
///
/// # Errors
/// Whatever the database says.
pub async fn notified(tx: &DatabaseTransaction, id: WebhookId, now: Instant) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::NotifiedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await
        .map(drop)
}

/// Remove one; its deliveries are gone already.
///
/// # Errors
/// Whatever the database says.
pub async fn delete(tx: &DatabaseTransaction, id: WebhookId) -> Result<(), DbErr> {
    Entity::delete_by_id(id).exec(tx).await.map(drop)
}
