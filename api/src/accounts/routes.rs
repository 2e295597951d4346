//! The routes of accounts.

use super::{
    delete, devices, export,
    wire::{DeletionView, DeviceRequest, DeviceToken, DeviceView, ExportView},
};
use crate::{
    auth::caller::{Caller, Leaving},
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        reply::{Accepted, Attachment, Done, Reply},
    },
    state::State,
};
use poem_openapi::{OpenApi, param::Path};

/// Accounts.
pub struct AccountsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/user")]
impl AccountsApi {
    /// Delete the caller's account.
    ///
    /// From now on the token opens nothing else, here or in any other process.
    /// What is booked is called off, with the usual mails; then name, address, texts, feeds and devices are erased, and the
    /// login is deleted. Ratings stay without a name, and so do the ids of what took place.
    /// A second time answers the same. A specialist who can be booked, or has sessions to give, is told `specialist_active`.
    #[oai(path = "/account", method = "delete", operation_id = "delete_account")]
    async fn delete(
        &self,
        leaving: Leaving,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Accepted<DeletionView>, ApiError> {
        let view = delete::delete(&self.state, &leaving, request_id, deadline).await?;
        Ok(Accepted::new(&view))
    }

    /// Everything that is stored about the caller, as one document.
    ///
    /// It is sent as it is read; one that ends early is no JSON.
    #[oai(path = "/export", method = "get", operation_id = "export_account")]
    async fn export(&self, caller: Caller, deadline: Deadline) -> Result<Attachment<ExportView>, ApiError> {
        let parts = export::parts(&self.state.db, caller.user, deadline).await?;
        Ok(Attachment::new("aroti-export.json", parts))
    }

    /// Register a device for push messages, or see it again.
    ///
    /// A token that was somebody else's is the caller's from now on. Of more than twenty devices the one that was seen
    /// longest ago is forgotten.
    #[oai(path = "/devices/:token", method = "put", operation_id = "register_device")]
    async fn register_device(
        &self,
        caller: Caller,
        token: Path<DeviceToken>,
        deadline: Deadline,
        body: Body<DeviceRequest>,
    ) -> Result<Reply<DeviceView>, ApiError> {
        let view = devices::register(&self.state, &caller, &token.0.0, body.value, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Forget a device of the caller's; one that is not there is forgotten already.
    #[oai(path = "/devices/:token", method = "delete", operation_id = "remove_device")]
    async fn remove_device(
        &self,
        caller: Caller,
        token: Path<DeviceToken>,
        deadline: Deadline,
    ) -> Result<Done, ApiError> {
        devices::remove(&self.state, &caller, &token.0.0, deadline).await?;
        Ok(Done)
    }
}
