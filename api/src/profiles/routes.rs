//! The routes of profiles.

use super::{
    read,
    wire::{ProfileRequest, ProfileView},
    write,
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        params::{IfMatch, IfNoneMatch},
        reply::{MaybeUnchanged, Reply},
    },
    state::State,
};
use poem::http::header;
use poem_openapi::OpenApi;

/// Profiles.
pub struct ProfilesApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/user/profile")]
impl ProfilesApi {
    /// The caller's profile.
    ///
    /// With `If-None-Match` a version that the caller has is `304`.
    #[oai(path = "/", method = "get", operation_id = "get_profile")]
    async fn get(
        &self,
        caller: Caller,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<ProfileView>, ApiError> {
        let view = read::of(&self.state, caller.user, deadline).await?;
        Ok(Reply::encoded(view).tagged(&known))
    }

    /// Change the caller's profile; a field that is absent stays as it is.
    ///
    /// With `If-Match`, or the `version` that the caller has read, another change in between is `412`.
    /// The address is the identity provider's. Sessions that are open follow reminders, zone and language within seconds.
    #[oai(path = "/", method = "put", operation_id = "change_profile")]
    async fn change(
        &self,
        caller: Caller,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ProfileRequest>,
    ) -> Result<Reply<ProfileView>, ApiError> {
        let wanted = body.value.into_wanted(&seen)?;
        let view = write::change(&self.state, &caller, wanted, &request_id, deadline).await?;
        Ok(Reply::new(&view).with(header::ETAG, &view.etag()))
    }
}
