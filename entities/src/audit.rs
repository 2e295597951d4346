//! Who did what, when, to which fields. Rows are only ever added: the database refuses the rest.

use crate::column::Words;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect, entity::prelude::*};
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

/// Who does something, and in which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who; nobody when a workflow does it of itself.
    pub id: Option<UserId>,
    /// In which role: `user`, `specialist`, `admin`, `operator` or `system`.
    pub role: &'static str,
    /// The request's id, where it is one.
    pub request_id: Option<String>,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// What, as noun and verb: `review.create`.
    pub action: &'static str,
    /// To what kind of thing: `review`.
    pub target_kind: &'static str,
    /// To which one.
    pub target_id: String,
    /// To which of its fields.
    pub fields: &'a [&'a str],
}

/// Put on record that `actor` does `act`, in the transaction that does it.
///
/// # Errors
/// Whatever the database says.
pub async fn record(tx: &DatabaseTransaction, actor: &Actor, act: Act<'_>, now: Instant) -> Result<(), DbErr> {
    let Actor { id, role, request_id } = actor.clone();
    let entry = Model {
        id: AuditId(Uuid::now_v7()),
        at: now,
        actor_id: id,
        actor_role: role.to_owned(),
        action: act.action.to_owned(),
        target_kind: act.target_kind.to_owned(),
        target_id: act.target_id,
        fields: Words(act.fields.iter().map(|&field| field.to_owned()).collect()),
        request_id,
    };
    insert(tx, entry).await
}

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

/// What `actor` did, oldest first: up to `limit` behind the entry `after`.
///
/// # Errors
/// Whatever the database says.
pub async fn of_actor(
    db: &impl ConnectionTrait,
    actor: UserId,
    after: Option<AuditId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::ActorId.eq(actor)).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    // Ids rise with time.
    query.order_by_asc(Column::Id).all(db).await
}
