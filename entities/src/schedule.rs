//! When a specialist works, and the rules of booking.

use crate::{
    column::{LocalDate, WeeklyHours, unsigned},
    schedule_override, specialist, waitlist_entry,
};
use jiff::civil::Date;
use sea_orm::{Condition, DatabaseTransaction, JoinType, QuerySelect, entity::prelude::*, sea_query::ExprTrait};
use workflows::{
    ids::SpecialistId,
    slots::{
        error::SlotsError,
        schedule::{Schedule, Zone},
    },
    time::Instant,
};

/// The opening hours and booking rules of a specialist.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    /// Whose they are.
    #[sea_orm(primary_key, auto_increment = false)]
    pub specialist_id: SpecialistId,
    /// Hours of an ordinary week, wall clock in the specialist's zone.
    pub weekly: WeeklyHours,
    /// A start is at least as far ahead.
    pub minimum_notice_minutes: i32,
    /// The last local date bookable is as many days after today's.
    pub booking_window_days: Option<i32>,
    /// The last local date bookable.
    pub book_until: Option<LocalDate>,
    /// Sessions that may start on one local date.
    pub max_per_day: Option<i32>,
    /// Sessions that may start in one ISO week.
    pub max_per_week: Option<i32>,
    /// A cancellation closer to the start is late.
    pub cancel_notice_minutes: i32,
    /// A client's reschedule closer to the start is refused.
    pub reschedule_notice_minutes: i32,
    /// How often a client may reschedule one session.
    pub max_reschedules: Option<i32>,
    /// How long a hold lasts.
    pub hold_minutes: i32,
    /// Raised by every change.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl Model {
    /// What the slot functions ask for; `time_zone` is the specialist's.
    ///
    /// # Errors
    /// [`SlotsError::UnknownZone`] if the bundled tz database does not have the zone.
    pub fn rules(
        &self,
        time_zone: &str,
        overrides: impl IntoIterator<Item = schedule_override::Model>,
    ) -> Result<Schedule, SlotsError> {
        Ok(Schedule {
            time_zone: Zone::new(time_zone)?,
            weekly: self.weekly.0.clone(),
            overrides: overrides.into_iter().map(|day| (day.date.0, day.windows.0)).collect(),
            minimum_notice_minutes: unsigned(self.minimum_notice_minutes),
            booking_window_days: self.booking_window_days.map(unsigned),
            book_until: self.book_until.map(Date::from),
            max_per_day: self.max_per_day.map(unsigned),
            max_per_week: self.max_per_week.map(unsigned),
        })
    }
}

/// What a schedule refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Dates whose hours differ.
    #[sea_orm(has_many = "super::schedule_override::Entity")]
    Override,
}

impl ActiveModelBehavior for ActiveModel {}

/// The schedule of a specialist.
///
/// # Errors
/// Whatever the database says.
pub async fn of(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(specialist).one(db).await
}

/// The schedule of a specialist, and its overrides from `from` to `to`, both included; one query.
///
/// # Errors
/// Whatever the database says.
pub async fn with_overrides(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    from: Date,
    to: Date,
) -> Result<Option<(Model, Vec<schedule_override::Model>)>, DbErr> {
    let within = Relation::Override.def().on_condition(move |_, overrides| {
        let date = Expr::col((overrides, schedule_override::Column::Date));
        Condition::all().add(date.between(LocalDate(from), LocalDate(to)))
    });
    let rows: Vec<(Model, Option<schedule_override::Model>)> = Entity::find_by_id(specialist)
        .join(JoinType::LeftJoin, within)
        .select_also(schedule_override::Entity)
        .all(db)
        .await?;
    let mut schedule = None;
    let mut overrides = Vec::with_capacity(rows.len());
    for (row, day) in rows {
        schedule = Some(row);
        overrides.extend(day);
    }
    overrides.sort_unstable_by_key(|day| day.date);
    Ok(schedule.map(|schedule| (schedule, overrides)))
}

/// Change a schedule and raise its version, under the specialist's lock; nothing when there is none.
///
/// Those who wait are looked at again: see [`waitlist_entry::slot_freed`], which changes of overrides and of the
/// specialist call as well.
///
/// # Errors
/// Whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    changes: ActiveModel,
    now: Instant,
) -> Result<Option<Model>, DbErr> {
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::SpecialistId.eq(specialist))
        .exec_with_returning(tx)
        .await?;
    waitlist_entry::slot_freed(tx, specialist, now).await?;
    specialist::drop_copies(tx, specialist, now).await?;
    Ok(changed.into_iter().next())
}

/// Add a specialist's schedule, under the specialist's lock. Those who wait are looked at again.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, schedule: Model, now: Instant) -> Result<(), DbErr> {
    let specialist = schedule.specialist_id;
    Entity::insert(ActiveModel::from(schedule))
        .exec_without_returning(tx)
        .await?;
    waitlist_entry::slot_freed(tx, specialist, now).await?;
    specialist::drop_copies(tx, specialist, now).await
}
