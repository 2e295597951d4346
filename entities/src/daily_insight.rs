//! The insights of days: what each sign is shown in each language, chosen from the library once.

use crate::{column::LocalDate, db::Db, insight_text};
use jiff::{ToSpan, civil::Date};
use sea_orm::{
    DatabaseTransaction, FromQueryResult, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict},
};
use std::collections::{BTreeMap, BTreeSet};
use workflows::{
    ids::InsightTextId,
    insights::{
        choose::{Candidate, REST_DAYS, choose},
        contract::Prepared,
        language::Language,
        sign::{self, Sign},
    },
    time::Instant,
};

/// As many rows are written by one statement.
const BATCH: usize = 200;

/// What a sign is shown on a day, in a language.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "daily_insight")]
pub struct Model {
    /// On which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub date: LocalDate,
    /// To whom: the name of a sign, or [`sign::GENERIC`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub sign: String,
    /// The tag of its language.
    #[sea_orm(primary_key, auto_increment = false)]
    pub language: String,
    /// Of which text it is a copy; that may be gone.
    pub text_id: InsightTextId,
    /// What stands above it.
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// When it was chosen.
    pub created_at: Instant,
}

/// What it refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The insight of a day.
///
/// # Errors
/// Whatever the database says.
pub async fn find(
    db: &impl ConnectionTrait,
    date: Date,
    sign: Option<Sign>,
    language: &Language,
) -> Result<Option<Model>, DbErr> {
    let key = (LocalDate(date), sign::name(sign).to_owned(), language.tag().to_owned());
    Entity::find_by_id(key).one(db).await
}

/// The insight of a day, chosen now where nobody has asked for it yet; nothing where the library has none.
///
/// The choice is that of [`prepare_day`], and whichever comes first is what both find.
///
/// # Errors
/// Whatever the database says.
pub async fn ensure(
    db: &Db,
    date: Date,
    sign: Option<Sign>,
    language: &Language,
    now: Instant,
) -> Result<Option<Model>, DbErr> {
    // Looked for outside of a transaction first: most of the time it is there.
    if let Some(found) = find(db.reader(), date, sign, language).await? {
        return Ok(Some(found));
    }
    if insight_text::candidates(db.reader(), language, sign).await?.is_empty() {
        return Ok(None);
    }
    let tx = db.begin_write().await?;
    let candidates = insight_text::candidates(&tx, language, sign).await?;
    let used = used(&tx, date, Some((sign::name(sign), language))).await?;
    let used: Vec<_> = used.into_iter().map(|row| (row.text_id, row.date.0)).collect();
    if let Some(chosen) = choose(date, sign, &candidates, &used) {
        let wanted = Wanted {
            sign,
            language: language.tag().to_owned(),
            text: chosen,
        };
        write(&tx, date, vec![wanted], now).await?;
    }
    let found = find(&tx, date, sign, language).await?;
    tx.commit().await?;
    Ok(found)
}

/// Choose what a day lacks, of each sign and language of the library; a repeat changes nothing.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// Reads the ids of the active library and two months of days, writes 13 rows a language.
pub async fn prepare_day(db: &Db, date: Date, now: Instant) -> Result<Prepared, DbErr> {
    let tx = db.begin_write().await?;
    let library = insight_text::active(&tx).await?;
    let around = used(&tx, date, None).await?;
    let there: BTreeSet<_> = around
        .iter()
        .filter(|row| row.date.0 == date)
        .map(|row| (row.sign.clone(), row.language.clone()))
        .collect();
    let mut shown = BTreeMap::<(String, String), Vec<(InsightTextId, Date)>>::new();
    for row in around {
        let days = shown.entry((row.sign, row.language)).or_default();
        days.push((row.text_id, row.date.0));
    }
    let languages: BTreeSet<_> = library.iter().map(|(language, _, _)| language).collect();
    let mut wanted = Vec::new();
    for language in languages {
        for sign in [None].into_iter().chain(Sign::ALL.map(Some)) {
            let key = (sign::name(sign).to_owned(), language.clone());
            if there.contains(&key) {
                continue;
            }
            let candidates: Vec<_> = library
                .iter()
                .filter(|(of, for_sign, _)| of == language && (for_sign.is_none() || *for_sign == sign))
                .map(|(_, for_sign, id)| Candidate {
                    id: *id,
                    own: for_sign.is_some(),
                })
                .collect();
            let used = shown.get(&key).map_or(&[][..], Vec::as_slice);
            if let Some(text) = choose(date, sign, &candidates, used) {
                wanted.push(Wanted {
                    sign,
                    language: language.clone(),
                    text,
                });
            }
        }
    }
    let made = write(&tx, date, wanted, now).await?;
    tx.commit().await?;
    Ok(Prepared {
        made,
        there: u32::try_from(there.len()).unwrap_or(u32::MAX),
    })
}

/// Have the days from `from` on follow a text that says something else now.
pub(crate) async fn text_changed(
    tx: &DatabaseTransaction,
    text: &insight_text::Model,
    from: Date,
) -> Result<(), DbErr> {
    if !text.active {
        return text_gone(tx, text.id, from).await;
    }
    let mut elsewhere = Column::Language.ne(text.language.as_str());
    if let Some(sign) = text.sign {
        elsewhere = elsewhere.or(Column::Sign.ne(sign.as_str()));
    }
    Entity::delete_many()
        .filter(Column::TextId.eq(text.id))
        .filter(Column::Date.gte(LocalDate(from)))
        .filter(elsewhere)
        .exec(tx)
        .await?;
    Entity::update_many()
        .col_expr(Column::Title, Expr::value(text.title.clone()))
        .col_expr(Column::Text, Expr::value(text.text.clone()))
        .filter(Column::TextId.eq(text.id))
        .filter(Column::Date.gte(LocalDate(from)))
        .exec(tx)
        .await
        .map(drop)
}

/// Have the days from `from` on choose another text.
pub(crate) async fn text_gone(tx: &DatabaseTransaction, text: InsightTextId, from: Date) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::TextId.eq(text))
        .filter(Column::Date.gte(LocalDate(from)))
        .exec(tx)
        .await
        .map(drop)
}

/// Which text a day has, as far as a choice asks for it.
#[derive(Debug, FromQueryResult)]
struct Used {
    date: LocalDate,
    sign: String,
    language: String,
    text_id: InsightTextId,
}

/// What was chosen for the days around one, itself included.
async fn used(tx: &DatabaseTransaction, date: Date, of: Option<(&str, &Language)>) -> Result<Vec<Used>, DbErr> {
    let first = date.saturating_sub((REST_DAYS - 1).days());
    let last = date.saturating_add((REST_DAYS - 1).days());
    let mut query = Entity::find()
        .select_only()
        .columns([Column::Date, Column::Sign, Column::Language, Column::TextId])
        .filter(Column::Date.gte(LocalDate(first)))
        .filter(Column::Date.lte(LocalDate(last)));
    if let Some((sign, language)) = of {
        query = query
            .filter(Column::Sign.eq(sign))
            .filter(Column::Language.eq(language.tag()));
    }
    query.into_model().all(tx).await
}

/// A choice.
struct Wanted {
    sign: Option<Sign>,
    language: String,
    text: InsightTextId,
}

/// Copy what was chosen; what somebody else has written meanwhile stays. How many are new.
async fn write(tx: &DatabaseTransaction, date: Date, wanted: Vec<Wanted>, now: Instant) -> Result<u32, DbErr> {
    let mut n = 0;
    for batch in wanted.chunks(BATCH) {
        let texts = insight_text::Entity::find()
            .filter(insight_text::Column::Id.is_in(batch.iter().map(|wanted| wanted.text)))
            // It may have been withdrawn since it was chosen.
            .filter(insight_text::Column::Active.eq(true))
            .all(tx)
            .await?;
        let texts: BTreeMap<_, _> = texts.into_iter().map(|text| (text.id, text)).collect();
        let rows: Vec<_> = batch
            .iter()
            .filter_map(|wanted| {
                let text = texts.get(&wanted.text)?;
                Some(ActiveModel::from(Model {
                    date: LocalDate(date),
                    sign: sign::name(wanted.sign).to_owned(),
                    language: wanted.language.clone(),
                    text_id: text.id,
                    title: text.title.clone(),
                    text: text.text.clone(),
                    created_at: now,
                }))
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let once = OnConflict::columns([Column::Date, Column::Sign, Column::Language])
            .do_nothing()
            .to_owned();
        let written = Entity::insert_many(rows)
            .on_conflict(once)
            .exec_without_returning(tx)
            .await?;
        n += written;
    }
    Ok(u32::try_from(n).unwrap_or(u32::MAX))
}
