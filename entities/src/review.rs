//! What clients say about sessions.

use sea_orm::{Condition, DatabaseTransaction, QueryOrder, QuerySelect, entity::prelude::*};
use workflows::{
    ids::{ReviewId, SessionId, SpecialistId, UserId},
    reviews::rules,
    time::Instant,
};

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "review")]
pub struct Model {
    /// The review.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReviewId,
    /// Of which session; a session has one at most.
    pub session_id: Option<SessionId>,
    /// About whom.
    pub specialist_id: SpecialistId,
    /// By whom; nobody when the account was deleted.
    pub client_id: Option<UserId>,
    /// The name shown.
    pub author: String,
    /// One to five stars.
    pub rating: i32,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Instant,
}

/// What a review refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A page of the reviews of a specialist, newest first; `after` is the last of the page before.
///
/// # Errors
/// Whatever the database says.
pub async fn page(
    db: &impl ConnectionTrait,
    specialist: SpecialistId,
    after: Option<(Instant, ReviewId)>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::SpecialistId.eq(specialist)).limit(limit);
    if let Some((created_at, id)) = after {
        let behind = Condition::any()
            .add(Column::CreatedAt.lt(created_at))
            .add(Column::Id.gt(id));
        query = query.filter(Column::CreatedAt.lte(created_at)).filter(behind);
    }
    query
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// How many reviews of a specialist gave one to five stars, in this order.
///
/// # Errors
/// Whatever the database says.
pub async fn histogram(db: &impl ConnectionTrait, specialist: SpecialistId) -> Result<[i64; 5], DbErr> {
    let counts: Vec<(i32, i64)> = Entity::find()
        .select_only()
        .column(Column::Rating)
        .column_as(Column::Id.count(), "n")
        .filter(Column::SpecialistId.eq(specialist))
        .group_by(Column::Rating)
        .into_tuple()
        .all(db)
        .await?;
    let of = |stars| {
        counts
            .iter()
            .find(|(rating, _)| *rating == stars)
            .map_or(0, |(_, n)| *n)
    };
    Ok([of(1), of(2), of(3), of(4), of(5)])
}

/// The review of a session.
///
/// # Errors
/// Whatever the database says.
pub async fn of_session(db: &impl ConnectionTrait, session: SessionId) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::SessionId.eq(session)).one(db).await
}

/// Store a review and count it into the specialist's average; the constraint [`crate::fault::REVIEW_SESSION`] refuses a second one.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &DatabaseTransaction, review: Model) -> Result<(), DbErr> {
    let Model {
        specialist_id,
        rating,
        created_at,
        ..
    } = review;
    Entity::insert(ActiveModel::from(review))
        .exec_without_returning(tx)
        .await?;
    super::specialist::count_review(tx, specialist_id, rating, created_at).await
}

/// The reviews that a client wrote, oldest first.
///
/// # Errors
/// Whatever the database says.
pub async fn of_client(db: &impl ConnectionTrait, client: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClientId.eq(client))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// Take a deleted person's name and words out of their reviews; the ratings stay, and with them the average.
///
/// # Errors
/// Whatever the database says.
pub async fn anonymise(tx: &DatabaseTransaction, client: UserId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ClientId, Expr::value(None::<UserId>))
        .col_expr(Column::Author, Expr::value(rules::author("")))
        .col_expr(Column::Text, Expr::value(""))
        .filter(Column::ClientId.eq(client))
        .exec(tx)
        .await
        .map(drop)
}
