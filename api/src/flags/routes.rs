//! The routes of feature flags.

use super::{
    read,
    wire::{FlagList, FlagRequest, FlagView, OwnFlagsView},
    write,
};
use crate::{
    auth::{caller::Caller, roles::Admin},
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        params::IfMatch,
        reply::{Removed, Reply},
    },
    sessions::wire::etag,
    state::State,
};
use poem::http::header;
use poem_openapi::{OpenApi, param};

/// Feature flags.
pub struct FlagsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl FlagsApi {
    /// What is open to the caller.
    #[oai(path = "/api/user/feature-flags", method = "get", operation_id = "own_feature_flags")]
    async fn own(&self, caller: Caller) -> Result<Reply<OwnFlagsView>, ApiError> {
        let flags = self.state.flags.of_user(caller.user);
        Ok(Reply::new(&OwnFlagsView { flags }).kept(60))
    }

    /// Every flag.
    #[oai(
        path = "/api/admin/feature-flags",
        method = "get",
        operation_id = "list_feature_flags"
    )]
    async fn list(&self, _admin: Admin, deadline: Deadline) -> Result<Reply<FlagList>, ApiError> {
        let list = read::list(&self.state.db, deadline).await?;
        Ok(Reply::new(&list))
    }

    /// Have a flag be so, whether it was there or not.
    ///
    /// With `If-Match`, only while it is the version that the caller has seen; otherwise `412`. Every process has seen it
    /// a minute later.
    #[oai(
        path = "/api/admin/feature-flags/:name",
        method = "put",
        operation_id = "put_feature_flag"
    )]
    async fn put(
        &self,
        admin: Admin,
        /// Lower-case letters, digits and underscores.
        name: param::Path<String>,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<FlagRequest>,
    ) -> Result<Reply<FlagView>, ApiError> {
        let (actor, seen) = (admin.acting("admin", &request_id), seen.version()?);
        let view = write::put(&self.state, &name.0, body.value, seen, &actor, deadline).await?;
        Ok(Reply::new(&view).with(header::ETAG, &etag(view.version)))
    }

    /// Remove a flag.
    #[oai(
        path = "/api/admin/feature-flags/:name",
        method = "delete",
        operation_id = "delete_feature_flag"
    )]
    async fn delete(
        &self,
        admin: Admin,
        /// Lower-case letters, digits and underscores.
        name: param::Path<String>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Removed, ApiError> {
        let actor = admin.acting("admin", &request_id);
        write::delete(&self.state, &name.0, &actor, deadline).await?;
        Ok(Removed)
    }
}
