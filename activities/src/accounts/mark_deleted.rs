//! `accounts.mark_deleted`: the account is deleted from the moment this commits.

use crate::error::StepError;
use entities::{
    audit::{self, Act, Actor},
    calendar_feed,
    db::{Db, lock_client, lock_specialist},
    device, session, specialist, user,
};
use workflows::accounts::{
    contract::{MarkDeleted, Marked},
    error::AccountError,
};

pub(super) async fn run(db: &Db, input: MarkDeleted) -> Result<Marked, StepError> {
    let MarkDeleted { command, now } = input;
    let user = command.user;
    let tx = db.begin_write().await?;
    // Whose locks to take is read before they are held; both locks keep bookings out, whichever side they are of.
    if let Some(specialist) = specialist::of_user(&tx, user).await? {
        lock_specialist(&tx, specialist.id).await?;
    }
    lock_client(&tx, user).await?;
    if user::is_deleted(&tx, user).await? {
        return Ok(Marked::Done);
    }
    if command.not_after < now {
        return Ok(Marked::Refused(AccountError::Lapsed));
    }
    if let Some(specialist) = specialist::of_user(&tx, user).await?
        && (specialist.active || session::is_open_with(&tx, specialist.id, now).await?)
    {
        return Ok(Marked::Refused(AccountError::SpecialistActive));
    }
    user::mark_deleted(&tx, user, now).await?;
    calendar_feed::remove_all(&tx, user).await?;
    device::remove_all(&tx, user).await?;
    let person = Actor {
        id: Some(user),
        role: "user",
        request_id: command.request_id,
    };
    let act = Act {
        action: "account.delete",
        target_kind: "user",
        target_id: user.to_string(),
        fields: &["deleted_at"],
    };
    audit::record(&tx, &person, act, now).await?;
    tx.commit().await?;
    Ok(Marked::Done)
}
