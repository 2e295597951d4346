//! `sessions.create_meeting` and its undo: calls to the meeting provider, outside of any transaction.
//!
//! Whoever has a link is in the meeting, so histories, which operators read, hold it sealed; [`opened`] is for the step that
//! puts it into the row.

use crate::{
    error::StepError,
    meetings::provider::{MeetingKey, MeetingProvider},
};
use entities::{db::Db, session};
use settings::Sealer;
use workflows::{
    ids::SessionId,
    sessions::contract::{Meeting, OfSession, RemoveMeeting},
};

pub(super) async fn create(
    db: &Db,
    meetings: &MeetingProvider,
    sealer: &Sealer,
    input: OfSession,
) -> Result<Meeting, StepError> {
    let row = found(db, input.session).await?;
    let key = row.meeting();
    let made = meetings
        .create(&MeetingKey::from(key.clone()), row.starts_at, row.ends_at)
        .await?;
    let sealed = |text: String| sealer.seal(input.session.0, text.as_bytes());
    Ok(Meeting {
        url: sealed(made.url),
        reference: made.reference.map(sealed),
        key: Some(key),
    })
}

/// The meeting as it was made.
///
/// # Errors
/// [`StepError`] when it was sealed under another key: it is tried again, for that can be mended.
pub(super) fn opened(sealer: &Sealer, session: SessionId, meeting: Meeting) -> Result<Meeting, StepError> {
    let opened = |text: String| {
        let opened = sealer.open(session.0, &text);
        let text = opened.and_then(|opened| String::from_utf8(opened.expose().clone()).ok());
        text.ok_or_else(|| StepError::Passing {
            code: "meeting_not_opened",
            source: anyhow::anyhow!("the link of session {session} was sealed under another DERIVE_KEY"),
        })
    };
    Ok(Meeting {
        url: opened(meeting.url)?,
        reference: meeting.reference.map(opened).transpose()?,
        key: meeting.key,
    })
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
