//! What the slot functions need to know of one specialist, read for a span of time.
//!
//! Rows go in, the types of [`workflows::slots`] come out; the judgement is made there. The HTTP layer lists slots and
//! refuses at once with it, the reserving step decides with it under the specialist's lock.

use crate::{busy_interval, column::unsigned, schedule, service, session, specialist};
use jiff::{ToSpan, tz::TimeZone};
use sea_orm::{ConnectionTrait, DbErr};
use std::collections::BTreeMap;
use workflows::{
    ids::{SeatGroup, SessionId, SpecialistId},
    sessions::{
        contract::{ServiceChoice, seat_group},
        error::SessionError,
        rules,
    },
    slots::{
        busy::{Busy, Occupied},
        calendar::{Blockers, Calendar, MAX_DAYS_AHEAD, Slot},
        error::SlotsError,
        refusal::Refusal,
        schedule::{Schedule, Zone},
    },
    time::Instant,
};

/// Minutes around a span in which sessions may meet it: blocks last up to 48 hours.
const NEAR_MINUTES: i64 = 3 * 24 * 60;
/// The same where a week's cap must be counted.
const WEEK_MINUTES: i64 = 8 * 24 * 60;

/// One specialist's schedule, services, blocking sessions and calendars elsewhere around a span of time.
#[derive(Clone, Debug)]
pub struct Availability {
    specialist: specialist::Model,
    services: Vec<service::Model>,
    rules: schedule::Model,
    schedule: Schedule,
    sessions: Vec<session::Blocking>,
    busy: Vec<Busy>,
}

impl Availability {
    /// Read what decides about starts in `[from, to)`; nothing when no active specialist has that id.
    ///
    /// # Errors
    /// Whatever the database says; [`DbErr::Custom`] for a stored zone that the tz database does not have.
    ///
    /// # Cost
    /// Four queries, two at a time where `db` has connections for that.
    pub async fn load(
        db: &impl ConnectionTrait,
        specialist: SpecialistId,
        from: Instant,
        to: Instant,
    ) -> Result<Option<Self>, DbErr> {
        // A day more than any zone needs, so that nothing waits for the zone.
        let date = |at: Instant| at.timestamp().to_zoned(TimeZone::UTC).date();
        let first = date(from).saturating_sub(5.days());
        let last = date(to).saturating_add(5.days());
        let (found, scheduled) = tokio::try_join!(
            specialist::with_services(db, specialist),
            schedule::with_overrides(db, specialist, first, last),
        )?;
        let (Some(found), Some((rules, overrides))) = (found, scheduled) else {
            return Ok(None);
        };
        let specialist::WithServices {
            specialist: row,
            services,
        } = found;
        if !row.active {
            return Ok(None);
        }
        let margin = if rules.max_per_week.is_some() {
            WEEK_MINUTES
        } else {
            NEAR_MINUTES
        };
        let (from, to) = (from.plus_minutes(-margin), to.plus_minutes(margin));
        let (sessions, busy) = tokio::try_join!(
            session::blocking(db, specialist, from, to),
            busy_interval::of_specialist(db, specialist, from, to),
        )?;
        let schedule = rules
            .rules(&row.time_zone, overrides)
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let services = services.into_iter().filter(|service| service.active).collect();
        Ok(Some(Self {
            specialist: row,
            services,
            rules,
            schedule,
            sessions,
            busy,
        }))
    }

    /// As [`load`](Self::load), for everything that could be offered from `now` on: 62 days.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_ahead(
        db: &impl ConnectionTrait,
        specialist: SpecialistId,
        from: Instant,
    ) -> Result<Option<Self>, DbErr> {
        let to = from.plus_minutes(i64::from(MAX_DAYS_AHEAD) * 24 * 60);
        Self::load(db, specialist, from, to).await
    }

    /// The specialist.
    #[must_use]
    pub fn specialist(&self) -> &specialist::Model {
        &self.specialist
    }

    /// What they offer, in their order.
    #[must_use]
    pub fn services(&self) -> &[service::Model] {
        &self.services
    }

    /// Their opening hours and policies as stored.
    #[must_use]
    pub fn rules(&self) -> &schedule::Model {
        &self.rules
    }

    /// Where their wall clock hangs.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.schedule.time_zone
    }

    /// The blocking sessions that were read.
    #[must_use]
    pub fn sessions(&self) -> &[session::Blocking] {
        &self.sessions
    }

    /// The service that is meant, if it is offered.
    #[must_use]
    pub fn choose(&self, choice: ServiceChoice) -> Option<&service::Model> {
        self.services.iter().find(|service| match choice {
            ServiceChoice::Id(id) => service.id == id,
            ServiceChoice::Minutes(minutes) => u32::try_from(service.duration_minutes) == Ok(minutes),
        })
    }

    /// Free starts of a service in `[from, to)`, earliest first.
    ///
    /// # Errors
    /// [`SlotsError::TooManyStarts`].
    pub fn free(
        &self,
        service: &service::Model,
        now: Instant,
        from: Instant,
        to: Instant,
    ) -> Result<Vec<Slot>, SlotsError> {
        let (offer, occupied) = (service.offer()?, self.occupied(service, now, None));
        self.calendar(&offer, &occupied, now).free(from, to)
    }

    /// Up to `n` free slots of a service from `after` on.
    #[must_use]
    pub fn next(&self, service: &service::Model, now: Instant, after: Instant, n: usize) -> Vec<Slot> {
        let Ok(offer) = service.offer() else { return Vec::new() };
        self.calendar(&offer, &self.occupied(service, now, None), now)
            .next(after.max(now), n)
    }

    /// Every rule that forbids the start, the session `except` left out; none when it can be booked.
    #[must_use]
    pub fn why_not(
        &self,
        service: &service::Model,
        now: Instant,
        at: Instant,
        except: Option<SessionId>,
    ) -> Vec<Refusal> {
        let Ok(offer) = service.offer() else {
            return vec![Refusal::UnknownDuration];
        };
        self.calendar(&offer, &self.occupied(service, now, except), now)
            .why_not(at)
    }

    /// The sessions that the start would meet.
    #[must_use]
    pub fn blockers(&self, service: &service::Model, now: Instant, at: Instant) -> Vec<Occupied> {
        let Ok(offer) = service.offer() else { return Vec::new() };
        let occupied = self.occupied(service, now, None);
        let Blockers { occupied: met, .. } = self.calendar(&offer, &occupied, now).blockers(at);
        met.into_iter()
            .filter_map(|index| occupied.get(index).cloned())
            .collect()
    }

    /// The service, if a session of it may start `at`, as far as this specialist is concerned.
    ///
    /// # Errors
    /// [`SessionError::NotBookable`].
    pub fn judge(
        &self,
        choice: ServiceChoice,
        now: Instant,
        at: Instant,
        except: Option<SessionId>,
    ) -> Result<&service::Model, SessionError> {
        let Some(service) = self.choose(choice) else {
            return Err(SessionError::NotBookable {
                because: vec![Refusal::UnknownDuration],
            });
        };
        match rules::not_bookable(self.why_not(service, now, at, except)) {
            Some(refusal) => Err(refusal),
            None => Ok(service),
        }
    }

    /// The sessions that block at `now`, a shared start being one entry.
    fn occupied(&self, service: &service::Model, now: Instant, except: Option<SessionId>) -> Vec<Occupied> {
        let mut groups: BTreeMap<SeatGroup, (Occupied, i32)> = BTreeMap::new();
        for session in &self.sessions {
            let expired = session.hold_expires_at.is_some_and(|expires_at| expires_at <= now);
            if expired || Some(session.id) == except {
                continue;
            }
            let (occupied, n_taken) = groups.entry(session.seat_group).or_insert_with(|| {
                let occupied = Occupied {
                    starts_at: session.starts_at,
                    ends_at: session.ends_at,
                    buffer_before_minutes: unsigned(session.buffer_before_minutes),
                    buffer_after_minutes: unsigned(session.buffer_after_minutes),
                    expires_at: session.hold_expires_at,
                    seats_left: 0,
                };
                (occupied, 0)
            });
            // Its seats differ in length where the service has changed between their bookings.
            let blocks_until = occupied.ends_at.plus_minutes(occupied.buffer_after_minutes.into());
            occupied.ends_at = occupied.ends_at.max(session.ends_at);
            let after = occupied.ends_at.until(blocks_until.max(session.blocks_until));
            occupied.buffer_after_minutes = u32::try_from(after.as_secs() / 60).unwrap_or(u32::MAX);
            let before = unsigned(session.buffer_before_minutes);
            occupied.buffer_before_minutes = occupied.buffer_before_minutes.max(before);
            // A shared start blocks as long as its last seat does.
            occupied.expires_at = occupied.expires_at.zip(session.hold_expires_at).map(|(a, b)| a.max(b));
            *n_taken += 1;
            // A start sold when the service was for one alone has no seats, whatever the service is now.
            let capacity = unsigned(service.capacity);
            if session.service_id == service.id
                && capacity > 1
                && seat_group(session.id, service.id, capacity, session.starts_at) == session.seat_group
            {
                occupied.seats_left = unsigned(service.capacity - *n_taken);
            }
        }
        groups.into_values().map(|(occupied, _)| occupied).collect()
    }

    fn calendar<'a>(
        &'a self,
        offer: &'a workflows::slots::offer::Offer,
        occupied: &'a [Occupied],
        now: Instant,
    ) -> Calendar<'a> {
        Calendar {
            schedule: &self.schedule,
            offer,
            occupied,
            busy: &self.busy,
            now,
        }
    }
}
