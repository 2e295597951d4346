//! `sessions.create_meeting` and its undo: calls to the meeting provider, outside of any transaction.

use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{db::Db, session};
use workflows::sessions::contract::{Meeting, OfSession};

pub(super) async fn create(db: &Db, meetings: &MeetingProvider, input: OfSession) -> Result<Meeting, StepError> {
    let row = found(db, &input).await?;
    Ok(meetings.create(&key(&row), row.starts_at, row.ends_at).await?)
}

pub(super) async fn remove(db: &Db, meetings: &MeetingProvider, input: OfSession) -> Result<(), StepError> {
    let row = found(db, &input).await?;
    // Others may share the start and with it the meeting.
    if session::group_is_live(db.reader(), row.seat_group).await? {
        return Ok(());
    }
    Ok(meetings.remove(&key(&row)).await?)
}

async fn found(db: &Db, input: &OfSession) -> Result<session::Model, StepError> {
    session::by_id(db.reader(), input.session)
        .await?
        .ok_or_else(|| StepError::no_session(input.session))
}

fn key(row: &session::Model) -> MeetingKey {
    MeetingKey::new(row.seat_group, 0)
}
