//! The caller of a route.

use super::verifier::Identity;
use crate::{edge::RequestId, error::ApiError, http::deadline::Deadline, state::State};
use entities::audit::Actor;
use poem::{Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use std::{ops::Deref, sync::Arc};

/// Whoever calls a route, with a token that is good and an account that is not deleted.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

impl Caller {
    /// Whether the token gives the role.
    #[must_use]
    pub fn is(&self, role: &str) -> bool {
        self.0.roles.iter().any(|other| other == role)
    }

    /// The caller as the audit trail names them, in that role.
    #[must_use]
    pub fn acting(&self, role: &'static str, request: &RequestId) -> Actor {
        Actor {
            id: Some(self.0.user),
            role,
            request_id: Some(request.0.clone()),
        }
    }

    /// Whether the caller runs the place.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.is("admin")
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "bearer",
            MetaSecurityScheme {
                ty: "http",
                description: Some("An access token of the identity provider."),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["bearer"]
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let state: &State = request
            .data()
            .ok_or_else(|| ApiError::internal("the service has no state"))?;
        let identity = state.verifier.verify(bearer(request)?).await?;
        if let Some(standing) = request.data() {
            state.limits.admit_user(identity.user, standing).await?;
        }
        state.people.meet(&state.db, &identity, Deadline::of(request)).await?;
        tracing::Span::current().record("user_id", tracing::field::display(identity.user));
        Ok(Self(identity))
    }
}

/// Whoever bears a token that is good, also of an account that is deleted: for the route that deletes it.
#[derive(Clone, Debug)]
pub struct Leaving(Arc<Identity>);

impl Deref for Leaving {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<'a> ApiExtractor<'a> for Leaving {
    const TYPES: &'static [ApiExtractorType] = Caller::TYPES;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let state: &State = request
            .data()
            .ok_or_else(|| ApiError::internal("the service has no state"))?;
        // Whom we have never seen is not made known by leaving.
        let identity = state.verifier.verify(bearer(request)?).await?;
        tracing::Span::current().record("user_id", tracing::field::display(identity.user));
        Ok(Self(identity))
    }
}

/// The token of a request.
///
/// # Errors
/// [`ApiError::InvalidToken`] without one.
pub(crate) fn bearer(request: &Request) -> Result<&str, ApiError> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or(ApiError::InvalidToken(""))?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(ApiError::InvalidToken("no bearer token in the header"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::InvalidToken("no bearer token in the header"));
    }
    Ok(token.trim())
}
