//! What specialists offer.

use crate::column::unsigned;
use sea_orm::{QueryOrder, entity::prelude::*};
use workflows::{
    ids::{ServiceId, SpecialistId},
    slots::{error::SlotsError, offer::Offer},
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

impl Related<super::specialist::Entity> for Entity {
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
