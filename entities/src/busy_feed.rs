//! Calendars elsewhere whose events block a specialist's time.
//!
//! An address is a secret: whoever has it reads the calendar. It is kept as it was given, because it has to be called, in
//! a database that holds mail addresses and notes the same way; it is never printed, and leaves the row only to be called.

use crate::{
    busy_interval,
    follow_up::{self, Work},
    specialist, waitlist_entry,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, QueryOrder, QuerySelect, entity::prelude::*};
use std::fmt;
use workflows::{
    ids::{BusyFeedId, SpecialistId},
    slots::busy::Busy,
    time::Instant,
};

/// A calendar elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "busy_feed")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BusyFeedId,
    /// Whose time it blocks.
    pub specialist_id: SpecialistId,
    /// Where it stands in their list.
    pub position: i32,
    /// Where it is.
    pub url: FeedUrl,
    /// What its source called the state that was read last.
    pub etag: Option<String>,
    /// When its source says that state was made, in the source's words.
    pub last_modified: Option<String>,
    /// When the whole calendar was read last.
    pub read_at: Option<Instant>,
    /// The specialist's zone at that time: times without a zone were read in it.
    pub read_zone: Option<String>,
    /// When it was asked for last.
    pub last_attempt_at: Option<Instant>,
    /// When its source said last how the calendar is, be it that nothing has changed.
    pub last_success_at: Option<Instant>,
    /// The first failure since then.
    pub stale_since: Option<Instant>,
    /// What went wrong last, by its code.
    pub failure: Option<String>,
    /// When it was given.
    pub created_at: Instant,
}

/// The address of a calendar: a secret, which is not printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct FeedUrl(pub String);

impl fmt::Debug for FeedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a feed refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its last good copy.
    #[sea_orm(has_many = "busy_interval::Entity")]
    BusyInterval,
}

impl Related<busy_interval::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::BusyInterval.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The feeds of a specialist, in their order.
///
/// # Errors
/// Whatever the database says.
pub async fn of_specialist(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SpecialistId.eq(specialist))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// A feed, if it is not removed.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, feed: BusyFeedId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(feed).one(db).await
}

/// Up to `n` feeds, behind `after` by their ids, that are given since `before` at the latest.
///
/// # Errors
/// Whatever the database says.
pub async fn given(
    db: &impl ConnectionTrait,
    after: Option<BusyFeedId>,
    before: Instant,
    n: u64,
) -> Result<Vec<BusyFeedId>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CreatedAt.lte(before))
        .order_by_asc(Column::Id)
        .limit(n);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    query.into_tuple().all(db).await
}

/// Give a specialist these feeds and no others, under the specialist's lock; whether that is a change.
///
/// One whose address they had already is the same feed and keeps its copy. What a removed one blocked is free again. The
/// runs of those that are new or removed are told when this transaction has committed.
///
/// # Errors
/// Whatever the database says.
pub async fn replace(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    urls: &[FeedUrl],
    now: Instant,
) -> Result<bool, DbErr> {
    let before = of_specialist(tx, specialist).await?;
    if before.iter().map(|feed| &feed.url).eq(urls) {
        return Ok(false);
    }
    let (kept, removed): (Vec<_>, Vec<_>) = before.into_iter().partition(|feed| urls.contains(&feed.url));
    let removed: Vec<BusyFeedId> = removed.into_iter().map(|feed| feed.id).collect();
    if !removed.is_empty() {
        Entity::delete_many()
            .filter(Column::Id.is_in(removed.clone()))
            .exec(tx)
            .await?;
        freed(tx, specialist, now).await?;
    }
    let mut told = removed;
    for (position, url) in (0..).zip(urls) {
        match kept.iter().find(|feed| feed.url == *url) {
            Some(feed) if feed.position == position => {}
            Some(feed) => {
                Entity::update_many()
                    .col_expr(Column::Position, Expr::value(position))
                    .filter(Column::Id.eq(feed.id))
                    .exec(tx)
                    .await?;
            }
            None => {
                let id = BusyFeedId(Uuid::now_v7());
                let row = ActiveModel {
                    id: Set(id),
                    specialist_id: Set(specialist),
                    position: Set(position),
                    url: Set(url.clone()),
                    created_at: Set(now),
                    ..Default::default()
                };
                Entity::insert(row).exec_without_returning(tx).await?;
                told.push(id);
            }
        }
    }
    if !told.is_empty() {
        follow_up::insert(tx, Work::BusyFeedsChanged { feeds: told }, now).await?;
    }
    Ok(true)
}

/// What a source said of its calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing has changed since it was read last.
    Unchanged,
    /// The whole of it.
    Read {
        /// What it blocks: in order, none touching the next.
        busy: Vec<Busy>,
        /// In whose zone times without one were read.
        zone: String,
        /// What the source calls this state.
        etag: Option<String>,
        /// When the source says it was made.
        last_modified: Option<String>,
    },
    /// Nothing of use; the code of what went wrong. The last good copy stays.
    Failed(&'static str),
}

/// Put on record what was heard of `feed` at `now`, under the specialist's lock.
///
/// A new copy takes the place of the one before as a whole; who waits is looked at again where something changed.
///
/// # Errors
/// Whatever the database says.
pub async fn hear(tx: &DatabaseTransaction, feed: &Model, heard: Heard, now: Instant) -> Result<(), DbErr> {
    let mut changes = ActiveModel {
        last_attempt_at: Set(Some(now)),
        ..Default::default()
    };
    if let Heard::Failed(code) = heard {
        changes.stale_since = Set(Some(feed.stale_since.unwrap_or(now)));
        changes.failure = Set(Some(code.to_owned()));
    } else {
        changes.last_success_at = Set(Some(now));
        changes.stale_since = Set(None);
        changes.failure = Set(None);
    }
    if let Heard::Read {
        busy,
        zone,
        etag,
        last_modified,
    } = heard
    {
        changes.read_at = Set(Some(now));
        changes.read_zone = Set(Some(zone));
        changes.etag = Set(etag);
        changes.last_modified = Set(last_modified);
        if busy_interval::replace(tx, feed.id, &busy).await? {
            freed(tx, feed.specialist_id, now).await?;
        }
    }
    Entity::update_many()
        .set(changes)
        .filter(Column::Id.eq(feed.id))
        .exec(tx)
        .await
        .map(drop)
}

/// What can be booked with a specialist is something else now.
async fn freed(tx: &DatabaseTransaction, specialist: SpecialistId, now: Instant) -> Result<(), DbErr> {
    waitlist_entry::slot_freed(tx, specialist, now).await?;
    specialist::drop_copies(tx, specialist, now).await
}
