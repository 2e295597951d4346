//! Changing the list of busy feeds.

use super::wire::{BusyFeedList, BusyFeedsRequest, WantedFeed};
use crate::{
    auth::roles::OwnSpecialist,
    edge::RequestId,
    error::{ApiError, FieldError},
    http::deadline::Deadline,
    state::State,
};
use entities::{
    audit::{self, Act, Actor},
    busy_feed::{self, FeedUrl},
    db::{self, Db, lock_specialist},
};
use sea_orm::DbErr;
use workflows::ids::SpecialistId;

/// Give the caller these feeds and no others; the same list again changes nothing.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for an address that is not called, for one that is there twice, and for the id of a feed
/// that is not in the list.
pub(super) async fn replace(
    state: &State,
    own: &OwnSpecialist,
    request: BusyFeedsRequest,
    request_id: &RequestId,
    deadline: Deadline,
) -> Result<BusyFeedList, ApiError> {
    let wanted = request.wanted(state.reach)?;
    let actor = own.caller.acting("specialist", request_id);
    let specialist = own.specialist.id;
    deadline
        .transaction(|| write(&state.db, specialist, &wanted, &actor))
        .await?
        .map_err(ApiError::InvalidRequest)
}

/// Under the specialist's lock, like every change of what can be booked.
async fn write(
    db: &Db,
    specialist: SpecialistId,
    wanted: &[WantedFeed],
    actor: &Actor,
) -> Result<Result<BusyFeedList, Vec<FieldError>>, DbErr> {
    let tx = db.begin_write().await?;
    lock_specialist(&tx, specialist).await?;
    let now = db::now(&tx).await?;
    let before = busy_feed::of_specialist(&tx, specialist).await?;
    let urls = match addresses(wanted, &before) {
        Ok(urls) => urls,
        Err(errors) => return Ok(Err(errors)),
    };
    if busy_feed::replace(&tx, specialist, &urls, now).await? {
        let act = Act {
            action: "busy_feeds.replace",
            target_kind: "specialist",
            target_id: specialist.to_string(),
            fields: &["busy_feeds"],
        };
        audit::record(&tx, actor, act, now).await?;
    }
    let feeds = busy_feed::of_specialist(&tx, specialist).await?;
    tx.commit().await?;
    Ok(Ok(BusyFeedList::new(feeds, now)))
}

/// The addresses that are meant, each once.
fn addresses(wanted: &[WantedFeed], before: &[busy_feed::Model]) -> Result<Vec<FeedUrl>, Vec<FieldError>> {
    let (mut urls, mut errors) = (Vec::new(), Vec::new());
    for (n, feed) in wanted.iter().enumerate() {
        let (field, url) = match feed {
            WantedFeed::At(url) => ("url", Some(url.clone())),
            WantedFeed::Kept(id) => {
                let kept = before.iter().find(|feed| feed.id == *id);
                ("id", kept.map(|feed| feed.url.clone()))
            }
        };
        let field = format!("feeds.{n}.{field}");
        match url {
            None => errors.push(FieldError::new(field, "invalid", "there is no such feed in the list")),
            Some(url) if urls.contains(&url) => {
                errors.push(FieldError::new(field, "duplicate", "is there more than once"));
            }
            Some(url) => urls.push(url),
        }
    }
    if errors.is_empty() { Ok(urls) } else { Err(errors) }
}
