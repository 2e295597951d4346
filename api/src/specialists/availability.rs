//! When specialists are free, and why not.

use super::wire::{AvailabilityView, DayView, ExplainView, SlotView};
use crate::{
    auth::caller::Caller,
    error::{ApiError, Thing},
    http::{deadline::Deadline, instant::Utc},
};
use entities::{
    availability::Availability,
    db::{self, Db},
    specialist::WithServices,
};
use futures::future::try_join_all;
use jiff::{
    ToSpan,
    civil::{Date, Time},
};
use sea_orm::DbErr;
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId},
    sessions::{contract::ServiceChoice, error::SessionError},
    slots::{
        calendar::by_day,
        refusal::Refusal,
        schedule::Zone,
        wall::{self, Wall},
    },
    time::Instant,
};

/// The longest range of one question, in days.
const LONGEST_DAYS: i64 = 62;
/// How many calendars are read at the same time, each by two connections.
pub(super) const AT_ONCE: usize = 4;

/// Which slots are asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Starts then or later.
    pub from: Instant,
    /// Starts before.
    pub to: Instant,
    /// The zone that days are told in; the specialist's when absent.
    pub time_zone: Option<Zone>,
    /// Of what.
    pub service: ServiceChoice,
}

impl Wanted {
    /// A question about at most 62 days.
    ///
    /// # Errors
    /// [`ApiError::InvalidRequest`].
    pub fn new(from: Utc, to: Utc, time_zone: Option<Zone>, service: ServiceChoice) -> Result<Self, ApiError> {
        let (Utc(from), Utc(to)) = (from, to);
        if to < from {
            return Err(ApiError::invalid("to", "lies before from"));
        }
        if from.plus_minutes(LONGEST_DAYS * 24 * 60) < to {
            return Err(ApiError::invalid(
                "to",
                format!("lies more than {LONGEST_DAYS} days after from"),
            ));
        }
        Ok(Self {
            from,
            to,
            time_zone,
            service,
        })
    }
}

/// The service that two parameters name between them.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for none or both.
pub fn choice(duration_minutes: Option<u32>, service_id: Option<Uuid>) -> Result<ServiceChoice, ApiError> {
    match (duration_minutes, service_id) {
        (Some(minutes), None) => Ok(ServiceChoice::Minutes(minutes)),
        (None, Some(id)) => Ok(ServiceChoice::Id(ServiceId(id))),
        (None, None) => Err(ApiError::invalid("duration_minutes", "is required, or service_id")),
        (Some(_), Some(_)) => Err(ApiError::invalid("service_id", "give either this or duration_minutes")),
    }
}

/// Free slots by local day.
///
/// # Errors
/// [`ApiError::NotFound`]; a refusal `unknown_duration` for what is not offered; [`ApiError::TooManyStarts`].
pub async fn free(
    db: &Db,
    specialist: SpecialistId,
    wanted: Wanted,
    deadline: Deadline,
) -> Result<AvailabilityView, ApiError> {
    let Wanted {
        from,
        to,
        time_zone,
        service,
    } = wanted;
    let now = deadline.database(db::now(db.reader())).await?;
    let availability = load(db, specialist, from, to, deadline).await?;
    let unknown = || {
        ApiError::refused(SessionError::NotBookable {
            because: vec![Refusal::UnknownDuration],
        })
    };
    let service = availability.choose(service).ok_or_else(unknown)?;
    let slots = availability.free(service, now, from, to)?;
    let zone = time_zone.unwrap_or_else(|| availability.zone().clone());
    let days = by_day(&slots, &zone).into_iter().map(|(date, slots)| DayView {
        date: date.to_string(),
        slots: slots.into_iter().map(SlotView::from).collect(),
    });
    Ok(AvailabilityView {
        specialist_id: specialist.0,
        time_zone: zone.name().to_owned(),
        days: days.collect(),
    })
}

/// Every rule that forbids a start, and what it would meet: for its specialist and for whoever runs the place.
///
/// # Errors
/// [`ApiError::NotFound`], [`ApiError::InsufficientPermissions`].
pub async fn explain(
    db: &Db,
    caller: &Caller,
    specialist: SpecialistId,
    at: Utc,
    service: ServiceChoice,
    deadline: Deadline,
) -> Result<ExplainView, ApiError> {
    let now = deadline.database(db::now(db.reader())).await?;
    let availability = load(db, specialist, at.0, at.0, deadline).await?;
    if availability.specialist().user_id != Some(caller.user) && !caller.is_admin() {
        return Err(ApiError::InsufficientPermissions);
    }
    let Some(service) = availability.choose(service) else {
        return Ok(ExplainView::new(at, &[Refusal::UnknownDuration], Vec::new()));
    };
    let because = availability.why_not(service, now, at.0, None);
    Ok(ExplainView::new(
        at,
        &because,
        availability.blockers(service, now, at.0),
    ))
}

async fn load(
    db: &Db,
    specialist: SpecialistId,
    from: Instant,
    to: Instant,
    deadline: Deadline,
) -> Result<Availability, ApiError> {
    let loaded = deadline
        .database(Availability::load(db.reader(), specialist, from, to))
        .await?;
    loaded.ok_or(ApiError::NotFound(Thing::Specialist))
}

/// Which of these specialists have a free slot on `date` of their own calendar.
pub(super) async fn free_on(
    db: &Db,
    candidates: &[WithServices],
    date: Date,
    now: Instant,
    deadline: Deadline,
) -> Result<Vec<bool>, ApiError> {
    let questions = candidates.iter().map(|candidate| is_free_on(db, candidate, date, now));
    deadline.database(try_join_all(questions)).await
}

async fn is_free_on(db: &Db, candidate: &WithServices, date: Date, now: Instant) -> Result<bool, DbErr> {
    let Ok(zone) = Zone::new(&candidate.specialist.time_zone) else {
        return Ok(false);
    };
    let Some((from, to)) = day(&zone, date) else {
        return Ok(false);
    };
    let Some(availability) = Availability::load(db.reader(), candidate.specialist.id, from, to).await? else {
        return Ok(false);
    };
    // What has too many starts to list has some.
    let has_some = |service| {
        availability
            .free(service, now, from, to)
            .map_or(true, |slots| !slots.is_empty())
    };
    Ok(availability.services().iter().any(has_some))
}

/// From midnight to midnight.
fn day(zone: &Zone, date: Date) -> Option<(Instant, Instant)> {
    let midnight = |date| match wall::resolve(zone, date, Time::midnight()).ok()? {
        Wall::At(at) | Wall::Skipped { moved: at } => Some(at),
    };
    Some((midnight(date)?, midnight(date.checked_add(1.day()).ok()?)?))
}
