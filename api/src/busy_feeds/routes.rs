//! The routes of busy feeds.

use super::{
    read,
    wire::{BusyFeedList, BusyFeedsRequest},
    write,
};
use crate::{
    auth::roles::OwnSpecialist,
    edge::RequestId,
    error::ApiError,
    http::{body::Body, deadline::Deadline, reply::Reply},
    state::State,
};
use poem_openapi::OpenApi;

/// Calendars elsewhere.
pub struct BusyFeedsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl BusyFeedsApi {
    /// The calendars elsewhere whose events block the caller's time, and how each is doing.
    #[oai(
        path = "/api/specialist/busy-feeds",
        method = "get",
        operation_id = "list_busy_feeds"
    )]
    async fn list(&self, own: OwnSpecialist, deadline: Deadline) -> Result<Reply<BusyFeedList>, ApiError> {
        let list = read::list(&self.state, own.specialist.id, deadline).await?;
        Ok(Reply::new(&list))
    }

    /// Have these calendars block the caller's time, and no others.
    ///
    /// Each is read within a minute, and then every 15. Sessions that are booked already stay. What a calendar blocked
    /// that is not in the list any more is free again.
    #[oai(
        path = "/api/specialist/busy-feeds",
        method = "put",
        operation_id = "replace_busy_feeds"
    )]
    async fn replace(
        &self,
        own: OwnSpecialist,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<BusyFeedsRequest>,
    ) -> Result<Reply<BusyFeedList>, ApiError> {
        let list = write::replace(&self.state, &own, body.value, &request_id, deadline).await?;
        Ok(Reply::new(&list))
    }
}
