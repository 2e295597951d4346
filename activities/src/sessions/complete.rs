//! `sessions.complete`: the end has passed.

use super::transition::{By, Transition, event, settle};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    contract::{OfSession, Standing},
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: OfSession) -> Result<Standing, StepError> {
    let OfSession {
        session,
        now,
        request_id,
    } = input;
    let by = By::itself("session.complete", request_id);
    settle(db, meetings, session, now, by, |row| {
        // It may have moved since the timer was set.
        if row.status != SessionState::Confirmed || now < row.ends_at {
            return Transition::Unchanged;
        }
        let columns = session::ActiveModel {
            status: Set(SessionState::Completed),
            ..Default::default()
        };
        Transition::Change(Box::new(columns), vec![event(now, "completion", "done", None)])
    })
    .await
}
