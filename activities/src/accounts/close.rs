//! `accounts.close`: nothing is left, and the audit trail says so.

use crate::error::StepError;
use entities::{
    audit::{self, Act, Actor},
    db::Db,
    user,
};
use workflows::accounts::contract::OfAccount;

pub(super) async fn run(db: &Db, input: OfAccount) -> Result<(), StepError> {
    let OfAccount { user, now, request_id } = input;
    let tx = db.begin_write().await?;
    if user::mark_erased(&tx, user, now).await? {
        let by_itself = Actor {
            id: None,
            role: "system",
            request_id,
        };
        let act = Act {
            action: "account.erase",
            target_kind: "user",
            target_id: user.to_string(),
            fields: &["erased_at"],
        };
        audit::record(&tx, &by_itself, act, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
