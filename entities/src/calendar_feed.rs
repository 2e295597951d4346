//! Feeds of sessions that people subscribe to: which address of a feed is the good one, and what it shows.

use crate::{session, session_event, specialist};
use sea_orm::{
    ActiveValue::Set,
    Condition, DatabaseTransaction, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict, Query, SimpleExpr},
};
use workflows::{ids::UserId, sessions::state::SessionState, time::Instant};

/// A feed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "calendar_feed")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Which of their sessions it shows.
    #[sea_orm(primary_key, auto_increment = false)]
    pub side: Side,
    /// Part of its address, from 1; the addresses of lower ones are no more.
    pub generation: i32,
    /// When it was first asked for.
    pub created_at: Instant,
    /// When its address was last changed.
    pub updated_at: Instant,
}

/// On which side of their sessions somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Side {
    /// What they booked.
    Client,
    /// What they give.
    Specialist,
}

/// What a feed refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A feed of `user`; nothing when it was never asked for.
///
/// # Errors
/// Whatever the database says.
pub async fn of(db: &impl ConnectionTrait, user: UserId, side: Side) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((user, side)).one(db).await
}

/// A feed of `user`, made when it is asked for the first time.
///
/// # Errors
/// Whatever the database says.
pub async fn ensure(tx: &DatabaseTransaction, user: UserId, side: Side, now: Instant) -> Result<Model, DbErr> {
    Entity::insert(first(user, side, now))
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    of(tx, user, side).await?.ok_or(DbErr::RecordNotInserted)
}

/// Give a feed of `user` another address, whether it had been asked for or not.
///
/// # Errors
/// Whatever the database says.
pub async fn rotate(tx: &DatabaseTransaction, user: UserId, side: Side, now: Instant) -> Result<Model, DbErr> {
    let next = OnConflict::columns([Column::UserId, Column::Side])
        .value(Column::Generation, Expr::col((Entity, Column::Generation)).add(1))
        .update_column(Column::UpdatedAt)
        .to_owned();
    Entity::insert(first(user, side, now))
        .on_conflict(next)
        .exec_with_returning(tx)
        .await
}

fn first(user: UserId, side: Side, now: Instant) -> ActiveModel {
    ActiveModel {
        user_id: Set(user),
        side: Set(side),
        generation: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// The feeds of `user`.
///
/// # Errors
/// Whatever the database says.
pub async fn all_of(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::UserId.eq(user)).all(db).await
}

/// Remove the feeds of a deleted person, who never has another one.
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

/// How much of somebody's sessions a feed shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What time it is: a hold that has ended by then is none.
    pub now: Instant,
    /// Starts then or later.
    pub from: Instant,
    /// What took place once and does not any more is still told when it was called off then or later.
    pub called_off_since: Instant,
    /// How many at most.
    pub limit: u64,
}

/// What a feed shows, latest start first: what takes place or took place, what is held, and what was confirmed once and
/// lately called off.
///
/// # Errors
/// Whatever the database says.
pub async fn sessions(
    db: &impl ConnectionTrait,
    user: UserId,
    side: Side,
    window: Window,
) -> Result<Vec<session::Model>, DbErr> {
    sessions_query(user, side, window).all(db).await
}

/// The query of [`sessions`], for whoever wants its plan.
#[must_use]
pub fn sessions_query(user: UserId, side: Side, window: Window) -> Select<session::Entity> {
    use session::Column::{ClientId, HoldExpiresAt, Id, SpecialistId, StartsAt, Status, UpdatedAt};
    let theirs = match side {
        Side::Client => ClientId.eq(user),
        // A scalar, so that the planner knows that it is one specialist and reads the index in its order.
        Side::Specialist => SpecialistId.into_expr().eq(SimpleExpr::from(
            Query::select()
                .column(specialist::Column::Id)
                .from(specialist::Entity)
                .and_where(specialist::Column::UserId.eq(user))
                .to_owned(),
        )),
    };
    let takes_place = Status.is_in([SessionState::Confirmed, SessionState::Completed, SessionState::NoShow]);
    let is_held = Condition::all()
        .add(Status.eq(SessionState::Held))
        .add(HoldExpiresAt.is_null().or(HoldExpiresAt.gt(window.now)));
    let was_confirmed = Query::select()
        .expr(Expr::val(1))
        .from(session_event::Entity)
        .and_where(Expr::col((session_event::Entity, session_event::Column::SessionId)).equals((session::Entity, Id)))
        .and_where(session_event::Column::Step.eq("confirmation"))
        .and_where(session_event::Column::Status.eq("done"))
        .to_owned();
    let called_off = Condition::all()
        .add(Status.is_in([SessionState::Cancelled, SessionState::Expired]))
        .add(UpdatedAt.gte(window.called_off_since))
        .add(Expr::exists(was_confirmed));
    session::Entity::find()
        .filter(theirs)
        .filter(StartsAt.gte(window.from))
        .filter(Condition::any().add(takes_place).add(is_held).add(called_off))
        .order_by_desc(StartsAt)
        .order_by_asc(Id)
        .limit(window.limit)
}
