//! What is open to whom: the table, and the copy of it that answers requests.
//!
//! A flag opens or closes something to people; it never changes the path of a workflow. Every process keeps a copy in
//! memory ([`Flags`]), reads it anew once in a while and keeps the one it has while the database is away.

use crate::db::Db;
use sea_orm::{
    DatabaseTransaction, FromJsonQueryResult, QueryOrder, TryInsertResult, entity::prelude::*, sea_query::ExprTrait,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant as Moment, SystemTime},
};
use telemetry::metrics;
use workflows::{ids::UserId, time::Instant};

/// The namespace of the places that people have in flags.
const PLACES: Uuid = Uuid::from_u128(0x9b1d_0e57_2c44_5c0a_8f6e_13a7_d2b8_4e90);

/// Whether clients may write reviews.
pub const REVIEWS_OPEN: Known = Known {
    name: "reviews_open",
    otherwise: true,
};

/// The flags that the code asks about.
pub const KNOWN: &[Known] = &[REVIEWS_OPEN];

/// A flag that the code asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What holds while nobody has set it.
    pub otherwise: bool,
}

/// A flag.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feature_flag")]
pub struct Model {
    /// Its name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Whether it is on for anybody.
    pub enabled: bool,
    /// For how many in a hundred; always the same ones, and with a higher number the same and more.
    pub percentage: i32,
    /// For these in any case.
    pub users: Users,
    /// What it is for.
    pub description: String,
    /// Raised by every change.
    pub version: i32,
    /// When it was added.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

/// People, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Users(pub BTreeSet<UserId>);

/// What a flag refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether it is on for `user`.
    #[must_use]
    pub fn is_on(&self, user: UserId) -> bool {
        self.enabled
            && (self.users.0.contains(&user) || i64::from(place(&self.name, user)) < i64::from(self.percentage))
    }
}

/// The place of `user` among a hundred, of each flag another one and always the same.
fn place(flag: &str, user: UserId) -> u32 {
    let of_flag = Uuid::new_v5(&PLACES, flag.as_bytes());
    let (high, ..) = Uuid::new_v5(&of_flag, user.0.as_bytes()).as_fields();
    // A hundredth of the range each.
    u32::try_from((u64::from(high) * 100) >> 32).unwrap_or(99)
}

/// Every flag, by name.
///
/// # Errors
/// Whatever the database says.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::Name).all(db).await
}

/// A flag.
///
/// # Errors
/// Whatever the database says.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(name.to_owned()).one(db).await
}

/// Add a flag; whether there was none of that name.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, flag: Model) -> Result<bool, DbErr> {
    let inserted = Entity::insert(ActiveModel::from(flag))
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

/// Change the flag that has `version`, and raise it; nothing when somebody else has changed it meanwhile.
///
/// # Errors
/// Whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    name: &str,
    version: i32,
    changes: ActiveModel,
    now: Instant,
) -> Result<Option<Model>, DbErr> {
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Name.eq(name))
        .filter(Column::Version.eq(version))
        .exec_with_returning(tx)
        .await?;
    Ok(changed.into_iter().next())
}

/// Remove a flag; whether it was there.
///
/// # Errors
/// Whatever the database says.
pub async fn delete(tx: &DatabaseTransaction, name: &str) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(name.to_owned()).exec(tx).await?;
    Ok(deleted.rows_affected > 0)
}

/// The flags as this process knows them.
#[derive(Debug, Default)]
pub struct Flags(RwLock<Snapshot>);

#[derive(Clone, Debug, Default)]
struct Snapshot {
    flags: Arc<BTreeMap<String, Model>>,
    read_at: Option<Moment>,
}

impl Flags {
    /// Whether a flag is on for `user`, by the copy at hand.
    #[must_use]
    pub fn is_on(&self, flag: Known, user: UserId) -> bool {
        self.copy()
            .flags
            .get(flag.name)
            .map_or(flag.otherwise, |row| row.is_on(user))
    }

    /// Every flag that is stored or asked about, and whether it is on for `user`.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> BTreeMap<String, bool> {
        let known = KNOWN.iter().map(|flag| (flag.name.to_owned(), flag.otherwise));
        let mut all: BTreeMap<_, _> = known.collect();
        let stored = self.copy().flags;
        all.extend(stored.values().map(|row| (row.name.clone(), row.is_on(user))));
        all
    }

    /// How old the copy is: `feature_flag_age_seconds`; nothing when there has never been one.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.copy().read_at.map(|at| at.elapsed())
    }

    /// Read the flags anew; the copy at hand stays where that fails.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn refresh(&self, db: &Db) -> Result<(), DbErr> {
        // Before the rows are read, so that what is written meanwhile counts as not yet seen.
        let read_at = Moment::now();
        let rows = all(db.reader()).await?;
        let fresh = Snapshot {
            flags: Arc::new(rows.into_iter().map(|row| (row.name.clone(), row)).collect()),
            read_at: Some(read_at),
        };
        let mut copy = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A slow read must not take the place of a later one.
        if copy.read_at.is_none_or(|at| at < read_at) {
            *copy = fresh;
            metrics::flags_read(SystemTime::now());
        }
        Ok(())
    }

    /// Read the flags anew every `period`, until nobody asks any more; `failed` hears of each time that fails.
    pub fn follow(self: &Arc<Self>, db: Db, period: Duration, failed: impl Fn(&DbErr) + Send + 'static) {
        let flags = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(flags) = flags.upgrade() else { return };
                if let Err(error) = flags.refresh(&db).await {
                    failed(&error);
                }
            }
        });
    }

    fn copy(&self) -> Snapshot {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Model, Users};
    use uuid::Uuid;
    use workflows::{ids::UserId, time::Instant};

    fn flag(name: &str, percentage: i32) -> Model {
        Model {
            name: name.to_owned(),
            enabled: true,
            percentage,
            users: Users::default(),
            description: String::new(),
            version: 1,
            created_at: Instant::from_unix_seconds(0),
            updated_at: Instant::from_unix_seconds(0),
        }
    }

    fn people() -> impl Iterator<Item = UserId> {
        (0..10_000_u128).map(|n| UserId(Uuid::from_u128(0x0192_f0c1_0000_7000_8000_0000_0000_0000 + n)))
    }

    #[test]
    fn as_many_in_a_hundred_as_it_says() {
        for percentage in [0, 1, 5, 25, 50, 75, 99, 100] {
            let flag = flag("new_thing", percentage);
            let n = people().filter(|user| flag.is_on(*user)).count();
            let expected = usize::try_from(percentage).unwrap() * 100;
            assert!(n.abs_diff(expected) <= 200, "{n} of 10,000 at {percentage} %");
            if percentage == 0 || percentage == 100 {
                assert_eq!(n, expected);
            }
        }
    }

    #[test]
    fn whoever_has_it_keeps_it_when_more_do() {
        for user in people().take(1_000) {
            let on: Vec<_> = (0..=100).map(|n| flag("new_thing", n).is_on(user)).collect();
            assert!(on.is_sorted(), "{user}");
        }
        // The same people tomorrow, and in the next release.
        let first: Vec<_> = people()
            .take(40)
            .map(|user| flag("new_thing", 50).is_on(user))
            .collect();
        let places: String = first.iter().map(|on| if *on { '1' } else { '0' }).collect();
        assert_eq!(places, "0000110000100110011000101100101111101000");
    }

    #[test]
    fn flags_choose_apart_from_each_other() {
        let (one, other) = (flag("one", 50), flag("other", 50));
        let both = people().filter(|user| one.is_on(*user) && other.is_on(*user)).count();
        assert!(both.abs_diff(2_500) <= 200, "{both}");
    }

    #[test]
    fn those_named_have_it_unless_it_is_off() {
        let user = people().find(|user| !flag("new_thing", 50).is_on(*user)).unwrap();
        let mut flag = flag("new_thing", 0);
        assert!(!flag.is_on(user));
        flag.users.0.insert(user);
        assert!(flag.is_on(user));
        flag.enabled = false;
        assert!(!flag.is_on(user));
        flag.percentage = 100;
        assert!(!flag.is_on(user));
    }
}
