//! Devices that push messages go to.

use sea_orm::{
    DatabaseTransaction, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{CaseStatement, ExprTrait, OnConflict},
};
use workflows::{ids::UserId, time::Instant};

/// How many devices a person has at most; the one seen longest ago gives way.
pub const MOST: u64 = 20;

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device")]
pub struct Model {
    /// What the platform's push service knows it by.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token: String,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is.
    pub platform: Platform,
    /// Since when it is theirs.
    pub created_at: Instant,
    /// When it was last registered.
    pub last_seen_at: Instant,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Platform {
    /// An iPhone or iPad.
    Ios,
    /// An Android device.
    Android,
    /// A browser.
    Web,
}

/// What a device refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Register a device of `user`, under the user's lock; one that was somebody else's is theirs from now on.
///
/// # Errors
/// Whatever the database says.
pub async fn register(
    tx: &DatabaseTransaction,
    user: UserId,
    token: &str,
    platform: Platform,
    now: Instant,
) -> Result<Model, DbErr> {
    let row = Model {
        token: token.to_owned(),
        user_id: user,
        platform,
        created_at: now,
        last_seen_at: now,
    };
    let since = CaseStatement::new()
        .case(
            Expr::col((Entity, Column::UserId)).eq(user),
            Expr::col((Entity, Column::CreatedAt)),
        )
        .finally(Expr::cust("excluded.created_at"));
    let seen_again = OnConflict::column(Column::Token)
        .update_columns([Column::UserId, Column::Platform, Column::LastSeenAt])
        .value(Column::CreatedAt, since)
        .to_owned();
    let row = Entity::insert(ActiveModel::from(row))
        .on_conflict(seen_again)
        .exec_with_returning(tx)
        .await?;
    let too_many: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Token)
        .filter(Column::UserId.eq(user))
        .filter(Column::Token.ne(token))
        .order_by_desc(Column::LastSeenAt)
        .order_by_asc(Column::Token)
        // SQLite takes no offset without a limit.
        .limit(MOST)
        .offset(MOST - 1)
        .into_tuple()
        .all(tx)
        .await?;
    if !too_many.is_empty() {
        Entity::delete_many()
            .filter(Column::Token.is_in(too_many))
            .exec(tx)
            .await?;
    }
    Ok(row)
}

/// The devices of `user`, the first registered first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Token)
        .all(db)
        .await
}

/// Forget a device of `user`, if it is one.
///
/// # Errors
/// Whatever the database says.
pub async fn remove(tx: &DatabaseTransaction, user: UserId, token: &str) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .filter(Column::Token.eq(token))
        .exec(tx)
        .await
        .map(drop)
}

/// Forget every device of `user`.
///
/// # Errors
/// Whatever the database says.
pub async fn remove_all(tx: &DatabaseTransaction, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .exec(tx)
        .await
        .map(drop)
}
