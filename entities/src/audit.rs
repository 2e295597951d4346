//! Who did what, when, to which fields. Rows are only ever added: the database refuses the rest.

use crate::column::Words;
use sea_orm::{
    Condition, DatabaseTransaction, IdenStatic, Iterable, QueryOrder, QuerySelect, entity::prelude::*,
    sea_query::ExprTrait,
};
use workflows::{
    ids::{AuditId, UserId},
    sessions::contract::Role,
    time::Instant,
};

/// Columns that say that a row has changed, and nothing else.
const BOOKKEEPING: [&str; 3] = ["version", "event_seq", "updated_at"];

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

impl Actor {
    /// Somebody who commands a session.
    #[must_use]
    pub fn of(role: Role, id: Option<UserId>, request_id: Option<String>) -> Self {
        let role = match role {
            Role::Client => "user",
            Role::Specialist => "specialist",
            Role::Admin => "admin",
            Role::Operator => "operator",
        };
        Self { id, role, request_id }
    }

    /// A workflow that does something of itself; `request_id` is the request that led there, where there was one.
    #[must_use]
    pub fn system(request_id: Option<String>) -> Self {
        Self {
            id: None,
            role: "system",
            request_id,
        }
    }
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

/// The fields that a change has changed, apart from those that every change does.
#[must_use]
pub fn changed_fields<M: ModelTrait>(before: &M, after: &M) -> Vec<&'static str> {
    <M::Entity as EntityTrait>::Column::iter()
        .filter(|column| before.get(*column) != after.get(*column))
        .map(|column| column.as_str())
        .filter(|name| !BOOKKEEPING.contains(name))
        .collect()
}

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// By them.
    pub actor: Option<UserId>,
    /// Of that kind of thing.
    pub target_kind: Option<String>,
    /// Of that thing.
    pub target_id: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// Then or later.
    pub from: Option<Instant>,
    /// Before.
    pub to: Option<Instant>,
    /// Where the page before ended: its last entry's moment and id.
    pub after: Option<(Instant, AuditId)>,
    /// How many at most.
    pub limit: u64,
}

/// A page of the trail, newest first.
///
/// # Errors
/// Whatever the database says.
pub async fn page(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Model>, DbErr> {
    page_query(filter).all(db).await
}

/// The query of [`page`], for whoever wants its plan.
#[must_use]
pub fn page_query(filter: &Filter) -> Select<Entity> {
    let Filter {
        actor,
        target_kind,
        target_id,
        action,
        from,
        to,
        after,
        limit,
    } = filter;
    let all = Condition::all()
        .add_option(actor.map(|actor| Column::ActorId.eq(actor)))
        .add_option(target_kind.as_ref().map(|kind| Column::TargetKind.eq(kind)))
        .add_option(target_id.as_ref().map(|id| Column::TargetId.eq(id)))
        .add_option(action.as_ref().map(|action| Column::Action.eq(action)))
        .add_option(from.map(|from| Column::At.gte(from)))
        .add_option(to.map(|to| Column::At.lt(to)))
        .add_option(after.map(|(at, id)| Column::At.lte(at).and(Column::At.lt(at).or(Column::Id.gt(id)))));
    Entity::find()
        .filter(all)
        .order_by_desc(Column::At)
        .order_by_asc(Column::Id)
        .limit(*limit)
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
