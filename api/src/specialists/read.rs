//! What the database says about specialists.

use super::{
    availability,
    wire::{Limits, SortBy, SpecialistList, SpecialistView},
};
use crate::{
    copies::{Encoded, short},
    error::{ApiError, Thing},
    http::{
        deadline::Deadline,
        page::{self, Limit},
    },
    state::State,
};
use entities::{
    db::{self, Db},
    schedule,
    specialist::{self, Filter, Position, Sort, WithServices},
};
use jiff::civil::Date;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use workflows::ids::SpecialistId;

/// How many specialists one request looks through for a day with slots.
const LOOKED_THROUGH: u64 = 200;

/// Which specialists are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Does this.
    pub specialty: Option<String>,
    /// Speaks this.
    pub language: Option<String>,
    /// Says this of themselves.
    pub q: Option<String>,
    /// Rated at least so, one to five.
    pub min_rating: Option<f64>,
    /// Offers something for at most this, in minor units.
    pub max_price: Option<i64>,
    /// Has a free slot on this date of their own calendar.
    pub available_on: Option<Date>,
    /// In which order.
    pub sort: SortBy,
    /// How many.
    pub limit: Limit,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A place in the list, as cursors keep it.
#[derive(Serialize, Deserialize)]
enum Place {
    Name(String, SpecialistId),
    Number(i64, SpecialistId),
}

/// A page of active specialists, kept for others who ask the same; who is free on a day changes too often for that.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a cursor of another order.
pub async fn list(state: &State, wanted: Wanted, deadline: Deadline) -> Result<Encoded, ApiError> {
    let after = page::after::<Place>(kind(wanted.sort.into()), wanted.cursor.as_deref())?.map(Position::from);
    let lowercase = |words: Option<String>| words.map(|words| words.to_lowercase());
    let filter = Filter {
        specialty: lowercase(wanted.specialty),
        language: lowercase(wanted.language),
        q: lowercase(wanted.q),
        // Ratings are compared as whole ten-thousandths.
        min_rating_score: wanted.min_rating.map(|rating| (rating * 10_000.0).round() as i64),
        max_price_minor: wanted.max_price,
        sort: wanted.sort.into(),
        after,
        limit: wanted.limit.0 + 1,
    };
    // Questions that are spelt differently and mean the same have become one by now.
    let question = short(format!("{filter:?}").as_bytes());
    let page = async {
        let list = page(&state.db, filter, wanted.limit, wanted.available_on, deadline).await?;
        Ok(Some(Encoded::new(&list, list.next_cursor.clone())))
    };
    let copy = match wanted.available_on {
        Some(_) => page.await,
        None => {
            state
                .copies
                .read(specialist::list_place(&question), deadline, page)
                .await
        }
    };
    copy?.ok_or_else(|| ApiError::internal("a list is always there"))
}

/// One active specialist, kept for others.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn one(state: &State, id: SpecialistId, deadline: Deadline) -> Result<Encoded, ApiError> {
    let view = async {
        let view = view(&state.db, id, deadline).await?;
        Ok(view.map(|view| Encoded::new(&view, None)))
    };
    let copy = state.copies.read(specialist::place(id), deadline, view).await?;
    copy.ok_or(ApiError::NotFound(Thing::Specialist))
}

async fn page(
    db: &Db,
    filter: Filter,
    limit: Limit,
    available_on: Option<Date>,
    deadline: Deadline,
) -> Result<SpecialistList, ApiError> {
    let sort = filter.sort;
    let cursor = |last: &WithServices| page::cursor(kind(sort), &Place::from(last.position(sort)));
    let (found, next_cursor) = match available_on {
        None => {
            let found = deadline.database(specialist::list(db.reader(), &filter)).await?;
            page::split(found, limit, cursor)
        }
        Some(date) => available(db, filter, limit, date, cursor, deadline).await?,
    };
    let limits = deadline
        .database(limits(db, found.iter().map(|found| found.specialist.id)))
        .await?;
    let view = |found: WithServices| {
        let limits = limits.get(&found.specialist.id).copied().unwrap_or_default();
        SpecialistView::new(found, limits)
    };
    Ok(SpecialistList {
        items: found.into_iter().map(view).collect(),
        next_cursor,
    })
}

async fn view(db: &Db, id: SpecialistId, deadline: Deadline) -> Result<Option<SpecialistView>, ApiError> {
    let found = deadline.database(specialist::with_services(db.reader(), id)).await?;
    let Some(found) = found.filter(|found| found.specialist.active) else {
        return Ok(None);
    };
    let limits = deadline.database(limits(db, [id])).await?;
    let limits = limits.get(&id).copied().unwrap_or_default();
    Ok(Some(SpecialistView::new(found, limits)))
}

/// The page of those who have a free slot on `date`.
///
/// A request looks through so many at most: a page may be short, or empty, and still name a next one.
async fn available(
    db: &Db,
    mut filter: Filter,
    limit: Limit,
    date: Date,
    cursor: impl Fn(&WithServices) -> String,
    deadline: Deadline,
) -> Result<(Vec<WithServices>, Option<String>), ApiError> {
    let now = deadline.database(db::now(db.reader())).await?;
    filter.limit = LOOKED_THROUGH + 1;
    let candidates = deadline.database(specialist::list(db.reader(), &filter)).await?;
    let (candidates, beyond) = page::split(candidates, Limit(LOOKED_THROUGH), &cursor);
    let wanted = usize::try_from(limit.0).unwrap_or(usize::MAX);
    let mut found: Vec<WithServices> = Vec::new();
    for some in candidates.chunks(availability::AT_ONCE) {
        let free = availability::free_on(db, some, date, now, deadline).await?;
        for candidate in some
            .iter()
            .zip(free)
            .filter_map(|(candidate, free)| free.then_some(candidate))
        {
            if found.len() == wanted {
                let next = found.last().map(&cursor);
                return Ok((found, next));
            }
            found.push(candidate.clone());
        }
    }
    Ok((found, beyond))
}

async fn limits(
    db: &Db,
    specialists: impl IntoIterator<Item = SpecialistId>,
) -> Result<HashMap<SpecialistId, Limits>, DbErr> {
    let rows: Vec<(SpecialistId, i32, Option<i32>)> = schedule::Entity::find()
        .select_only()
        .columns([
            schedule::Column::SpecialistId,
            schedule::Column::MinimumNoticeMinutes,
            schedule::Column::BookingWindowDays,
        ])
        .filter(schedule::Column::SpecialistId.is_in(specialists))
        .into_tuple()
        .all(db.reader())
        .await?;
    let limits = |(id, minimum_notice_minutes, booking_window_days)| {
        (
            id,
            Limits {
                minimum_notice_minutes,
                booking_window_days,
            },
        )
    };
    Ok(rows.into_iter().map(limits).collect())
}

fn kind(sort: Sort) -> &'static str {
    match sort {
        Sort::Name => "specialists by name",
        Sort::Rating => "specialists by rating",
        Sort::Price => "specialists by price",
    }
}

impl From<SortBy> for Sort {
    fn from(sort: SortBy) -> Self {
        match sort {
            SortBy::Name => Self::Name,
            SortBy::Rating => Self::Rating,
            SortBy::Price => Self::Price,
        }
    }
}

impl From<Place> for Position {
    fn from(place: Place) -> Self {
        match place {
            Place::Name(name, id) => Self::Name(name, id),
            Place::Number(number, id) => Self::Number(number, id),
        }
    }
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        match position {
            Position::Name(name, id) => Self::Name(name, id),
            Position::Number(number, id) => Self::Number(number, id),
        }
    }
}
