//! The library of daily insights: texts for a sign or for everybody, edited by administrators.

use crate::daily_insight;
use jiff::civil::Date;
use sea_orm::{DatabaseTransaction, DbBackend, QueryOrder, QuerySelect, entity::prelude::*, sea_query::ExprTrait};
use workflows::{
    ids::InsightTextId,
    insights::{choose::Candidate, days::earliest, language::Language, sign::Sign},
    time::Instant,
};

/// A text of the library.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "insight_text")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InsightTextId,
    /// The tag of its language, as [`Language`] spells it.
    pub language: String,
    /// For whom; for everybody when absent.
    pub sign: Option<Sign>,
    /// What stands above it.
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// Whether days may be made of it.
    pub active: bool,
    /// Raised by every change.
    pub version: i32,
    /// When it was written.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

/// What it refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which texts are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of that language.
    pub language: Option<Language>,
    /// Of that sign; `Some(None)` are those for everybody.
    pub sign: Option<Option<Sign>>,
    /// Active or not.
    pub active: Option<bool>,
    /// Behind that one.
    pub after: Option<InsightTextId>,
    /// How many at most.
    pub limit: u64,
}

/// A page of the library, in the order in which it was written.
///
/// # Errors
/// Whatever the database says.
pub async fn page(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find();
    if let Some(language) = &filter.language {
        query = query.filter(Column::Language.eq(language.tag()));
    }
    match filter.sign {
        Some(Some(sign)) => query = query.filter(Column::Sign.eq(sign)),
        Some(None) => query = query.filter(Column::Sign.is_null()),
        None => {}
    }
    if let Some(active) = filter.active {
        query = query.filter(Column::Active.eq(active));
    }
    if let Some(after) = filter.after {
        query = query.filter(Column::Id.gt(after));
    }
    query.order_by_asc(Column::Id).limit(filter.limit).all(db).await
}

/// A text that nobody else changes until this transaction has ended.
///
/// # Errors
/// Whatever the database says.
pub async fn locked(tx: &DatabaseTransaction, id: InsightTextId) -> Result<Option<Model>, DbErr> {
    let wanted = Entity::find_by_id(id);
    // On SQLite the transaction itself is alone already.
    if tx.get_database_backend() == DbBackend::Postgres {
        return wanted.lock_exclusive().one(tx).await;
    }
    wanted.one(tx).await
}

/// What days of each language and sign can be made of: language, sign, and the text's id, of every active text.
///
/// # Errors
/// Whatever the database says.
pub async fn active(db: &impl ConnectionTrait) -> Result<Vec<(String, Option<Sign>, InsightTextId)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Language, Column::Sign, Column::Id])
        .filter(Column::Active.eq(true))
        .order_by_asc(Column::Language)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await
}

/// The texts of which a day of `sign` can be made.
///
/// # Errors
/// Whatever the database says.
pub async fn candidates(
    db: &impl ConnectionTrait,
    language: &Language,
    sign: Option<Sign>,
) -> Result<Vec<Candidate>, DbErr> {
    let mut of_sign = Column::Sign.is_null();
    if let Some(sign) = sign {
        of_sign = of_sign.or(Column::Sign.eq(sign));
    }
    let found: Vec<(InsightTextId, Option<Sign>)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Sign])
        .filter(Column::Active.eq(true))
        .filter(Column::Language.eq(language.tag()))
        .filter(of_sign)
        .into_tuple()
        .all(db)
        .await?;
    let candidate = |(id, of): (InsightTextId, Option<Sign>)| Candidate { id, own: of.is_some() };
    Ok(found.into_iter().map(candidate).collect())
}

/// Add a text to the library.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, text: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(text))
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// Put `text` in the place of the one of its id, with the version after it; nothing when there is none.
///
/// Days that are not over have the new words, or are made anew where it does not do for them any more.
///
/// # Errors
/// Whatever the database says.
pub async fn replace(tx: &DatabaseTransaction, text: Model, now: Instant) -> Result<Option<Model>, DbErr> {
    let changed = Entity::update_many()
        .col_expr(Column::Language, Expr::value(text.language))
        .col_expr(Column::Sign, Expr::value(text.sign))
        .col_expr(Column::Title, Expr::value(text.title))
        .col_expr(Column::Text, Expr::value(text.text))
        .col_expr(Column::Active, Expr::value(text.active))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(text.id))
        .exec_with_returning(tx)
        .await?;
    let changed = changed.into_iter().next();
    if let Some(text) = &changed {
        daily_insight::text_changed(tx, text, from(now)).await?;
    }
    Ok(changed)
}

/// Remove a text; whether there was one. Days that are not over are made anew.
///
/// # Errors
/// Whatever the database says.
pub async fn delete(tx: &DatabaseTransaction, id: InsightTextId, now: Instant) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(id).exec(tx).await?;
    daily_insight::text_gone(tx, id, from(now)).await?;
    Ok(0 < deleted.rows_affected)
}

fn from(now: Instant) -> Date {
    earliest(now)
}
