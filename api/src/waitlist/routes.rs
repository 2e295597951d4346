//! The routes of the waitlist, and of its offers, which need no login.

use super::{
    command, offer,
    page::Shown,
    read,
    wire::{AnswerRequest, EntryList, EntryView, JoinRequest, OfferView},
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        page::{Address, Limit},
        params::{Path, WaitlistEntryPath},
        reply::{Created, Reply},
    },
    state::State,
};
use poem_openapi::{
    OpenApi,
    param::{self, Header, Query},
};

/// The waitlist.
pub struct WaitlistApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/waitlist")]
impl WaitlistApi {
    /// Wait for a specialist.
    ///
    /// When a slot becomes free, the first in line whom it suits and who can book it is offered it: a session that is
    /// held for them for a while, and a mail with a link. Waiting for the same starts again answers with the place they
    /// have.
    #[oai(path = "/", method = "post", operation_id = "join_waitlist")]
    async fn join(
        &self,
        caller: Caller,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<JoinRequest>,
    ) -> Result<Created<EntryView>, ApiError> {
        let view = command::join(&self.state, &caller, body.value.into_wanted(), request_id, deadline).await?;
        Ok(Created::new(&view))
    }

    /// The caller's own places, newest first.
    #[oai(path = "/", method = "get", operation_id = "list_waitlist")]
    async fn list(
        &self,
        caller: Caller,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<EntryList>, ApiError> {
        let limit = limit.0.unwrap_or_default();
        let list = read::list(&self.state.db, &caller, limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Wait no more.
    ///
    /// What is offered is given back. A second time answers the same.
    #[oai(path = "/:id", method = "delete", operation_id = "leave_waitlist")]
    async fn leave(
        &self,
        caller: Caller,
        id: Path<WaitlistEntryPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<EntryView>, ApiError> {
        let view = command::leave(&self.state, &caller, id.0.0, request_id, deadline).await?;
        Ok(Reply::new(&view))
    }
}

/// Offers, by their links.
pub struct OffersApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/offers")]
impl OffersApi {
    /// An offer of the waitlist, by the token of its link; changes nothing.
    #[oai(path = "/:token", method = "get", operation_id = "get_offer")]
    async fn get(
        &self,
        /// The signed token.
        token: param::Path<String>,
        /// A page for people, where it names `text/html`.
        #[oai(name = "Accept")]
        accept: Header<Option<String>>,
        deadline: Deadline,
    ) -> Result<Shown, ApiError> {
        let view = offer::show(&self.state, &token.0, deadline).await?;
        Ok(Shown::new(&view, accept.0.as_deref()))
    }

    /// Take an offer, or decline it.
    ///
    /// The same answer again is `200`, the opposite `409`, and an answer that comes too late `410`.
    #[oai(path = "/:token", method = "post", operation_id = "answer_offer")]
    async fn answer(
        &self,
        /// The signed token.
        token: param::Path<String>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<AnswerRequest>,
    ) -> Result<Reply<OfferView>, ApiError> {
        let view = offer::answer(&self.state, &token.0, body.value.accept, request_id, deadline).await?;
        Ok(Reply::new(&view))
    }
}
