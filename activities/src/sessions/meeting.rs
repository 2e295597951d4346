//! `sessions.create_meeting` and its undo: calls to the meeting provider, outside of any transaction.

use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{db::Db, session};
use workflows::{
    ids::SessionId,
    sessions::contract::{Meeting, OfSession, RemoveMeeting},
};

pub(super) async fn create(db: &Db, meetings: &MeetingProvider, input: OfSession) -> Result<Meeting, StepError> {
    let row = found(db, input.session).await?;
    let key = row.meeting();
    let made = meetings
        .create(&MeetingKey::from(key.clone()), row.starts_at, row.ends_at)
        .await?;
    Ok(Meeting { key: Some(key), ..made })
}

pub(super) async fn remove(db: &Db, meetings: &MeetingProvider, input: RemoveMeeting) -> Result<(), StepError> {
    let key = match input.key {
        Some(key) => key,
        None => found(db, input.session).await?.meeting(),
    };
    // Others may share the start and with it the meeting. Whoever comes after the last of them has left makes a meeting
    // of their own, under another key, so that nothing needs to be held meanwhile.
    if session::meeting_is_live(db.reader(), &key).await? {
        return Ok(());
    }
    Ok(meetings.remove(&MeetingKey::from(key)).await?)
}

async fn found(db: &Db, session: SessionId) -> Result<session::Model, StepError> {
    session::by_id(db.reader(), session)
        .await?
        .ok_or_else(|| StepError::no_session(session))
}
