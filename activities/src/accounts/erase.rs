//! `accounts.erase`: who the person was. Ids stay, and with them what others have of the history.

use crate::error::StepError;
use entities::{
    busy_feed, calendar_feed,
    db::{Db, lock_client, lock_specialist},
    device, profile, review, session, session_text, specialist, user,
};
use sea_orm::ActiveValue::Set;
use workflows::{
    accounts::contract::{Erased, OfAccount, STRAGGLERS_MINUTES},
    ids::UserId,
    sessions::{rules, state::SessionState},
    time::Instant,
};

pub(super) async fn run(db: &Db, input: OfAccount) -> Result<Erased, StepError> {
    let OfAccount { user, now, .. } = input;
    let tx = db.begin_write().await?;
    let gives = specialist::of_user(&tx, user).await?;
    if let Some(specialist) = &gives {
        lock_specialist(&tx, specialist.id).await?;
    }
    lock_client(&tx, user).await?;
    if let Some(specialist) = gives {
        let nobody = specialist::ActiveModel {
            user_id: Set(None),
            name: Set("Former specialist".to_owned()),
            title: Set(String::new()),
            bio: Set(String::new()),
            email: Set(String::new()),
            // Whatever has been said of the record since the mark: nobody gives sessions under it.
            active: Set(false),
            ..Default::default()
        };
        specialist::change(&tx, specialist.id, nobody, now).await?;
        busy_feed::replace(&tx, specialist.id, &[], now).await?;
    }
    // Texts before what refers to them.
    session_text::erase(&tx, user).await?;
    session::drop_texts(&tx, user).await?;
    review::anonymise(&tx, user).await?;
    calendar_feed::remove_all(&tx, user).await?;
    device::remove_all(&tx, user).await?;
    profile::erase(&tx, user, now).await?;
    let again_at = again_at(&tx, user, now).await?;
    tx.commit().await?;
    Ok(Erased { again_at })
}

/// When to look once more: when nobody can write about sessions that had begun any more, and when requests that were let
/// in before the mark are long over.
async fn again_at(tx: &sea_orm::DatabaseTransaction, user: UserId, now: Instant) -> Result<Option<Instant>, StepError> {
    use SessionState::{Completed, Confirmed, NoShow};
    let deleted_at = user::find(tx, user).await?.and_then(|user| user.deleted_at);
    let begun = session::unclosed_of_client(tx, user).await?.into_iter();
    let closings = begun
        .filter(|row| matches!(row.status, Confirmed | Completed | NoShow))
        .map(|row| rules::closes_at(row.starts_at, row.ends_at));
    let last = closings.chain(deleted_at).max();
    Ok(last
        .map(|at| at.plus_minutes(STRAGGLERS_MINUTES))
        .filter(|at| now < *at))
}
