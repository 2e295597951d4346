//! `accounts.await_letters`: what was called off has been told to everybody, or given up.

use crate::error::StepError;
use entities::{db::Db, session};
use workflows::{
    accounts::{contract::OfAccount, steps::LETTERS_LIMIT},
    sessions::state::SessionState,
};

pub(super) async fn run(db: &Db, input: OfAccount) -> Result<(), StepError> {
    let days = i64::try_from(LETTERS_LIMIT.as_secs() / 60).unwrap_or(i64::MAX);
    let since = input.now.plus_minutes(-days);
    let rows = session::unclosed_of_client(db.reader(), input.user).await?;
    // A run ends when its last letter has gone or was given up; the oldest runs put no end on record, and what was
    // called off days ago has been told or never will be.
    let telling = rows.iter().any(|row| {
        let off = matches!(
            row.status,
            SessionState::Cancelled | SessionState::Expired | SessionState::Failed
        );
        off && since < row.updated_at
    });
    if telling {
        return Err(StepError::NotYet {
            code: "letters_under_way",
        });
    }
    Ok(())
}
