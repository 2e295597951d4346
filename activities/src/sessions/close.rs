//! `sessions.close`: nothing can happen to the session any more.

use crate::error::StepError;
use entities::{db::Db, session};
use workflows::sessions::contract::OfSession;

pub(super) async fn run(db: &Db, input: OfSession) -> Result<(), StepError> {
    let tx = db.begin_write().await?;
    session::close(&tx, input.session, input.now).await?;
    Ok(tx.commit().await?)
}
