//! What the database says about insights.

use super::wire::{Audience, InsightView, TextList, TextView};
use crate::{
    auth::caller::Caller,
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
        params::Words,
    },
};
use entities::{
    daily_insight,
    db::{self, Db},
    insight_text, profile,
};
use workflows::{
    ids::InsightTextId,
    insights::{
        days::{self, Today},
        language::Language,
        sign::Sign,
    },
};

/// The list that cursors of this file belong to.
const LIST: &str = "insight_texts";

/// The caller's insight of today, and for how many seconds it will be that.
///
/// # Errors
/// [`ApiError::NotFound`] when the library has none for them.
pub async fn today(db: &Db, caller: &Caller, deadline: Deadline) -> Result<(InsightView, u32), ApiError> {
    let profile = deadline.database(profile::of(db.reader(), caller.user)).await?;
    let profile = profile.ok_or(ApiError::InvalidToken("the account is deleted"))?;
    let now = deadline.database(db::now(db.reader())).await?;
    let Today { date, left } = days::today(now, &profile.time_zone);
    let sign = profile.birth_date.map(|date| Sign::of(date.0));
    for language in Language::wanted(&profile.locale) {
        // Made now where nobody has yet: as the schedule would make it.
        let found = deadline.transaction(|| daily_insight::ensure(db, date, sign, &language, now));
        if let Some(insight) = found.await? {
            let seconds = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
            return Ok((InsightView::new(insight, sign), seconds));
        }
    }
    Err(ApiError::NotFound(Thing::Insight))
}

/// What of the library is asked for.
#[derive(Debug)]
pub struct Asked {
    /// Of that language.
    pub language: Option<Words>,
    /// For that sign, or for everybody.
    pub sign: Option<Audience>,
    /// Active or not.
    pub active: Option<bool>,
    /// How many.
    pub limit: Limit,
}

/// A page of the library.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a language that is none, or a cursor of something else.
pub async fn library(db: &Db, asked: Asked, cursor: Option<&str>, deadline: Deadline) -> Result<TextList, ApiError> {
    let language = match &asked.language {
        Some(Words(tag)) => {
            let language = Language::parse(tag);
            Some(language.ok_or_else(|| ApiError::invalid("language", "is no language tag such as de-AT"))?)
        }
        None => None,
    };
    let filter = insight_text::Filter {
        language,
        sign: asked.sign.map(Into::into),
        active: asked.active,
        after: page::after(LIST, cursor)?.map(InsightTextId),
        limit: asked.limit.0 + 1,
    };
    let rows = deadline.database(insight_text::page(db.reader(), &filter)).await?;
    let (rows, next_cursor) = page::split(rows, asked.limit, |row| page::cursor(LIST, &row.id));
    Ok(TextList {
        items: rows.into_iter().map(TextView::from).collect(),
        next_cursor,
    })
}
