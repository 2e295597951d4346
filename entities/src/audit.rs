//! Who did what, when, to which fields. Rows are only ever added: the database refuses the rest.

use crate::column::Words;
use sea_orm::{DatabaseTransaction, entity::prelude::*};
use workflows::{
    ids::{AuditId, UserId},
    time::Instant,
};

/// Something that was done. Ids and names of fields, no personal values, so that it can outlive the person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    /// The entry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditId,
    /// When.
    pub at: Instant,
    /// By whom; nobody when a workflow did it of itself.
    pub actor_id: Option<UserId>,
    /// In which role.
    pub actor_role: String,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    /// To which one.
    pub target_id: String,
    /// To which of its fields.
    pub fields: Words,
    /// In which request.
    pub request_id: Option<String>,
}

/// What an entry refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Add an entry, in the transaction of what it tells of.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, entry: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(entry))
        .exec_without_returning(tx)
        .await
        .map(drop)
}
