//! `waitlist.join`: the last place in line.

use crate::error::StepError;
use entities::{
    availability::Availability,
    db::{Db, lock_both},
    fault::{self, Fault},
    user::{self, Account},
    waitlist_entry,
};
use workflows::waitlist::{
    contract::{Given, Join, Placed},
    error::WaitlistError,
    rules::MAX_OPEN,
    state::EntryState,
};

pub(super) async fn run(db: &Db, input: Given<Join>) -> Result<Placed, StepError> {
    let Given {
        specialist,
        command,
        now,
    } = input;
    let refused = |error| Ok(Placed::Refused(error));
    let tx = db.begin_write().await?;
    lock_both(&tx, specialist, command.client).await?;
    if waitlist_entry::of_client_by_id(&tx, command.client, command.entry)
        .await?
        .is_some()
    {
        return Ok(Placed::Done(command.entry));
    }
    if command.not_after < now {
        return refused(WaitlistError::Lapsed);
    }
    let Some(Account::Active(_)) = user::account(&tx, command.client).await? else {
        return refused(WaitlistError::AccountDeleted);
    };
    let Some(availability) = Availability::load(&tx, specialist, now, now).await? else {
        return refused(WaitlistError::SpecialistNotFound);
    };
    let Some(service) = availability.choose(command.service) else {
        return refused(WaitlistError::UnknownDuration);
    };
    let minute = |minute: u32| i32::try_from(minute).unwrap_or(i32::MAX);
    let zone = command.time_zone;
    let row = waitlist_entry::Model {
        id: command.entry,
        specialist_id: specialist,
        client_id: command.client,
        service_id: service.id,
        place: waitlist_entry::last_place(&tx, specialist).await? + 1,
        from_at: command.from,
        to_at: command.to,
        earliest_minute: command.earliest_minute.map(minute),
        latest_minute: command.latest_minute.map(minute),
        time_zone: zone.clone().unwrap_or_else(|| availability.zone().name().to_owned()),
        named_zone: zone,
        status: EntryState::Waiting,
        created_at: now,
        updated_at: now,
    };
    if let Some(has) = waitlist_entry::open_of_client(&tx, command.client, service.id).await? {
        return if same(&has, &row) {
            Ok(Placed::Done(has.id))
        } else {
            refused(WaitlistError::AlreadyWaiting)
        };
    }
    if MAX_OPEN <= waitlist_entry::count_open(&tx, command.client).await? {
        return refused(WaitlistError::Limit);
    }
    match waitlist_entry::insert(&tx, row).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Placed::Done(command.entry))
        }
        Err(error) => match fault::classify(&error) {
            Fault::Constraint(name) if name == fault::WAITLIST_ENTRY_OPEN => refused(WaitlistError::AlreadyWaiting),
            _ => Err(error.into()),
        },
    }
}

/// Whether both wait for the same starts.
fn same(one: &waitlist_entry::Model, other: &waitlist_entry::Model) -> bool {
    (one.from_at, one.to_at) == (other.from_at, other.to_at)
        && (one.earliest_minute, one.latest_minute) == (other.earliest_minute, other.latest_minute)
        && one.time_zone == other.time_zone
}
