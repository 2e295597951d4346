//! `accounts.letters_under_way`: whether what was called off has yet to be told to somebody.

use crate::error::StepError;
use entities::{db::Db, session};
use workflows::{
    accounts::{contract::OfAccount, steps::LETTERS_LIMIT_MINUTES},
    sessions::state::SessionState,
};

pub(super) async fn run(db: &Db, input: OfAccount) -> Result<bool, StepError> {
    let since = input.now.plus_minutes(-LETTERS_LIMIT_MINUTES);
    let rows = session::unclosed_of_client(db.reader(), input.user).await?;
    // A run ends when its last letter has gone or was given up; the oldest runs put no end on record, and what was
    // called off days ago has been told or never will be.
    Ok(rows.iter().any(|row| {
        let off = matches!(
            row.status,
            SessionState::Cancelled | SessionState::Expired | SessionState::Failed
        );
        off && since < row.updated_at
    }))
}
