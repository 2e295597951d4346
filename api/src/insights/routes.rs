//! The routes of insights.

use super::{
    read,
    wire::{Audience, InsightView, TextList, TextRequest, TextView},
    write,
};
use crate::{
    auth::{caller::Caller, roles::Admin},
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        page::{Address, Limit},
        params::{IfMatch, IfNoneMatch, InsightTextPath, Path, Words},
        reply::{Created, MaybeUnchanged, Reply},
    },
    state::State,
};
use poem_openapi::{OpenApi, param::Query};

/// Insights.
pub struct InsightsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl InsightsApi {
    /// The insight of the day that it is in the caller's zone, for the sign of their birth date, in their language.
    ///
    /// Without a birth date it is the generic one; without a text in the profile's language, one in what that is a kind
    /// of (`de` for `de-AT`), and then English.
    /// `404 insight_not_found` when the library has nothing for them.
    #[oai(path = "/api/daily-insights", method = "get", operation_id = "daily_insight")]
    async fn today(
        &self,
        caller: Caller,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<InsightView>, ApiError> {
        let (view, seconds) = read::today(&self.state.db, &caller, deadline).await?;
        Ok(Reply::new(&view).kept(seconds).tagged(&known))
    }

    /// The library of insights, in the order in which it was written.
    #[oai(
        path = "/api/admin/insight-texts",
        method = "get",
        operation_id = "list_insight_texts"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn list(
        &self,
        _admin: Admin,
        /// Of that language, exactly.
        language: Query<Option<Words>>,
        /// For that sign, or for everybody.
        sign: Query<Option<Audience>>,
        /// Whether days may be made of them.
        active: Query<Option<bool>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<TextList>, ApiError> {
        let asked = read::Asked {
            language: language.0,
            sign: sign.0,
            active: active.0,
            limit: limit.0.unwrap_or_default(),
        };
        let list = read::library(&self.state.db, asked, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Add a text to the library.
    ///
    /// Days that have been prepared stay as they are.
    #[oai(
        path = "/api/admin/insight-texts",
        method = "post",
        operation_id = "add_insight_text"
    )]
    async fn add(
        &self,
        admin: Admin,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<TextRequest>,
    ) -> Result<Created<TextView>, ApiError> {
        let view = write::add(
            &self.state.db,
            &admin.acting("admin", &request_id),
            body.value,
            deadline,
        )
        .await?;
        Ok(Created::new(&view))
    }

    /// Put another text in the place of one.
    ///
    /// Days that are not over have the new words at once, or another text where this one does not do any more.
    #[oai(
        path = "/api/admin/insight-texts/:id",
        method = "put",
        operation_id = "replace_insight_text"
    )]
    async fn replace(
        &self,
        admin: Admin,
        id: Path<InsightTextPath>,
        /// The version that the caller has seen, `"3"`; any when absent.
        #[oai(name = "If-Match")]
        seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<TextRequest>,
    ) -> Result<Reply<TextView>, ApiError> {
        let actor = admin.acting("admin", &request_id);
        let view = write::replace(&self.state.db, &actor, id.0.0, seen.version()?, body.value, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Remove a text; the answer is what it was.
    ///
    /// Days that are not over have another text at once.
    #[oai(
        path = "/api/admin/insight-texts/:id",
        method = "delete",
        operation_id = "remove_insight_text"
    )]
    async fn remove(
        &self,
        admin: Admin,
        id: Path<InsightTextPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<TextView>, ApiError> {
        let view = write::remove(&self.state.db, &admin.acting("admin", &request_id), id.0.0, deadline).await?;
        Ok(Reply::new(&view))
    }
}
