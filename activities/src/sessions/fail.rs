//! `sessions.fail`: a step failed for good; the slot is free again.

use super::transition::{Transition, event, settle};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    contract::{Fail, Standing},
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Fail) -> Result<Standing, StepError> {
    let Fail { session, reason, now } = input;
    settle(db, meetings, session, now, |row| {
        if row.status != SessionState::Held {
            return Transition::Unchanged;
        }
        let columns = session::ActiveModel {
            status: Set(SessionState::Failed),
            failure: Set(Some(reason.clone())),
            hold_expires_at: Set(None),
            ..Default::default()
        };
        let events = vec![
            event(now, "meeting_link", "failed", None),
            event(now, "slot", "released", Some(reason)),
        ];
        Transition::Change(Box::new(columns), events)
    })
    .await
}
