//! `accounts.call_off`: places in waitlists are given up and sessions called off, each by its own run.
//!
//! The account is marked, so nothing is added any more: what is there now is all there is. A session that has begun is
//! carried through, as it is for every client.

use crate::{commands::Commands, error::StepError};
use entities::{db::Db, session, waitlist_entry};
use futures::{StreamExt, TryStreamExt, stream};
use sea_orm::DbErr;
use workflows::{
    accounts::contract::OfAccount,
    ids::SessionId,
    sessions::{
        contract::{Cancel, Role},
        error::SessionError,
    },
    time::Instant,
    waitlist::{
        contract::{Leave, Placed},
        error::WaitlistError,
    },
};

/// As many runs are told at the same time.
const AT_ONCE: usize = 8;
/// Nobody waits for the answers, so there is no hour at which they would come out of the blue: a year.
const NOT_AFTER_MINUTES: i64 = 365 * 24 * 60;

pub(super) async fn run(db: &Db, commands: &Commands, input: OfAccount) -> Result<(), StepError> {
    let not_after = input.now.plus_minutes(NOT_AFTER_MINUTES);
    // Places first, so that nothing that is called off is offered to who leaves.
    for entry in waitlist_entry::all_open_of_client(db.reader(), input.user).await? {
        let leave = Leave {
            entry: entry.id,
            client: input.user,
            not_after,
            request_id: input.request_id.clone(),
        };
        match commands.leave(entry.specialist_id, leave).await? {
            // What was accepted is a session, and called off as one.
            Placed::Done(_) | Placed::Refused(WaitlistError::Accepted | WaitlistError::EntryNotFound) => {}
            Placed::Refused(error) => return Err(unexpected(error.code())),
        }
    }
    let open = session::open_of_client(db.reader(), input.user).await?;
    let told = open.into_iter().map(|id| call_off(db, commands, &input, id, not_after));
    stream::iter(told).buffer_unordered(AT_ONCE).try_collect().await
}

async fn call_off(
    db: &Db,
    commands: &Commands,
    input: &OfAccount,
    id: SessionId,
    not_after: Instant,
) -> Result<(), StepError> {
    let row = session::by_id(db.reader(), id).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(id.to_string()))?;
    // Its run may not have been started yet.
    commands.start(&row).await?;
    let command = Cancel {
        role: Role::Client,
        actor: Some(input.user),
        reason: None,
        only_hold: false,
        not_after,
        request_id: input.request_id.clone(),
    };
    match commands.cancel(id, &format!("account-{}", input.user), command).await? {
        // It has begun or is over.
        None | Some(SessionError::WrongState { .. }) => Ok(()),
        Some(refusal) => Err(unexpected(refusal.code())),
    }
}

fn unexpected(code: &'static str) -> StepError {
    StepError::Passing {
        code,
        source: anyhow::anyhow!("a run did not let go of a deleted account's booking"),
    }
}
