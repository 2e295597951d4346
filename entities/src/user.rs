//! People with a login. The row is made when a token is first seen and stays when the account is deleted.

use crate::{
    column::{OffsetsMinutes, Words},
    db::lock_client,
    profile,
};
use sea_orm::{
    ActiveValue::Set,
    DatabaseTransaction, QueryOrder, QuerySelect, TryInsertResult,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict},
};
use std::collections::HashMap;
use workflows::{ids::UserId, time::Instant};

/// A person with a login.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    /// The `sub` of the person's tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// When a token was first seen.
    pub created_at: Instant,
    /// When the account was deleted; it never comes back.
    pub deleted_at: Option<Instant>,
    /// When nothing of the person was left, here and at the identity provider.
    pub erased_at: Option<Instant>,
}

/// What a user refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The person's profile.
    #[sea_orm(has_one = "super::profile::Entity")]
    Profile,
}

impl Related<profile::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Profile.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// Up to `n` people, behind `after` by their ids, who have been leaving since `before` at the latest.
///
/// # Errors
/// Whatever the database says.
pub async fn leaving(
    db: &impl ConnectionTrait,
    after: Option<UserId>,
    before: Instant,
    n: u64,
) -> Result<Vec<UserId>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DeletedAt.is_not_null())
        .filter(Column::ErasedAt.is_null())
        .filter(Column::DeletedAt.lte(before))
        .order_by_asc(Column::Id)
        .limit(n);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    query.into_tuple().all(db).await
}

/// What is known of the bearer of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// Has a profile.
    Active(Box<profile::Model>),
    /// Was deleted, or is being: the token is refused.
    Deleted,
}

/// The row of `user`.
///
/// # Errors
/// Whatever the database says.
pub async fn find(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(user).one(db).await
}

/// Which of `users` have an account, and whether it stands; people who were never seen are left out.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// One look into the primary key for each.
pub async fn standing(db: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, bool>, DbErr> {
    let found: Vec<(UserId, Option<Instant>)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::DeletedAt])
        .filter(Column::Id.is_in(users.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    let stands = |(id, deleted_at): (UserId, Option<Instant>)| (id, deleted_at.is_none());
    Ok(found.into_iter().map(stands).collect())
}

/// The account of `user`; nothing when the person was never seen, see [`first_sight`].
///
/// # Errors
/// Whatever the database says.
pub async fn account(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Account>, DbErr> {
    let found = Entity::find_by_id(user)
        .find_also_related(profile::Entity)
        .one(db)
        .await?;
    Ok(found.map(|found| match found {
        (Model { deleted_at: None, .. }, Some(profile)) => Account::Active(Box::new(profile)),
        _ => Account::Deleted,
    }))
}

/// Make user and profile when `user` is seen for the first time; a second time changes nothing.
///
/// A deleted person is never made again.
///
/// # Errors
/// Whatever the database says.
pub async fn first_sight(
    tx: &DatabaseTransaction,
    user: UserId,
    email: &str,
    name: Option<&str>,
    now: Instant,
) -> Result<Account, DbErr> {
    // Deleting an account takes the same lock, so that no profile appears behind its back.
    lock_client(tx, user).await?;
    let row = ActiveModel {
        id: Set(user),
        created_at: Set(now),
        deleted_at: Set(None),
        erased_at: Set(None),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    if let TryInsertResult::Inserted(1) = inserted {
        let profile = profile::Model {
            user_id: user,
            name: name.unwrap_or_default().to_owned(),
            email: email.to_owned(),
            birth_date: None,
            time_zone: "UTC".to_owned(),
            locale: "en".to_owned(),
            reminder_offsets: OffsetsMinutes(vec![24 * 60, 60]),
            channels: Words(vec!["email".to_owned(), "push".to_owned()]),
            version: 1,
            updated_at: now,
            email_as_of: Some(now),
        };
        profile::Entity::insert(profile::ActiveModel::from(profile))
            .exec_without_returning(tx)
            .await?;
    }
    account(tx, user)
        .await
        .map(|account| account.unwrap_or(Account::Deleted))
}

/// Mark the account as deleted, under [`lock_client`]; the first mark stays. Copies of the profile are dropped.
///
/// # Errors
/// Whatever the database says.
pub async fn mark_deleted(tx: &DatabaseTransaction, user: UserId, now: Instant) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(user),
        created_at: Set(now),
        deleted_at: Set(Some(now)),
        erased_at: Set(None),
    };
    let keep_first = OnConflict::column(Column::Id)
        .value(
            Column::DeletedAt,
            Expr::col((Entity, Column::DeletedAt)).if_null(Expr::cust("excluded.deleted_at")),
        )
        .to_owned();
    Entity::insert(row)
        .on_conflict(keep_first)
        .exec_without_returning(tx)
        .await?;
    profile::drop_copies(tx, user, now).await
}

/// Whether the account of `user` was deleted; not of somebody never seen.
///
/// # Errors
/// Whatever the database says.
pub async fn is_deleted(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    Ok(find(db, user).await?.is_some_and(|user| user.deleted_at.is_some()))
}

/// Which of `users` have a deleted account.
///
/// # Errors
/// Whatever the database says.
pub async fn deleted_among(db: &impl ConnectionTrait, users: Vec<UserId>) -> Result<Vec<UserId>, DbErr> {
    let gone = Entity::find()
        .filter(Column::Id.is_in(users))
        .filter(Column::DeletedAt.is_not_null());
    Ok(gone.all(db).await?.into_iter().map(|user| user.id).collect())
}

/// Nothing of a deleted person is left; whether that was not on record before.
///
/// # Errors
/// Whatever the database says.
pub async fn mark_erased(tx: &DatabaseTransaction, user: UserId, now: Instant) -> Result<bool, DbErr> {
    let marked = Entity::update_many()
        .col_expr(Column::ErasedAt, Expr::value(now))
        .filter(Column::Id.eq(user))
        .filter(Column::ErasedAt.is_null())
        .exec(tx)
        .await?;
    Ok(0 < marked.rows_affected)
}
