//! To whom a daily report has been mailed.

use crate::column::LocalDate;
use jiff::civil::Date;
use sea_orm::{DatabaseTransaction, QuerySelect, entity::prelude::*, sea_query::OnConflict};
use workflows::time::Instant;

/// A recipient who has been dealt with.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "report_mail")]
pub struct Model {
    /// The report's day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub date: LocalDate,
    /// A digest of the address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub recipient: Uuid,
    /// `sent`, `skipped` or `refused`.
    pub status: String,
    /// When the mail was asked for.
    pub at: Instant,
}

/// What it refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The recipients of a day who have been dealt with.
///
/// # Errors
/// Whatever the database says.
pub async fn dealt_with(db: &impl ConnectionTrait, date: Date) -> Result<Vec<Uuid>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Recipient)
        .filter(Column::Date.eq(LocalDate(date)))
        .into_tuple()
        .all(db)
        .await
}

/// Put on record what became of a mail; a second time changes nothing.
///
/// # Errors
/// Whatever the database says.
pub async fn record(tx: &DatabaseTransaction, mail: Model) -> Result<(), DbErr> {
    let once = OnConflict::columns([Column::Date, Column::Recipient])
        .do_nothing()
        .to_owned();
    Entity::insert(ActiveModel::from(mail))
        .on_conflict(once)
        .exec_without_returning(tx)
        .await
        .map(drop)
}
