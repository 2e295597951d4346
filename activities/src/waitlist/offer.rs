//! `waitlist.offer`: along the line, each is offered the first free start that suits them and that they can book.
//!
//! Who is to be offered what is found by reading; it is made in a transaction of its own behind the locks of the
//! specialist and of that one client, which judges anew. One client a transaction: two lists whose transactions held
//! several clients would wait for each other.

use super::WaitlistActivities;
use crate::{
    error::StepError,
    sessions::{
        reserve::{Hold, Reservation, take},
        slot::constraint,
        transition::By,
    },
};
use entities::{
    availability::Availability,
    db::{lock_both, lock_specialist},
    service, session, waitlist_entry,
    waitlist_offer::{self, Model as Offer},
};
use jiff::{ToSpan, civil::Time};
use sea_orm::{DatabaseTransaction, DbErr};
use workflows::{
    ids::SpecialistId,
    sessions::{contract::ServiceChoice, error::SessionError},
    slots::{
        calendar::Slot,
        wall::{self, Wall},
    },
    time::Instant,
    waitlist::{
        contract::{Made, OfferSlots, Round, offer_id, offered_session, request_hash},
        rules::{Wish, expires_at},
        state::{EntryState, OfferState},
    },
};

/// As many places are looked at in one step.
const AT_ONCE: u64 = 25;
/// As many starts that were free a moment ago are tried for one place; the next look tries on.
const TRIES: usize = 5;
/// A range is looked at in pieces of so many minutes, ten days: the first free start is mostly in the first.
const PIECE_MINUTES: i64 = 10 * 24 * 60;
/// As many errands does one step tell of: what it answers is kept in a history.
const ERRANDS: u64 = 25;

pub(super) async fn run(steps: &WaitlistActivities, input: OfferSlots) -> Result<Round, StepError> {
    let mut round = match input.attended {
        None => go_along(steps, &input).await?,
        Some(_) => Round::default(),
    };
    // Once for the whole line, at its end.
    if round.after.is_none() {
        attend(steps, &input, &mut round).await?;
    }
    Ok(round)
}

/// Offer what is free to some of the line.
async fn go_along(steps: &WaitlistActivities, input: &OfferSlots) -> Result<Round, StepError> {
    let &OfferSlots {
        specialist, after, now, ..
    } = input;
    let reader = steps.db.reader();
    let first_end = waitlist_entry::first_end(reader, specialist).await?;
    if first_end.is_some_and(|end| end <= now) {
        let tx = steps.db.begin_write().await?;
        lock_specialist(&tx, specialist).await?;
        waitlist_entry::close_over(&tx, specialist, now).await?;
        tx.commit().await?;
    }
    let line = waitlist_entry::line(reader, specialist, after, AT_ONCE).await?;
    let mut availability = load(steps, specialist, &line, now).await?;
    for entry in &line {
        let Some(current) = &availability else { break };
        if serve(steps, current, entry, now).await? {
            availability = load(steps, specialist, &line, now).await?;
        }
    }
    Ok(Round {
        after: line
            .last()
            .filter(|_| line.len() as u64 == AT_ONCE)
            .map(|entry| entry.place),
        look_again_at: look_again_at(steps, specialist, availability.as_ref(), now).await?,
        ..Round::default()
    })
}

/// Say what is to be done about some of the offers.
async fn attend(steps: &WaitlistActivities, input: &OfferSlots, round: &mut Round) -> Result<(), DbErr> {
    let offers = waitlist_offer::to_attend(steps.db.reader(), input.specialist, input.attended, ERRANDS).await?;
    round.attended = offers
        .last()
        .filter(|_| offers.len() as u64 == ERRANDS)
        .map(|offer| offer.id);
    for offer in offers {
        if offer.status == OfferState::Withdrawn {
            round.withdrawn.push(offer.id);
        } else {
            round.made.push(Made {
                offer: offer.id,
                expires_at: offer.expires_at,
            });
        }
    }
    Ok(())
}

/// What decides about the starts that these wait for; nothing when nobody waits, or the specialist cannot be booked.
async fn load(
    steps: &WaitlistActivities,
    specialist: SpecialistId,
    line: &[waitlist_entry::Model],
    now: Instant,
) -> Result<Option<Availability>, DbErr> {
    let from = line.iter().map(|entry| entry.from_at).min();
    let to = line.iter().map(|entry| entry.to_at).max();
    match from.zip(to) {
        Some((from, to)) => Availability::load(steps.db.reader(), specialist, from.max(now), to).await,
        None => Ok(None),
    }
}

/// When there may be something without anybody saying so: a range is over, another day can be booked, or
/// what somebody was not told of may be offered to them again.
async fn look_again_at(
    steps: &WaitlistActivities,
    specialist: SpecialistId,
    availability: Option<&Availability>,
    now: Instant,
) -> Result<Option<Instant>, DbErr> {
    let Some(first_end) = waitlist_entry::first_end(steps.db.reader(), specialist).await? else {
        return Ok(None);
    };
    let day = availability
        .filter(|availability| availability.rules().booking_window_days.is_some())
        .and_then(|availability| next_day(availability, now));
    let rested = waitlist_offer::next_rested(steps.db.reader(), specialist, now).await?;
    Ok([Some(first_end), day, rested].into_iter().flatten().min())
}

/// The specialist's next midnight.
fn next_day(availability: &Availability, now: Instant) -> Option<Instant> {
    let zone = availability.zone();
    let today = now.timestamp().to_zoned(zone.tz().clone()).date();
    match wall::resolve(zone, today.checked_add(1.day()).ok()?, Time::midnight()).ok()? {
        Wall::At(at) | Wall::Skipped { moved: at } => Some(at),
    }
}

/// What an attempt to offer came to.
enum Attempt {
    /// It is offered.
    Made,
    /// Not this start.
    NotThis,
    /// Not to this client, whatever the start.
    NotThem,
}

/// Offer somebody what suits them; whether anything was.
async fn serve(
    steps: &WaitlistActivities,
    availability: &Availability,
    entry: &waitlist_entry::Model,
    now: Instant,
) -> Result<bool, StepError> {
    let Some(service) = availability.choose(ServiceChoice::Id(entry.service_id)) else {
        return Ok(false);
    };
    let wish = entry.wish().map_err(|error| DbErr::Custom(error.to_string()))?;
    let (mut from, mut tries) = (wish.from.max(now), 0);
    let mut known = None;
    while from < wish.to {
        let until = from.plus_minutes(PIECE_MINUTES).min(wish.to);
        // What has too many starts to list cannot be, in so short a piece, but for a start each minute.
        let free = availability.free(service, now, from, until).unwrap_or_default();
        for slot in free.into_iter().filter(|slot| wish.suits(slot.starts_at)) {
            let notice = availability.rules().minimum_notice_minutes.max(0).unsigned_abs();
            let Some(ends) = expires_at(now, slot.starts_at, notice, steps.offer_minutes) else {
                continue;
            };
            let known = match &known {
                Some(known) => known,
                None => known.insert(Known::load(steps, entry, &wish, service, now).await?),
            };
            if known.excludes(&slot) {
                continue;
            }
            match make(steps, entry, &slot, ends, now).await? {
                Attempt::Made => return Ok(true),
                Attempt::NotThem => return Ok(false),
                Attempt::NotThis => tries += 1,
            }
            if TRIES <= tries {
                return Ok(false);
            }
        }
        from = until;
    }
    Ok(false)
}

/// What somebody is not to be offered.
struct Known {
    /// Starts that they were offered before, and told of.
    offered: Vec<Instant>,
    /// Their own sessions.
    own: Vec<session::Blocking>,
}

impl Known {
    async fn load(
        steps: &WaitlistActivities,
        entry: &waitlist_entry::Model,
        wish: &Wish,
        service: &service::Model,
        now: Instant,
    ) -> Result<Self, DbErr> {
        let reader = steps.db.reader();
        let until = wish.to.plus_minutes(service.duration_minutes.into());
        let own = session::blocking_of_client(reader, entry.client_id, wish.from.max(now), until).await?;
        Ok(Self {
            offered: waitlist_offer::starts_of(reader, entry.id, now).await?,
            own: own
                .into_iter()
                .filter(|own| own.hold_expires_at.is_none_or(|expires_at| now < expires_at))
                .collect(),
        })
    }

    fn excludes(&self, slot: &Slot) -> bool {
        let meets = |own: &session::Blocking| own.starts_at < slot.ends_at && slot.starts_at < own.ends_at;
        self.offered.contains(&slot.starts_at) || self.own.iter().any(meets)
    }
}

/// Hold the slot, write the offer and change the place, in one transaction.
async fn make(
    steps: &WaitlistActivities,
    entry: &waitlist_entry::Model,
    slot: &Slot,
    ends: Instant,
    now: Instant,
) -> Result<Attempt, StepError> {
    let tx = steps.db.begin_write().await?;
    lock_both(&tx, entry.specialist_id, entry.client_id).await?;
    if !waitlist_entry::change(&tx, entry.id, EntryState::Waiting, EntryState::Offered, now).await? {
        // They have left.
        return Ok(Attempt::NotThem);
    }
    match hold(&tx, steps, entry, slot, ends, now).await {
        Ok(Ok(())) => {
            tx.commit().await?;
            tracing::info!(waitlist.entry = %entry.id, "offered a slot to entry {}", entry.id);
            Ok(Attempt::Made)
        }
        Ok(Err(SessionError::AccountDeleted)) => {
            waitlist_entry::change(&tx, entry.id, EntryState::Offered, EntryState::Closed, now).await?;
            tx.commit().await?;
            Ok(Attempt::NotThem)
        }
        // Nobody keeps more from others by waiting in many lines; they are looked at again when a hold ends.
        Ok(Err(SessionError::HoldLimit)) => Ok(Attempt::NotThem),
        // Somebody was faster, or the client has something else by now.
        Ok(Err(_)) => Ok(Attempt::NotThis),
        Err(error) if constraint(&error).is_some() => Ok(Attempt::NotThis),
        Err(error) => Err(error.into()),
    }
}

async fn hold(
    tx: &DatabaseTransaction,
    steps: &WaitlistActivities,
    entry: &waitlist_entry::Model,
    slot: &Slot,
    ends: Instant,
    now: Instant,
) -> Result<Result<(), SessionError>, DbErr> {
    // Who may hold nothing may still be offered something.
    if u64::from(steps.max_holds.max(1)) <= session::count_held(tx, entry.client_id, now).await? {
        return Ok(Err(SessionError::HoldLimit));
    }
    let offer = offer_id(entry.id, waitlist_offer::count_of(tx, entry.id).await?);
    let reservation = Reservation {
        session: offered_session(offer),
        series: None,
        specialist: entry.specialist_id,
        client: entry.client_id,
        service: ServiceChoice::Id(entry.service_id),
        starts_at: slot.starts_at,
        time_zone: entry.named_zone.clone(),
        notes: None,
        hold: Hold::Until(ends),
        request_hash: request_hash(offer),
        by: By::itself("session.offer", None),
    };
    let session = match take(tx, &steps.meetings, reservation, now).await? {
        Ok(row) => row.id,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let offer = Offer {
        id: offer,
        entry_id: entry.id,
        specialist_id: entry.specialist_id,
        session_id: session,
        starts_at: slot.starts_at,
        expires_at: ends,
        status: OfferState::Offered,
        created_at: now,
        announced_at: None,
        ended_at: None,
    };
    waitlist_offer::insert(tx, offer).await?;
    Ok(Ok(()))
}
