//! The routes of series.

use super::{cancel, read, wire::SeriesView};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        params::{Path, SeriesPath},
        reply::Reply,
    },
    sessions::wire::CancelRequest,
    state::State,
};
use poem_openapi::OpenApi;

/// Series.
pub struct SeriesApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/series")]
impl SeriesApi {
    /// A recurring booking as a whole.
    #[oai(path = "/:id", method = "get", operation_id = "get_series")]
    async fn get(
        &self,
        caller: Caller,
        id: Path<SeriesPath>,
        deadline: Deadline,
    ) -> Result<Reply<SeriesView>, ApiError> {
        let row = read::row(&self.state.db, caller.user, id.0.0, deadline).await?;
        Ok(Reply::new(&read::view(&self.state.db, row, deadline).await?))
    }

    /// Cancel every session of a recurring booking that can be cancelled.
    ///
    /// What has begun or is over stays as it is; a second time answers the same.
    #[oai(path = "/:id", method = "delete", operation_id = "cancel_series")]
    async fn cancel(
        &self,
        caller: Caller,
        id: Path<SeriesPath>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<CancelRequest>,
    ) -> Result<Reply<SeriesView>, ApiError> {
        let view = cancel::cancel(&self.state, &caller, id.0.0, body.value.reason, request_id, deadline).await?;
        Ok(Reply::new(&view))
    }
}
