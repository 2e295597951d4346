//! Free texts about sessions: notes, reasons. Histories carry their ids only.

use crate::{db::Db, session};
use sea_orm::{
    DatabaseTransaction,
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
    let ids: Vec<_> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
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
