//! What calendars elsewhere block: the last good copy of each.

use crate::busy_feed;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, QueryOrder, entity::prelude::*};
use workflows::{
    ids::{BusyFeedId, SpecialistId},
    slots::busy::Busy,
    time::Instant,
};

/// How many rows a statement inserts.
const AT_ONCE: usize = 1_000;

/// A time that is blocked.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "busy_interval")]
pub struct Model {
    /// By which feed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub feed_id: BusyFeedId,
    /// From then.
    #[sea_orm(primary_key, auto_increment = false)]
    pub starts_at: Instant,
    /// Until then, exclusive.
    pub ends_at: Instant,
}

/// What an interval refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The feed that blocks it.
    #[sea_orm(
        belongs_to = "busy_feed::Entity",
        from = "Column::FeedId",
        to = "busy_feed::Column::Id"
    )]
    BusyFeed,
}

impl Related<busy_feed::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::BusyFeed.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// What blocks a specialist's time between `from` and `to`, by all of their feeds, earliest first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_specialist(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    from: Instant,
    to: Instant,
) -> Result<Vec<Busy>, DbErr> {
    let rows = Entity::find()
        .inner_join(busy_feed::Entity)
        .filter(busy_feed::Column::SpecialistId.eq(specialist))
        .filter(Column::StartsAt.lt(to))
        .filter(Column::EndsAt.gt(from))
        .order_by_asc(Column::StartsAt)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Busy::from).collect())
}

/// What a feed blocks, earliest first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_feed(db: &impl ConnectionTrait, feed: BusyFeedId) -> Result<Vec<Busy>, DbErr> {
    let rows = Entity::find()
        .filter(Column::FeedId.eq(feed))
        .order_by_asc(Column::StartsAt)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Busy::from).collect())
}

/// Have a feed block this and nothing else; whether that is a change.
///
/// # Errors
/// Whatever the database says.
pub(crate) async fn replace(tx: &DatabaseTransaction, feed: BusyFeedId, busy: &[Busy]) -> Result<bool, DbErr> {
    if of_feed(tx, feed).await? == busy {
        return Ok(false);
    }
    Entity::delete_many().filter(Column::FeedId.eq(feed)).exec(tx).await?;
    for some in busy.chunks(AT_ONCE) {
        let rows = some.iter().map(|busy| ActiveModel {
            feed_id: Set(feed),
            starts_at: Set(busy.from),
            ends_at: Set(busy.to),
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(true)
}

impl From<Model> for Busy {
    fn from(row: Model) -> Self {
        let Model {
            feed_id: _,
            starts_at,
            ends_at,
        } = row;
        Self {
            from: starts_at,
            to: ends_at,
        }
    }
}
