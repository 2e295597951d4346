//! Dates whose hours differ from the ordinary week's.

use crate::{
    column::{LocalDate, Windows},
    waitlist_entry,
};
use jiff::civil::Date;
use sea_orm::{
    ActiveValue::Set, Condition, DatabaseTransaction, QueryOrder, QuerySelect, entity::prelude::*,
    sea_query::OnConflict,
};
use workflows::{ids::SpecialistId, slots::schedule::Window, time::Instant};

/// The hours of one date.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule_override")]
pub struct Model {
    /// Whose they are.
    #[sea_orm(primary_key, auto_increment = false)]
    pub specialist_id: SpecialistId,
    /// The date, in the specialist's zone.
    #[sea_orm(primary_key, auto_increment = false)]
    pub date: LocalDate,
    /// What replaces the weekly hours; none is a day off.
    pub windows: Windows,
}

/// What an override refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// What it is an exception to.
    #[sea_orm(
        belongs_to = "super::schedule::Entity",
        from = "Column::SpecialistId",
        to = "super::schedule::Column::SpecialistId"
    )]
    Schedule,
}

impl Related<super::schedule::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Schedule.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The override of a date.
///
/// # Errors
/// Whatever the database says.
pub async fn of(db: &impl ConnectionTrait, specialist: SpecialistId, date: Date) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((specialist, LocalDate(date))).one(db).await
}

/// Which overrides to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Of that date or later.
    pub from: Option<Date>,
    /// Of that date or earlier.
    pub to: Option<Date>,
    /// Where the page before ended: its last date.
    pub after: Option<Date>,
    /// How many at most.
    pub limit: u64,
}

/// A page of the overrides of a specialist, in the order of their dates.
///
/// # Errors
/// Whatever the database says.
pub async fn page(db: &impl ConnectionTrait, specialist: SpecialistId, filter: Filter) -> Result<Vec<Model>, DbErr> {
    let Filter { from, to, after, limit } = filter;
    let within = Condition::all()
        .add(Column::SpecialistId.eq(specialist))
        .add_option(from.map(|date| Column::Date.gte(LocalDate(date))))
        .add_option(to.map(|date| Column::Date.lte(LocalDate(date))))
        .add_option(after.map(|date| Column::Date.gt(LocalDate(date))));
    Entity::find()
        .filter(within)
        .order_by_asc(Column::Date)
        .limit(limit)
        .all(db)
        .await
}

/// The overrides of a specialist from `from` to `to`, both included, in the order of their dates.
///
/// # Errors
/// Whatever the database says.
pub async fn between(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    from: Date,
    to: Date,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SpecialistId.eq(specialist))
        .filter(Column::Date.between(LocalDate(from), LocalDate(to)))
        .order_by_asc(Column::Date)
        .all(db)
        .await
}

/// Give `date` these hours, under the specialist's lock; those who wait are looked at again.
///
/// # Errors
/// Whatever the database says.
pub async fn put(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    date: Date,
    windows: Vec<Window>,
    now: Instant,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        specialist_id: Set(specialist),
        date: Set(LocalDate(date)),
        windows: Set(Windows(windows)),
    };
    let replace = OnConflict::columns([Column::SpecialistId, Column::Date])
        .update_column(Column::Windows)
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    waitlist_entry::slot_freed(tx, specialist, now).await
}

/// Give `date` its weekly hours again, under the specialist's lock; whether it had others. Those who wait are looked at
/// again.
///
/// # Errors
/// Whatever the database says.
pub async fn delete(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    date: Date,
    now: Instant,
) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id((specialist, LocalDate(date))).exec(tx).await?;
    waitlist_entry::slot_freed(tx, specialist, now).await?;
    Ok(deleted.rows_affected > 0)
}
