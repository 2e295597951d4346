//! What people say about themselves, and how they want to be told.

use crate::{
    cache::{changes, copies::Place},
    column::{LocalDate, OffsetsMinutes, Words},
    follow_up::{self, Work},
};
use sea_orm::{DatabaseTransaction, entity::prelude::*, sea_query::ExprTrait};
use std::time::Duration;
use workflows::{ids::UserId, time::Instant};

/// A person's profile.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profile")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// How to be addressed.
    pub name: String,
    /// Where mails go.
    pub email: String,
    /// For daily insights.
    pub birth_date: Option<LocalDate>,
    /// IANA name of the zone that mails are written in.
    pub time_zone: String,
    /// Language of mails, a BCP 47 tag.
    pub locale: String,
    /// When to be reminded of a session.
    pub reminder_offsets: OffsetsMinutes,
    /// How to be told: `email`, `push`.
    pub channels: Words,
    /// Raised by every change.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: Instant,
    /// When the identity provider said that address.
    pub email_as_of: Option<Instant>,
}

/// What a profile refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Whose it is.
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::UserId",
        to = "super::user::Column::Id"
    )]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The profile of `user`.
///
/// # Errors
/// Whatever the database says.
pub async fn of(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(user).one(db).await
}

/// Change the profile of `user` and raise its version; nothing when there is none.
///
/// What open sessions go by (reminders, zone, language) reaches them by a [`follow_up`], written here.
///
/// # Errors
/// Whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    user: UserId,
    changes: ActiveModel,
    now: Instant,
) -> Result<Option<Model>, DbErr> {
    let before = of(tx, user).await?;
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .exec_with_returning(tx)
        .await?;
    drop_copies(tx, user, now).await?;
    let after = changed.into_iter().next();
    if let (Some(before), Some(after)) = (&before, &after) {
        let time_zone = before.time_zone != after.time_zone;
        if time_zone || before.reminder_offsets != after.reminder_offsets || before.locale != after.locale {
            follow_up::insert(tx, Work::ProfileChanged { user, time_zone }, now).await?;
        }
    }
    Ok(after)
}

/// Have mails go to `email`, which the identity provider said at `as_of`; whether that changes anything.
///
/// What it said before what is known already changes nothing, nor does what it says again.
///
/// # Errors
/// Whatever the database says.
pub async fn follow_address(
    tx: &DatabaseTransaction,
    user: UserId,
    email: &str,
    as_of: Instant,
    now: Instant,
) -> Result<bool, DbErr> {
    let is_older = Column::EmailAsOf.is_null().or(Column::EmailAsOf.lt(as_of));
    let changed = Entity::update_many()
        .col_expr(Column::Email, Expr::value(email))
        .col_expr(Column::EmailAsOf, Expr::value(as_of))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .filter(Column::Email.ne(email))
        .filter(is_older)
        .exec(tx)
        .await?;
    if changed.rows_affected == 0 {
        return Ok(false);
    }
    drop_copies(tx, user, now).await?;
    Ok(true)
}

/// Erase the profile of a deleted person: there is nobody to write to any more.
///
/// # Errors
/// Whatever the database says.
pub async fn erase(tx: &DatabaseTransaction, user: UserId, now: Instant) -> Result<(), DbErr> {
    Entity::delete_by_id(user).exec(tx).await?;
    drop_copies(tx, user, now).await
}

/// Have every copy of a profile dropped, if and when this transaction commits.
///
/// # Errors
/// Whatever the database says.
pub async fn drop_copies(tx: &DatabaseTransaction, user: UserId, now: Instant) -> Result<(), DbErr> {
    changes::touch([place(user).key().to_owned()]);
    follow_up::insert(tx, Work::ProfileCopied { user }, now).await
}

/// Where a profile is kept as its owner sees it.
#[must_use]
pub fn place(user: UserId) -> Place {
    Place::new("profile", format!("profile:{user}"), "view", Duration::from_secs(300))
}
