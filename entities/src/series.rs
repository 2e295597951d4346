//! Recurring bookings: what was asked for as one.

use sea_orm::{DatabaseTransaction, FromJsonQueryResult, QueryOrder, entity::prelude::*};
use serde::{Deserialize, Serialize};
use workflows::{
    ids::{SeriesId, SpecialistId, UserId},
    series::contract::RefusedStart,
    time::Instant,
};

use crate::session;

/// A recurring booking.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "series")]
pub struct Model {
    /// The series.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SeriesId,
    /// Who booked it.
    pub client_id: UserId,
    /// Who gives it.
    pub specialist_id: SpecialistId,
    /// A keyed hash of the request that booked it.
    pub request_hash: String,
    /// The starts that could not be had.
    pub refused: RefusedStarts,
    /// When it was reserved.
    pub created_at: Instant,
}

/// Starts that could not be had, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct RefusedStarts(pub Vec<RefusedStart>);

/// What a series refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A series by its id, whoever asks: for steps, and for the key that made it.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(db: &impl ConnectionTrait, id: SeriesId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// A series that `client` booked.
///
/// # Errors
/// Whatever the database says.
pub async fn of_client(db: &impl ConnectionTrait, client: UserId, id: SeriesId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).filter(Column::ClientId.eq(client)).one(db).await
}

/// What a client booked as series, oldest first.
///
/// # Errors
/// Whatever the database says.
pub async fn all_of_client(db: &impl ConnectionTrait, client: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// The sessions of a series, earliest first.
///
/// # Errors
/// Whatever the database says.
pub async fn sessions(db: &impl ConnectionTrait, id: SeriesId) -> Result<Vec<session::Model>, DbErr> {
    session::Entity::find()
        .filter(session::Column::SeriesId.eq(id))
        .order_by_asc(session::Column::StartsAt)
        .order_by_asc(session::Column::Id)
        .all(db)
        .await
}

/// Store a series that has been reserved.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, series: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(series))
        .exec_without_returning(tx)
        .await
        .map(drop)
}
