//! `sessions.close`: nothing can happen to the session any more.

use super::transition::event;
use crate::error::StepError;
use entities::{db::Db, session, session_event};
use workflows::sessions::contract::OfSession;

pub(super) async fn run(db: &Db, input: OfSession) -> Result<(), StepError> {
    let tx = db.begin_write().await?;
    // What is over stays over: a repeat, or a second run of the same session, leaves the first one's moment.
    if session::close(&tx, input.session, input.now).await? {
        let events = vec![event(input.now, "closed", "done", None)];
        session_event::append(&tx, input.session, events).await?;
        tx.commit().await?;
    }
    Ok(())
}
