//! What runs beside the sessions: waitlists, calendars elsewhere, webhooks, deletions. Where a row wants a run that is
//! not there, it is begun by what begins it otherwise.

use super::{
    Moments, PAGE, Page, ReconciliationActivities, all, behind,
    mending::{Kind, Remedy, mend},
    no_place, place,
};
use crate::error::StepError;
use entities::{busy_feed, follow_up::Work, user, waitlist_entry, waitlist_offer, webhook_delivery};
use std::collections::BTreeSet;
use workflows::{
    accounts::contract as accounts, busy_feeds::contract as busy_feeds, ids::SpecialistId,
    reconciliation::contract::Found, waitlist::contract as waitlist, webhooks::contract as webhooks,
};

pub(super) async fn waitlists(steps: &ReconciliationActivities, after: Option<String>, at: Moments) -> Page {
    let after: Option<SpecialistId> = place(after.as_deref())?;
    let db = steps.db.reader();
    let waited_for = waitlist_entry::waited_for(db, after, at.before, PAGE).await?;
    let attended = waitlist_offer::attended_by(db, after, at.before, PAGE).await?;
    let both: BTreeSet<_> = waited_for.into_iter().chain(attended).collect();
    // Each is complete up to its last, so that the first ones of both are.
    let page: Vec<_> = both
        .into_iter()
        .take(usize::try_from(PAGE).unwrap_or(usize::MAX))
        .collect();
    let next = behind(&page, ToString::to_string);
    let wanted = page.into_iter().map(|specialist| {
        let work = Work::SlotFreed { specialist };
        (waitlist::workflow_id(specialist), Remedy::FollowUp(work))
    });
    Ok((next, each(steps, at, Kind::WaitlistWithoutRun, wanted.collect()).await?))
}

pub(super) async fn busy_feeds(steps: &ReconciliationActivities, after: Option<String>, at: Moments) -> Page {
    let page = busy_feed::given(steps.db.reader(), place(after.as_deref())?, at.before, PAGE).await?;
    let next = behind(&page, ToString::to_string);
    let wanted = page.into_iter().map(|feed| {
        let work = Work::BusyFeedsChanged { feeds: vec![feed] };
        (busy_feeds::workflow_id(feed), Remedy::FollowUp(work))
    });
    Ok((next, each(steps, at, Kind::BusyFeedWithoutRun, wanted.collect()).await?))
}

pub(super) async fn deliveries(steps: &ReconciliationActivities, after: Option<String>, at: Moments) -> Page {
    let after = match after {
        Some(after) => {
            let (endpoint, session) = after.split_once('/').ok_or_else(no_place)?;
            place(Some(endpoint))?.zip(place(Some(session))?)
        }
        None => None,
    };
    let page = webhook_delivery::waiting(steps.db.reader(), after, at.before, PAGE).await?;
    let next = behind(&page, |(endpoint, session)| format!("{endpoint}/{session}"));
    let wanted = page.into_iter().map(|(endpoint, session)| {
        let work = Work::WebhookChanged { endpoint, session };
        (webhooks::workflow_id(endpoint, session), Remedy::FollowUp(work))
    });
    Ok((next, each(steps, at, Kind::DeliveryWithoutRun, wanted.collect()).await?))
}

pub(super) async fn deletions(steps: &ReconciliationActivities, after: Option<String>, at: Moments) -> Page {
    let page = user::leaving(steps.db.reader(), place(after.as_deref())?, at.before, PAGE).await?;
    let next = behind(&page, ToString::to_string);
    let wanted = page
        .into_iter()
        .map(|user| (accounts::workflow_id(user), Remedy::Delete(user)));
    Ok((next, each(steps, at, Kind::DeletionWithoutRun, wanted.collect()).await?))
}

/// Mend those whose run is not there.
async fn each(
    steps: &ReconciliationActivities,
    at: Moments,
    kind: Kind,
    wanted: Vec<(String, Remedy)>,
) -> Result<Found, StepError> {
    // Their ids are in the order of their rows, or nearly: both ends are.
    let ids: BTreeSet<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
        return Ok(Found::default());
    };
    let listed = steps.engine.listed(first, last).await?;
    let looked_at = wanted.len();
    let suspects = wanted.into_iter().filter(|(id, _)| !listed.contains(id));
    let asked = suspects.map(|(id, remedy)| one(steps, at, kind, id, remedy)).collect();
    all(looked_at, asked).await
}

async fn one(
    steps: &ReconciliationActivities,
    at: Moments,
    kind: Kind,
    id: String,
    remedy: Remedy,
) -> Result<Found, StepError> {
    if steps.engine.describe(&id).await?.is_over(at.before) {
        Ok(mend(steps, at, kind, &id, remedy).await)
    } else {
        Ok(Found::default())
    }
}
