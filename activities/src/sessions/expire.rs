//! `sessions.expire`: nobody has confirmed the hold in time.

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
    let by = By::itself("session.expire", request_id);
    settle(db, meetings, session, now, by, |row| {
        if row.status != SessionState::Held || row.case(now).status() != SessionState::Expired {
            return Transition::Unchanged;
        }
        let columns = session::ActiveModel {
            status: Set(SessionState::Expired),
            hold_expires_at: Set(None),
            ..Default::default()
        };
        Transition::Change(Box::new(columns), vec![event(now, "hold", "expired", None)])
    })
    .await
}
