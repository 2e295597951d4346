//! The routes of webhooks.

use super::{
    read,
    reply::Removed,
    wire::{
        DeliveryList, ReplayRequest, ReplayView, TestView, WebhookChange, WebhookList, WebhookRequest, WebhookView,
        WebhookWithSecret,
    },
    write::{self, Asking},
};
use crate::{
    auth::roles::Admin,
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        page::{Address, Limit},
        params::{Path, WebhookPath},
        reply::{Created, Reply},
    },
    state::State,
};
use poem_openapi::{OpenApi, param::Query};

/// Webhooks.
pub struct WebhooksApi {
    /// What requests share.
    pub state: State,
}

impl WebhooksApi {
    fn asking<'a>(&'a self, admin: &'a Admin, request_id: RequestId, deadline: Deadline) -> Asking<'a> {
        Asking {
            state: &self.state,
            caller: admin,
            request_id,
            deadline,
        }
    }
}

#[OpenApi]
impl WebhooksApi {
    /// Who is told of sessions, oldest first.
    #[oai(path = "/api/admin/webhooks", method = "get", operation_id = "list_webhooks")]
    async fn list(
        &self,
        _admin: Admin,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<WebhookList>, ApiError> {
        let limit = limit.0.unwrap_or_default();
        let list = read::list(&self.state.db, limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Have somebody told of sessions from now on.
    ///
    /// The answer has the secret that signs what they are told; it is shown this once.
    #[oai(path = "/api/admin/webhooks", method = "post", operation_id = "create_webhook")]
    async fn create(
        &self,
        admin: Admin,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<WebhookRequest>,
    ) -> Result<Created<WebhookWithSecret>, ApiError> {
        let view = write::create(&self.asking(&admin, request_id, deadline), body.value).await?;
        Ok(Created::new(&view))
    }

    /// One webhook.
    #[oai(path = "/api/admin/webhooks/:id", method = "get", operation_id = "get_webhook")]
    async fn get(
        &self,
        _admin: Admin,
        id: Path<WebhookPath>,
        deadline: Deadline,
    ) -> Result<Reply<WebhookView>, ApiError> {
        let view = read::one(&self.state.db, id.0.0, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Change a webhook: what is absent stays as it is.
    #[oai(path = "/api/admin/webhooks/:id", method = "put", operation_id = "change_webhook")]
    async fn change(
        &self,
        admin: Admin,
        id: Path<WebhookPath>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<WebhookChange>,
    ) -> Result<Reply<WebhookView>, ApiError> {
        let view = write::update(&self.asking(&admin, request_id, deadline), id.0.0, body.value).await?;
        Ok(Reply::new(&view))
    }

    /// Remove a webhook, with the record of what it was told.
    #[oai(path = "/api/admin/webhooks/:id", method = "delete", operation_id = "delete_webhook")]
    async fn delete(
        &self,
        admin: Admin,
        id: Path<WebhookPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Removed, ApiError> {
        write::remove(&self.asking(&admin, request_id, deadline), id.0.0).await?;
        Ok(Removed)
    }

    /// Give a webhook another secret.
    ///
    /// For 24 hours both sign, so that the receiver can take its time; the new one is shown this once.
    #[oai(
        path = "/api/admin/webhooks/:id/rotate-secret",
        method = "post",
        operation_id = "rotate_webhook_secret"
    )]
    async fn rotate(
        &self,
        admin: Admin,
        id: Path<WebhookPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<WebhookWithSecret>, ApiError> {
        let view = write::rotate(&self.asking(&admin, request_id, deadline), id.0.0).await?;
        Ok(Reply::new(&view))
    }

    /// Have a disabled webhook told again; replay brings what it missed.
    #[oai(
        path = "/api/admin/webhooks/:id/enable",
        method = "post",
        operation_id = "enable_webhook"
    )]
    async fn enable(
        &self,
        admin: Admin,
        id: Path<WebhookPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<WebhookView>, ApiError> {
        let view = write::enable(&self.asking(&admin, request_id, deadline), id.0.0).await?;
        Ok(Reply::new(&view))
    }

    /// What a webhook is, was and was not told, newest first; kept for 30 days.
    #[oai(
        path = "/api/admin/webhooks/:id/deliveries",
        method = "get",
        operation_id = "list_webhook_deliveries"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn deliveries(
        &self,
        _admin: Admin,
        id: Path<WebhookPath>,
        /// Whether only what was given up is listed.
        failed: Query<Option<bool>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<DeliveryList>, ApiError> {
        let (failed, limit) = (failed.0.unwrap_or_default(), limit.0.unwrap_or_default());
        let list = read::deliveries(&self.state.db, id.0.0, failed, limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Tell a webhook once more what it could not be told, or everything since a moment, under the same ids.
    #[oai(
        path = "/api/admin/webhooks/:id/replay",
        method = "post",
        operation_id = "replay_webhook"
    )]
    async fn replay(
        &self,
        admin: Admin,
        id: Path<WebhookPath>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ReplayRequest>,
    ) -> Result<Reply<ReplayView>, ApiError> {
        let view = write::replay(&self.asking(&admin, request_id, deadline), id.0.0, body.value).await?;
        Ok(Reply::new(&view))
    }

    /// Call a webhook once with a `webhook.ping`, enabled or not.
    #[oai(
        path = "/api/admin/webhooks/:id/test",
        method = "post",
        operation_id = "test_webhook"
    )]
    async fn test(
        &self,
        admin: Admin,
        id: Path<WebhookPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<TestView>, ApiError> {
        let view = write::test(&self.asking(&admin, request_id, deadline), id.0.0).await?;
        Ok(Reply::new(&view))
    }
}
