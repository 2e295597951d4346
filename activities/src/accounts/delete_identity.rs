//! `accounts.delete_identity`: the identity provider forgets the person.

use super::identity::{IdentityError, IdentityProvider};
use crate::error::StepError;
use workflows::accounts::contract::{Identity, OfAccount};

pub(super) async fn run(provider: Option<&IdentityProvider>, input: OfAccount) -> Result<Identity, StepError> {
    let Some(provider) = provider else {
        return Ok(Identity::NoProvider);
    };
    provider.delete(input.user).await?;
    Ok(Identity::Deleted)
}

impl From<IdentityError> for StepError {
    fn from(error: IdentityError) -> Self {
        // Whatever it says, somebody can put it right: nothing is for good.
        Self::Passing {
            code: error.code(),
            source: error.into(),
        }
    }
}
