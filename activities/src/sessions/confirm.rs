//! `sessions.confirm`: the link is made, the session takes place.

use super::transition::{Transition, event, settle};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, session};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    contract::{Confirm, Standing},
    state::SessionState,
};

pub(super) async fn run(db: &Db, meetings: &MeetingProvider, input: Confirm) -> Result<Standing, StepError> {
    let Confirm { session, meeting, now } = input;
    settle(db, meetings, session, now, |row| {
        if row.status != SessionState::Held {
            return Transition::Unchanged;
        }
        let columns = session::ActiveModel {
            status: Set(SessionState::Confirmed),
            meeting_url: Set(Some(meeting.url)),
            meeting_ref: Set(meeting.reference),
            ..Default::default()
        };
        let events = vec![
            event(now, "meeting_link", "done", None),
            event(now, "confirmation", "done", None),
        ];
        Transition::Change(Box::new(columns), events)
    })
    .await
}
