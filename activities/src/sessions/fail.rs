//! `sessions.fail`: the link cannot be made; the slot is free again.

use super::transition::{By, Transition, event, keyed, settle};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    contract::{Fail, Standing},
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Fail) -> Result<Standing, StepError> {
    let Fail {
        session,
        reason,
        now,
        request_id,
    } = input;
    let by = By::itself("session.fail", request_id);
    settle(db, meetings, session, now, by, |row| {
        // People rely on a session that has moved: it goes on without a link, and its letter says so.
        if row.status == SessionState::Confirmed && row.meeting_url.is_none() && row.failure.is_none() {
            let columns = session::ActiveModel {
                failure: Set(Some(reason)),
                ..Default::default()
            };
            let key = format!("meeting_link:failed:{}", row.meeting());
            let events = vec![keyed(now, "meeting_link", "failed", None, key)];
            return Transition::Change(Box::new(columns), events);
        }
        if row.status != SessionState::Held || row.hold_expires_at.is_some() {
            return Transition::Unchanged;
        }
        let columns = session::ActiveModel {
            status: Set(SessionState::Failed),
            failure: Set(Some(reason.clone())),
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
