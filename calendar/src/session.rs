//! What stands in the event of a session.

use crate::{
    event::Status,
    language::Language,
    text::{link, one_line, paragraph},
};
use workflows::{ids::SessionId, sessions::state::SessionState};

/// The UID of a session's event: the same in every mail, file and feed, whatever becomes of the session.
#[must_use]
pub fn uid(session_id: SessionId, host: &str) -> String {
    format!("{session_id}@{host}")
}

/// How certain the event of a session is.
#[must_use]
pub fn status(state: SessionState) -> Status {
    match state {
        SessionState::Held => Status::Tentative,
        SessionState::Confirmed | SessionState::Completed | SessionState::NoShow => Status::Confirmed,
        SessionState::Cancelled | SessionState::Expired | SessionState::Failed => Status::Cancelled,
    }
}

/// What the event of a session is called in the calendar of somebody who meets `other_party`, who may have no name: an
/// account that was deleted.
#[must_use]
pub fn summary(language: Language, service: &str, other_party: &str) -> String {
    let with = language.words().with;
    match one_line(other_party).as_str() {
        "" => one_line(service),
        other_party => one_line(&format!("{service} {with} {other_party}")),
    }
}

/// What there is to say of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Details<'a> {
    /// Where it is; of one that does not take place nobody shall try to join.
    pub meeting_url: Option<&'a str>,
    /// Why it does not take place.
    pub reason: Option<&'a str>,
    /// What the client wrote.
    pub notes: Option<&'a str>,
    /// Where it can be seen and changed.
    pub manage_url: Option<&'a str>,
}

/// What the event of a session says, nothing when there is nothing to say.
#[must_use]
pub fn description(language: Language, details: Details<'_>) -> Option<String> {
    let words = language.words();
    let Details {
        meeting_url,
        reason,
        notes,
        manage_url,
    } = details;
    let facts = [
        link(meeting_url).map(|url| format!("{}: {url}", words.link)),
        paragraph(reason).map(|reason| format!("{}: {reason}", words.reason)),
        paragraph(notes).map(|notes| format!("{}: {notes}", words.notes)),
        link(manage_url),
    ];
    let lines: Vec<String> = facts.into_iter().flatten().collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
