//! The steps of a deletion, as declared in [`workflows::accounts::steps`]; one file a step.

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod call_off;
mod close;
mod delete_identity;
mod erase;
pub mod identity;
mod letters;
mod mark_deleted;

use crate::{
    commands::Commands,
    step::{call, within_limit},
};
use entities::db::Db;
use identity::IdentityProvider;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::accounts::{
    contract::{Erased, Identity, MarkDeleted, Marked, OfAccount},
    steps::declared,
};

/// What the steps work with.
pub struct AccountActivities {
    /// The database.
    pub db: Db,
    /// Who tells other runs.
    pub commands: Commands,
    /// Who knows the person too; nobody where the configuration names none.
    pub identity: Option<Arc<IdentityProvider>>,
}

#[activities]
impl AccountActivities {
    #[activity(definition = declared::MarkDeleted)]
    pub async fn mark_deleted(
        self: Arc<Self>,
        _: ActivityContext,
        input: MarkDeleted,
    ) -> Result<Marked, ActivityError> {
        within_limit("accounts.mark_deleted", mark_deleted::run(&self.db, input)).await
    }

    #[activity(definition = declared::CallOff)]
    pub async fn call_off(self: Arc<Self>, _: ActivityContext, input: OfAccount) -> Result<(), ActivityError> {
        call("accounts.call_off", call_off::run(&self.db, &self.commands, input)).await
    }

    #[activity(definition = declared::LettersUnderWay)]
    pub async fn letters_under_way(
        self: Arc<Self>,
        _: ActivityContext,
        input: OfAccount,
    ) -> Result<bool, ActivityError> {
        call("accounts.letters_under_way", letters::run(&self.db, input)).await
    }

    #[activity(definition = declared::Erase)]
    pub async fn erase(self: Arc<Self>, _: ActivityContext, input: OfAccount) -> Result<Erased, ActivityError> {
        call("accounts.erase", erase::run(&self.db, input)).await
    }

    #[activity(definition = declared::DeleteIdentity)]
    pub async fn delete_identity(
        self: Arc<Self>,
        _: ActivityContext,
        input: OfAccount,
    ) -> Result<Identity, ActivityError> {
        call(
            "accounts.delete_identity",
            delete_identity::run(self.identity.as_deref(), input),
        )
        .await
    }

    #[activity(definition = declared::Close)]
    pub async fn close(self: Arc<Self>, _: ActivityContext, input: OfAccount) -> Result<(), ActivityError> {
        call("accounts.close", close::run(&self.db, input)).await
    }
}
