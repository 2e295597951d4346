//! Keys of bookings. One key means one thing: a session or a series, which both have its id.

use crate::{series, session};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr,
    sea_query::{Expr, Query, UnionType},
};
use uuid::Uuid;

/// What a key has booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A session.
    Session,
    /// A series.
    Series,
}

/// What the key with that id has booked; nothing when it is free.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// Two looks into primary keys, in one query.
pub async fn meaning(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Meaning>, DbErr> {
    let mut query = Query::select();
    query
        .expr_as(Expr::val(true), "is_session")
        .from(session::Entity)
        .and_where(session::Column::Id.eq(id))
        .union(
            UnionType::All,
            Query::select()
                .expr_as(Expr::val(false), "is_session")
                .from(series::Entity)
                .and_where(series::Column::Id.eq(id))
                .to_owned(),
        );
    let Some(row) = db.query_one(&query).await? else {
        return Ok(None);
    };
    let is_session: bool = row.try_get_by_index(0)?;
    Ok(Some(if is_session { Meaning::Session } else { Meaning::Series }))
}
