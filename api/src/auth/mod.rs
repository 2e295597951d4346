//! Who calls: bearer tokens become a [`caller::Caller`].
//!
//! The only place that knows tokens and keys. Start with [`caller::Caller`]; [`verifier`] judges tokens, [`jwks`] keeps the
//! issuer's keys, [`people`] knows whom we have met, [`roles`] guards what not everybody may do. `issuer` signs tokens on a developer's machine and in tests.

pub mod caller;
#[cfg(any(test, feature = "issuer"))]
pub mod issuer;
pub mod jwks;
pub mod people;
pub mod roles;
pub mod verifier;

#[cfg(test)]
mod tests;
