//! `waitlist.open_session` and `waitlist.withdraw`: the runs of the sessions that are offered.

use super::WaitlistActivities;
use crate::error::StepError;
use entities::{session, waitlist_offer};
use std::time::Duration;
use workflows::{
    sessions::contract::{Cancel, Role},
    waitlist::contract::OfOffer,
};

pub(super) async fn open(steps: &WaitlistActivities, input: OfOffer) -> Result<(), StepError> {
    let row = found(steps, &input).await?;
    // Whatever has become of it meanwhile: each row has a run until it is closed.
    if row.closed_at.is_none() {
        steps.commands.start(&row).await?;
    }
    Ok(())
}

pub(super) async fn withdraw(steps: &WaitlistActivities, input: OfOffer) -> Result<(), StepError> {
    let row = found(steps, &input).await?;
    if row.closed_at.is_some() {
        return Ok(());
    }
    steps.commands.start(&row).await?;
    // Its row is cancelled, or expired, already: the run finds it so, and ends.
    let command = Cancel {
        role: Role::Client,
        actor: Some(row.client_id),
        reason: None,
        not_after: input.now + Duration::from_secs(120),
        request_id: None,
    };
    let id = format!("withdraw-{}", input.offer);
    // What it refuses has ended otherwise.
    steps.commands.cancel(row.id, &id, command).await?;
    Ok(())
}

async fn found(steps: &WaitlistActivities, input: &OfOffer) -> Result<session::Model, StepError> {
    let found = waitlist_offer::by_id(steps.db.reader(), input.offer).await?;
    let (_, row) = found.ok_or_else(|| StepError::no_offer(input.offer))?;
    Ok(row)
}
