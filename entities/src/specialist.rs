//! People who give sessions.

use crate::{
    busy_feed,
    cache::{changes, copies::Place},
    column::Words,
    follow_up::{self, Work},
    service, waitlist_entry,
};
use sea_orm::{
    Condition, DatabaseTransaction, Order, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{BinOper, ExprTrait, Func, LikeExpr, SimpleExpr},
};
use std::collections::BTreeMap;
use std::time::Duration;
use workflows::{
    ids::{SpecialistId, UserId},
    time::Instant,
};

/// What all pages of the list are kept under.
const LIST: &str = "specialists";

/// A person who gives sessions.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "specialist")]
pub struct Model {
    /// The specialist.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SpecialistId,
    /// The login, where there is one.
    pub user_id: Option<UserId>,
    /// Their name.
    pub name: String,
    /// What stands under it.
    pub title: String,
    /// A few paragraphs.
    pub bio: String,
    /// Where mails about sessions go.
    pub email: String,
    /// What they do.
    pub specialties: Words,
    /// What they speak.
    pub languages: Words,
    /// IANA name of the zone of their opening hours.
    pub time_zone: String,
    /// Whether they can be booked.
    pub active: bool,
    /// Sum of the ratings of all reviews.
    pub rating_sum: i64,
    /// Number of reviews.
    pub review_count: i32,
    /// Raised by every change.
    pub version: i32,
    /// When they were added.
    pub created_at: Instant,
    /// When the row was last changed.
    pub updated_at: Instant,
}

impl Model {
    /// The average rating in ten-thousandths, rounded down; 0 without reviews. What [`Sort::Rating`] sorts by.
    #[must_use]
    pub fn rating_score(&self) -> i64 {
        (self.rating_sum * 10_000)
            .checked_div(self.review_count.into())
            .unwrap_or(0)
    }
}

/// What a specialist refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// What they offer.
    #[sea_orm(has_many = "super::service::Entity")]
    Service,
}

impl Related<service::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Service.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// A specialist and what they offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithServices {
    /// The specialist.
    pub specialist: Model,
    /// What they offer, in their order.
    pub services: Vec<service::Model>,
}

/// Which specialists to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Does this, in any case of letters.
    pub specialty: Option<String>,
    /// Speaks this, in any case of letters.
    pub language: Option<String>,
    /// Name, title, bio or specialties contain this, in any case of letters.
    pub q: Option<String>,
    /// Rated at least so, in ten-thousandths of a star.
    pub min_rating_score: Option<i64>,
    /// Something they offer costs at most this.
    pub max_price_minor: Option<i64>,
    /// In which order.
    pub sort: Sort,
    /// Where the page before ended, see [`WithServices::position`].
    pub after: Option<Position>,
    /// How many at most.
    pub limit: u64,
}

/// In which order to list specialists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    #[default]
    Name,
    /// Best rated first.
    Rating,
    /// Cheapest first, by what they offer for least.
    Price,
}

/// A place in a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Sorted by name: behind this one.
    Name(String, SpecialistId),
    /// Sorted by a number, rating or price: behind this one.
    Number(i64, SpecialistId),
}

impl WithServices {
    /// Where the next page begins, when this one was the last of a page sorted so.
    #[must_use]
    pub fn position(&self, sort: Sort) -> Position {
        let Model { id, name, .. } = &self.specialist;
        match sort {
            Sort::Name => Position::Name(name.clone(), *id),
            Sort::Rating => Position::Number(self.specialist.rating_score(), *id),
            Sort::Price => {
                let lowest = self.services.iter().map(|service| service.price_minor).min();
                Position::Number(lowest.unwrap_or(i64::MAX), *id)
            }
        }
    }
}

/// A page of active specialists with their active services; two queries.
///
/// A `filter.after` of another order is ignored.
///
/// # Errors
/// Whatever the database says.
pub async fn list(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<WithServices>, DbErr> {
    let sqlite = db.get_database_backend() == sea_orm::DbBackend::Sqlite;
    let mut query = Entity::find().filter(Column::Active.eq(true)).limit(filter.limit);
    if let Some(specialty) = &filter.specialty {
        query = query.filter(lists("specialties", specialty, sqlite));
    }
    if let Some(language) = &filter.language {
        query = query.filter(lists("languages", language, sqlite));
    }
    if let Some(q) = &filter.q {
        query = query.filter(contains(q));
    }
    if let Some(score) = filter.min_rating_score {
        query = query.filter(rating_score().gte(score));
    }
    if let Some(price) = filter.max_price_minor {
        query = query.filter(lowest_price().lte(price));
    }
    let (key, order) = match filter.sort {
        Sort::Name => (Column::Name.into_expr(), Order::Asc),
        Sort::Rating => (rating_score(), Order::Desc),
        Sort::Price => (lowest_price(), Order::Asc),
    };
    match (&filter.after, filter.sort) {
        (Some(Position::Name(name, id)), Sort::Name) => query = query.filter(behind(&key, &order, name.as_str(), *id)),
        (Some(Position::Number(number, id)), Sort::Rating | Sort::Price) => {
            query = query.filter(behind(&key, &order, *number, *id));
        }
        _ => {}
    }
    let specialists = query.order_by(key, order).order_by_asc(Column::Id).all(db).await?;
    let mut services = service::active_of(db, specialists.iter().map(|specialist| specialist.id)).await?;
    Ok(specialists
        .into_iter()
        .map(|specialist| {
            let of_this = |service: &mut service::Model| service.specialist_id == specialist.id;
            WithServices {
                services: services.extract_if(.., of_this).collect(),
                specialist,
            }
        })
        .collect())
}

/// A specialist, active or not, with every service, active or not.
///
/// # Errors
/// Whatever the database says.
pub async fn with_services(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<Option<WithServices>, DbErr> {
    let found = Entity::find_by_id(specialist)
        .find_with_related(service::Entity)
        .order_by_asc(service::Column::Position)
        .order_by_asc(service::Column::Id)
        .all(db)
        .await?;
    Ok(found
        .into_iter()
        .next()
        .map(|(specialist, services)| WithServices { specialist, services }))
}

/// A specialist, active or not.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(specialist).one(db).await
}

/// A page of all specialists, or of those who are active or not, by name.
///
/// # Errors
/// Whatever the database says.
pub async fn all(
    db: &impl ConnectionTrait,
    active: Option<bool>,
    after: Option<(String, SpecialistId)>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let key = Column::Name.into_expr();
    let page = Condition::all()
        .add_option(active.map(|active| Column::Active.eq(active)))
        .add_option(after.map(|(name, id)| behind(&key, &Order::Asc, name.as_str(), id)));
    Entity::find()
        .filter(page)
        .order_by(key, Order::Asc)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// Add a specialist; the constraints of [`crate::fault`] decide.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, specialist: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(specialist))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// What these specialists are called.
///
/// # Errors
/// Whatever the database says.
pub async fn names(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = SpecialistId>,
) -> Result<BTreeMap<SpecialistId, String>, DbErr> {
    let named: Vec<(SpecialistId, String)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Name])
        .filter(Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    Ok(named.into_iter().collect())
}

/// The specialist that `user` is, active or not.
///
/// # Errors
/// Whatever the database says.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::UserId.eq(user)).one(db).await
}

/// Change a specialist and raise the version, under the specialist's lock; nothing when there is none.
///
/// Those who wait are looked at again: who is active now, or somewhere else, can be booked when they could not be.
///
/// # Errors
/// Whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    changes: ActiveModel,
    now: Instant,
) -> Result<Option<Model>, DbErr> {
    if changes.time_zone.is_set() {
        // Whole days and times without a zone are those of the specialist's wall clock: they are made out anew.
        let feeds = busy_feed::of_specialist(tx, specialist).await?;
        let feeds: Vec<_> = feeds.into_iter().map(|feed| feed.id).collect();
        if !feeds.is_empty() {
            follow_up::insert(tx, Work::BusyFeedsChanged { feeds }, now).await?;
        }
    }
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(specialist))
        .exec_with_returning(tx)
        .await?;
    waitlist_entry::slot_freed(tx, specialist, now).await?;
    drop_copies(tx, specialist, now).await?;
    Ok(changed.into_iter().next())
}

/// Have every copy of how a specialist is presented dropped, if and when this transaction commits.
///
/// # Errors
/// Whatever the database says.
pub async fn drop_copies(tx: &DatabaseTransaction, specialist: SpecialistId, now: Instant) -> Result<(), DbErr> {
    changes::touch(copies(specialist));
    follow_up::insert(tx, Work::SpecialistChanged { specialist }, now).await
}

/// Where the presentation of an active specialist is kept.
#[must_use]
pub fn place(specialist: SpecialistId) -> Place {
    Place::new(
        "specialist",
        format!("specialist:{specialist}"),
        "view",
        Duration::from_secs(3_600),
    )
}

/// Where the page of the list is kept that `question` asks for; equal questions, equal pages.
#[must_use]
pub fn list_place(question: &str) -> Place {
    Place::new("specialists", LIST.to_owned(), question, Duration::from_secs(1_800))
}

/// The keys of every copy that has something of `specialist`: theirs, and all pages of the list.
#[must_use]
pub fn copies(specialist: SpecialistId) -> [String; 2] {
    [place(specialist).key().to_owned(), LIST.to_owned()]
}

/// Count a review into the specialist's average.
///
/// # Errors
/// Whatever the database says.
pub async fn count_review(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    rating: i32,
    now: Instant,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RatingSum, Expr::col(Column::RatingSum).add(i64::from(rating)))
        .col_expr(Column::ReviewCount, Expr::col(Column::ReviewCount).add(1))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(specialist))
        .exec(tx)
        .await?;
    drop_copies(tx, specialist, now).await
}

fn rating_score() -> SimpleExpr {
    Expr::cust("CASE WHEN review_count = 0 THEN 0 ELSE rating_sum * 10000 / review_count END")
}

fn lowest_price() -> SimpleExpr {
    Expr::cust(
        "COALESCE((SELECT MIN(service.price_minor) FROM service \
         WHERE service.specialist_id = specialist.id AND service.active), 9223372036854775807)",
    )
}

fn behind(key: &SimpleExpr, order: &Order, value: impl Into<Value>, id: SpecialistId) -> Condition {
    let value = Expr::value(value);
    let past = match order {
        Order::Desc => key.clone().lt(value.clone()),
        _ => key.clone().gt(value.clone()),
    };
    Condition::any()
        .add(past)
        .add(Condition::all().add(key.clone().eq(value)).add(Column::Id.gt(id)))
}

/// Whether the list in `column` has `word`.
fn lists(column: &str, word: &str, sqlite: bool) -> SimpleExpr {
    let elements = if sqlite {
        "json_each"
    } else {
        "jsonb_array_elements_text"
    };
    let alias = if sqlite { "AS e" } else { "AS e (value)" };
    let words = Expr::cust(format!(
        "(SELECT lower(e.value) FROM {elements}(specialist.{column}) {alias})"
    ));
    Expr::value(word.to_lowercase()).binary(BinOper::In, words)
}

fn contains(text: &str) -> Condition {
    let text = text
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    let pattern = LikeExpr::new(format!("%{text}%")).escape('\\');
    [Column::Name, Column::Title, Column::Bio, Column::Specialties]
        .into_iter()
        .fold(Condition::any(), |any, column| {
            let text = Expr::col((Entity, column)).cast_as("text");
            any.add(Expr::expr(Func::lower(text)).like(pattern.clone()))
        })
}
