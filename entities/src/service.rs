//! What specialists offer.

use crate::{column::unsigned, specialist};
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect, entity::prelude::*};
use workflows::{
    ids::{ServiceId, SpecialistId},
    slots::{error::SlotsError, offer::Offer},
    time::Instant,
};

/// Something a specialist offers.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "service")]
pub struct Model {
    /// The service.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServiceId,
    /// Who gives it.
    pub specialist_id: SpecialistId,
    /// Its place in the specialist's list, from 0.
    pub position: i32,
    /// Its name.
    pub name: String,
    /// Length of a session.
    pub duration_minutes: i32,
    /// Time from one start of the grid to the next.
    pub slot_interval_minutes: i32,
    /// Kept free before a session.
    pub buffer_before_minutes: i32,
    /// Kept free after it.
    pub buffer_after_minutes: i32,
    /// Seats of one start.
    pub capacity: i32,
    /// Price in minor units of `currency`.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Whether it can be booked.
    pub active: bool,
}

impl Model {
    /// What the slot functions ask for.
    ///
    /// # Errors
    /// Never for a row that the schema let in.
    pub fn offer(&self) -> Result<Offer, SlotsError> {
        Offer::new(
            unsigned(self.duration_minutes),
            Some(unsigned(self.slot_interval_minutes)),
            unsigned(self.buffer_before_minutes),
            unsigned(self.buffer_after_minutes),
        )
    }
}

/// What a service refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Who gives it.
    #[sea_orm(
        belongs_to = "super::specialist::Entity",
        from = "Column::SpecialistId",
        to = "super::specialist::Column::Id"
    )]
    Specialist,
}

impl Related<specialist::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Specialist.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The active services of `specialists`, each one's in its order.
///
/// # Errors
/// Whatever the database says.
pub async fn active_of(
    db: &impl ConnectionTrait,
    specialists: impl IntoIterator<Item = SpecialistId>,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SpecialistId.is_in(specialists))
        .filter(Column::Active.eq(true))
        .order_by_asc(Column::SpecialistId)
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// A service, active or not.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, service: ServiceId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(service).one(db).await
}

/// Everything that `specialists` have ever offered, each one's in its order.
///
/// # Errors
/// Whatever the database says.
pub async fn all_of(
    db: &impl ConnectionTrait,
    specialists: impl IntoIterator<Item = SpecialistId>,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SpecialistId.is_in(specialists))
        .order_by_asc(Column::SpecialistId)
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// The place behind the last of a specialist's list.
///
/// # Errors
/// Whatever the database says.
pub async fn next_position(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<i32, DbErr> {
    let last: Option<i32> = Entity::find()
        .select_only()
        .column(Column::Position)
        .filter(Column::SpecialistId.eq(specialist))
        .order_by_desc(Column::Position)
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.map_or(0, |last| last.saturating_add(1)))
}

/// Offer something more, under the specialist's lock, whose version rises; the specialist as they are then.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(
    tx: &DatabaseTransaction,
    service: Model,
    now: Instant,
) -> Result<Option<specialist::Model>, DbErr> {
    let specialist = service.specialist_id;
    Entity::insert(ActiveModel::from(service))
        .exec_without_returning(tx)
        .await?;
    specialist::change(tx, specialist, Default::default(), now).await
}

/// Offer something otherwise, under the specialist's lock, whose version rises; the service and its specialist as they
/// are then, nothing when there is none.
///
/// What is booked keeps its time, its buffers and its seat: a session carries its own.
///
/// # Errors
/// Whatever the database says.
pub async fn change(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    service: ServiceId,
    changes: ActiveModel,
    now: Instant,
) -> Result<Option<(Model, specialist::Model)>, DbErr> {
    let changed = Entity::update_many()
        .set(changes)
        .filter(Column::Id.eq(service))
        .filter(Column::SpecialistId.eq(specialist))
        .exec_with_returning(tx)
        .await?;
    let Some(changed) = changed.into_iter().next() else {
        return Ok(None);
    };
    let specialist = specialist::change(tx, specialist, Default::default(), now).await?;
    Ok(specialist.map(|specialist| (changed, specialist)))
}
