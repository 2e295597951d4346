//! The routes of reviews.

use super::{
    read,
    wire::{ReviewList, ReviewRequest, ReviewView},
    write,
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        page::{Address, Limit},
        params::{IfNoneMatch, Path, SessionPath, SpecialistPath},
        reply::{Created, MaybeUnchanged, Reply},
    },
    state::State,
};
use poem_openapi::{OpenApi, param::Query};

/// Reviews.
pub struct ReviewsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl ReviewsApi {
    /// What clients say about a specialist, newest first.
    #[oai(path = "/api/reviews/:specialist_id", method = "get", operation_id = "list_reviews")]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn list(
        &self,
        _caller: Caller,
        specialist_id: Path<SpecialistPath>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        address: Address,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<ReviewList>, ApiError> {
        let limit = limit.0.unwrap_or_default();
        let list = read::list(&self.state.db, specialist_id.0.0, limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list)
            .paged(&address, list.next_cursor.as_deref())
            .kept(60)
            .tagged(&known))
    }

    /// Review a session that the caller booked and that took place, once.
    #[oai(path = "/api/sessions/:id/review", method = "post", operation_id = "review_session")]
    async fn add(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ReviewRequest>,
    ) -> Result<Created<ReviewView>, ApiError> {
        let view = write::add(&self.state, &caller, id.0.0, body.value, request_id, deadline).await?;
        Ok(Created::new(&view))
    }
}
