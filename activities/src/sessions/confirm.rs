//! `sessions.confirm`: the link is made, the session takes place; or takes place elsewhere than before.

use super::{
    meeting::opened,
    transition::{By, Transition, event, keyed, settle},
};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, session};
use sea_orm::ActiveValue::Set;
use settings::Sealer;
use workflows::sessions::{
    contract::{Confirm, Standing},
    state::SessionState,
};

pub(super) async fn run(
    db: &Db,
    meetings: &MeetingProvider,
    sealer: &Sealer,
    input: Confirm,
) -> Result<Standing, StepError> {
    let Confirm {
        session,
        meeting,
        now,
        request_id,
    } = input;
    let meeting = opened(sealer, session, meeting)?;
    let by = By::itself("session.confirm", request_id);
    settle(db, meetings, session, now, by, |row| {
        // It may have moved to where another meeting is, while this one was being made.
        let wanted = meeting.key.as_deref().is_none_or(|key| key == row.meeting());
        let confirms = row.status == SessionState::Held && row.hold_expires_at.is_none();
        let moved = row.status == SessionState::Confirmed && row.meeting_url.is_none();
        if !wanted || !(confirms || moved) {
            return Transition::Unchanged;
        }
        let mut columns = session::ActiveModel {
            meeting_url: Set(Some(meeting.url)),
            meeting_ref: Set(meeting.reference),
            ..Default::default()
        };
        if moved {
            let key = format!("meeting_link:done:{}", row.meeting());
            let events = vec![keyed(now, "meeting_link", "done", None, key)];
            return Transition::Change(Box::new(columns), events);
        }
        columns.status = Set(SessionState::Confirmed);
        let events = vec![
            event(now, "meeting_link", "done", None),
            event(now, "confirmation", "done", None),
        ];
        Transition::Change(Box::new(columns), events)
    })
    .await
}
