//! Free texts about sessions: notes, reasons. Histories carry their ids only.

use crate::{db::Db, session};
use sea_orm::{
    Condition, DatabaseTransaction, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, Query},
};
use workflows::{
    ids::{TextId, UserId},
    time::Instant,
};

/// A text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_text")]
pub struct Model {
    /// The text's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TextId,
    /// Who wrote it.
    pub author_id: UserId,
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub text: String,
    /// When it was stored, before the command that refers to it.
    pub created_at: Instant,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Kind {
    /// What the client wants the specialist to know.
    Notes,
    /// Why a session was cancelled.
    Reason,
}

/// What a text refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Store a text.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, text: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(text))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// The texts of these ids, which come from a session that the caller may see.
///
/// # Errors
/// Whatever the database says.
pub async fn by_ids(db: &impl ConnectionTrait, ids: impl IntoIterator<Item = TextId>) -> Result<Vec<Model>, DbErr> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    let Some(last) = ids.last().copied() else {
        return Ok(Vec::new());
    };
    // So that there are few statements, whatever the number of texts: a connection remembers a hundred.
    ids.resize(ids.len().next_power_of_two(), last);
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}

/// What somebody wrote, up to `limit` behind the text `after`.
///
/// # Errors
/// Whatever the database says.
pub async fn of_author(
    db: &impl ConnectionTrait,
    author: UserId,
    after: Option<TextId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::AuthorId.eq(author)).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    query.order_by_asc(Column::Id).all(db).await
}

/// Erase the texts of a deleted person: those of the sessions that they booked, whoever wrote them, and what else they
/// wrote, but for what stands with somebody else's session.
///
/// # Errors
/// Whatever the database says.
pub async fn erase(tx: &DatabaseTransaction, client: UserId) -> Result<(), DbErr> {
    use session::Column::{CancelReasonId, ClientId, NotesId};
    let named = |column: session::Column| {
        Query::select()
            .column((session::Entity, column))
            .from(session::Entity)
            .and_where(ClientId.eq(client))
            .and_where(Expr::col((session::Entity, column)).is_not_null())
            .to_owned()
    };
    let of_another = |column: session::Column| {
        Query::select()
            .expr(Expr::val(1))
            .from(session::Entity)
            .and_where(Expr::col((session::Entity, column)).equals((Entity, Column::Id)))
            .and_where(ClientId.ne(client))
            .to_owned()
    };
    let wrote = Condition::all()
        .add(Column::AuthorId.eq(client))
        .add(Expr::exists(of_another(NotesId)).not())
        .add(Expr::exists(of_another(CancelReasonId)).not());
    let theirs = Condition::any()
        .add(Column::Id.in_subquery(named(NotesId)))
        .add(Column::Id.in_subquery(named(CancelReasonId)))
        .add(wrote);
    Entity::delete_many().filter(theirs).exec(tx).await.map(drop)
}

/// Remove texts from before `until` that no session refers to; answers how many.
///
/// # Errors
/// Whatever the database says.
pub async fn sweep(db: &Db, until: Instant) -> Result<u64, DbErr> {
    let named = |column: session::Column| {
        Query::select()
            .expr(Expr::val(1))
            .from(session::Entity)
            .and_where(Expr::col((session::Entity, column)).equals((Entity, Column::Id)))
            .to_owned()
    };
    let tx = db.begin_write().await?;
    let swept = Entity::delete_many()
        .filter(Column::CreatedAt.lt(until))
        .filter(Expr::exists(named(session::Column::NotesId)).not())
        .filter(Expr::exists(named(session::Column::CancelReasonId)).not())
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(swept.rows_affected)
}
