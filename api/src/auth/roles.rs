//! Callers of routes that not everybody may use: administrators, and specialists for themselves.

use super::caller::Caller;
use crate::{
    error::{ApiError, Thing},
    http::deadline::Deadline,
    state::State,
};
use entities::specialist;
use poem::{Request, RequestBody, Result};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, registry::Registry};
use std::ops::Deref;

/// Somebody who runs the place: role `admin`; others are told 403.
#[derive(Clone, Debug)]
pub struct Admin(Caller);

/// A specialist who acts for themselves: role `specialist`, others are told 403; without a record, 404.
#[derive(Clone, Debug)]
pub struct OwnSpecialist {
    /// Who calls.
    pub caller: Caller,
    /// Their record.
    pub specialist: specialist::Model,
}

impl Deref for Admin {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<'a> ApiExtractor<'a> for Admin {
    const TYPES: &'static [ApiExtractorType] = Caller::TYPES;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let caller = Caller::from_request(request, body, options).await?;
        if !caller.is_admin() {
            return Err(ApiError::InsufficientPermissions.into());
        }
        Ok(Self(caller))
    }
}

impl<'a> ApiExtractor<'a> for OwnSpecialist {
    const TYPES: &'static [ApiExtractorType] = Caller::TYPES;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let caller = Caller::from_request(request, body, options).await?;
        if !caller.is("specialist") {
            return Err(ApiError::InsufficientPermissions.into());
        }
        let state: &State = request
            .data()
            .ok_or_else(|| ApiError::internal("the service has no state"))?;
        let found = specialist::of_user(state.db.reader(), caller.user);
        let specialist = Deadline::of(request).database(found).await?;
        let specialist = specialist.ok_or(ApiError::NotFound(Thing::Specialist))?;
        Ok(Self { caller, specialist })
    }
}
