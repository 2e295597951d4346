//! `waitlist.leave`: a place is given up, and what is held for it with it.

use crate::{
    error::StepError,
    sessions::transition::{By, Locked, event},
};
use entities::{
    audit::Actor,
    db::{Db, lock_both},
    session,
    session_event::NewEvent,
    waitlist_entry, waitlist_offer,
};
use sea_orm::ActiveValue::Set;
use workflows::{
    sessions::{case::Cancellation, contract::Role, state::SessionState},
    time::Instant,
    waitlist::{
        contract::{Given, Leave, Placed},
        error::WaitlistError,
        state::{EntryState, OfferState},
    },
};

pub(super) async fn run(db: &Db, input: Given<Leave>) -> Result<Placed, StepError> {
    let Given {
        specialist,
        command,
        now,
    } = input;
    let tx = db.begin_write().await?;
    lock_both(&tx, specialist, command.client).await?;
    let entry = waitlist_entry::of_client_by_id(&tx, command.client, command.entry).await?;
    let Some(entry) = entry.filter(|entry| entry.specialist_id == specialist) else {
        return Ok(Placed::Refused(WaitlistError::EntryNotFound));
    };
    match entry.status {
        EntryState::Closed => return Ok(Placed::Done(entry.id)),
        EntryState::Accepted => return Ok(Placed::Refused(WaitlistError::Accepted)),
        EntryState::Waiting | EntryState::Offered if command.not_after < now => {
            return Ok(Placed::Refused(WaitlistError::Lapsed));
        }
        EntryState::Waiting | EntryState::Offered => {}
    }
    waitlist_entry::change(&tx, entry.id, entry.status, EntryState::Closed, now).await?;
    let open = waitlist_offer::open_of(&tx, [entry.id]).await?.into_iter().next();
    let Some((_, row)) = open else {
        tx.commit().await?;
        return Ok(Placed::Done(entry.id));
    };
    // Before the session changes, so that it is not taken for a declined one. The session's own run is told afterwards;
    // under these locks it can be confirmed no more, so there is nothing that telling it late could undo.
    // Session before offer, as whoever records the offer's mail has it.
    session::by_id_locked(&tx, row.id).await?;
    waitlist_offer::end(&tx, row.id, OfferState::Withdrawn, now).await?;
    let client = Actor::of(Role::Client, Some(command.client), command.request_id);
    let (by, columns, happened) = given_back(&row, client, now);
    Locked { tx, row }.change(by, columns, vec![happened], now).await?;
    Ok(Placed::Done(entry.id))
}

/// What becomes of the session: cancelled by its client, or expired where its time was over anyway.
fn given_back(row: &session::Model, client: Actor, now: Instant) -> (By, session::ActiveModel, NewEvent) {
    match row.case(now).cancel(Role::Client) {
        Ok(Cancellation::Ends { late }) => {
            let columns = session::ActiveModel {
                status: Set(SessionState::Cancelled),
                late_cancel: Set(Some(late)),
                hold_expires_at: Set(None),
                sequence: Set(row.sequence + 1),
                ..Default::default()
            };
            (
                By::command("session.cancel", client),
                columns,
                event(now, "cancellation", "done", Some("by client".to_owned())),
            )
        }
        Ok(Cancellation::Already) | Err(_) => {
            let columns = session::ActiveModel {
                status: Set(SessionState::Expired),
                hold_expires_at: Set(None),
                ..Default::default()
            };
            let by = By::itself("session.expire", client.request_id);
            (by, columns, event(now, "hold", "expired", None))
        }
    }
}
