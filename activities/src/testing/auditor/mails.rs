//! What people were told, and what they should have been.

use super::{Run, engine::Seen, snapshot::Snapshot};
use crate::outbox::MOST_KEPT;
use entities::{session, session_event};
use std::collections::{BTreeMap, BTreeSet};
use workflows::{ids::SessionId, sessions::state::SessionState};

const CLIENT: &str = "client";
const SPECIALIST: &str = "specialist";

pub(super) fn check(found: &Snapshot, seen: &Seen, run: Run, by_service: bool, findings: &mut Vec<String>) {
    if MOST_KEPT <= found.mails.len() {
        findings.push("the outbox is full: the first mails are gone".to_owned());
    }
    deliveries(found, run, findings);
    for row in found.sessions.values() {
        let account = seen.sessions.get(&row.id).map_or(&[][..], |sight| &sight.timeline);
        let dropped = |step: &str| {
            let these = account.iter().filter(|entry| entry.step == step);
            these.filter(|entry| entry.status == "dropped").count()
        };
        let mut missing = BTreeMap::<&str, BTreeSet<u32>>::new();
        for owed in untold(found, row) {
            // A link that is made after the move may swallow the letter of the move before.
            let bygone = owed.superseded && by_service;
            if owed.excusable && !bygone {
                missing.entry(owed.kind).or_default().insert(owed.sequence);
            } else if !bygone {
                findings.push(format!(
                    "session {} is {}, and its {} was not told ({} {})",
                    row.id,
                    row.status.as_str(),
                    owed.role,
                    owed.kind,
                    owed.sequence
                ));
            }
        }
        for (kind, sequences) in missing {
            if dropped(kind) < sequences.len() {
                findings.push(format!(
                    "nobody was told, and nothing says why, of {kind} {sequences:?} of session {}",
                    row.id
                ));
            }
        }
        reminders(found, row, findings);
    }
}

/// A letter that somebody is owed and that no event tells of.
pub(super) struct Owed {
    kind: &'static str,
    sequence: u32,
    role: &'static str,
    /// It may have been dropped for what happened next; its workflow then says so.
    excusable: bool,
    /// The session has moved since.
    superseded: bool,
}

/// The letters that the session's people are owed by how it stands, less those of which an event tells.
pub(super) fn untold(found: &Snapshot, row: &session::Model) -> Vec<Owed> {
    let has = |key: &str| found.has(row.id, key);
    let sequence = u32::try_from(row.sequence).unwrap_or_default();
    let mut owed = Vec::new();
    let mut owe = |kind: &'static str, sequence: u32, role: &'static str, excusable: bool, superseded: bool| {
        let gone = role == CLIENT && !found.clients.contains_key(&row.client_id);
        let told = has(&format!("mail:{kind}:{sequence}:{role}"));
        // What was overtaken need not be told; what still holds is dropped for want of a mail server only.
        let key = format!("mail:{kind}:{sequence}:dropped");
        let dropped = found.events_of(row.id).iter().find(|event| event.key == key);
        let told = told || dropped.is_some_and(|event| excusable || event.detail.as_deref() != Some("session_changed"));
        if !told && !gone {
            owed.push(Owed {
                kind,
                sequence,
                role,
                excusable,
                superseded,
            });
        }
    };
    if has("confirmation:done") {
        let takes_place = matches!(
            row.status,
            SessionState::Confirmed | SessionState::Completed | SessionState::NoShow
        );
        let announced = if takes_place { sequence + 1 } else { sequence };
        for n in 0..announced {
            let last = takes_place && n == sequence;
            for role in [CLIENT, SPECIALIST] {
                owe("confirmation", n, role, !last, !last);
            }
        }
    }
    match row.status {
        SessionState::Cancelled => {
            if has("confirmation:done") {
                owe("cancellation", sequence, SPECIALIST, false, false);
            }
            let only_held = has("hold:started") && !has("hold:confirmed");
            let cancelled = found
                .events_of(row.id)
                .iter()
                .find(|event| event.key == "cancellation:done");
            let themselves = cancelled.is_some_and(|event| event.detail.as_deref() == Some("by client"));
            if !(only_held && themselves) {
                owe("cancellation", sequence, CLIENT, false, false);
            }
        }
        SessionState::Failed => owe("failure", sequence, CLIENT, false, false),
        SessionState::Completed => owe("review_invitation", sequence, CLIENT, false, false),
        SessionState::NoShow if has("completion:done") => owe("review_invitation", sequence, CLIENT, true, false),
        _ => {}
    }
    owed
}

/// Of what took place, every reminder was dealt with; what was begun was ended.
fn reminders(found: &Snapshot, row: &session::Model, findings: &mut Vec<String>) {
    let (id, sequence) = (row.id, row.sequence);
    let events = found.events_of(id);
    let any = |prefix: &str| events.iter().any(|event| event.key.starts_with(prefix));
    if matches!(row.status, SessionState::Completed) {
        for offset in &row.reminder_offsets.0 {
            let begun = any(&format!("mail:reminder:{sequence}:{offset}:"));
            if !begun && !any(&format!("reminder:{offset}:{sequence}:skipped")) {
                findings.push(format!(
                    "nothing tells of the reminder {offset} min before session {id}"
                ));
            }
        }
    }
    for event in events {
        let Some(mail) = event.key.strip_suffix(":started") else {
            continue;
        };
        if mail.starts_with("mail:reminder:") && !any(&format!("{mail}:{CLIENT}")) && !any(&format!("{mail}:dropped")) {
            findings.push(format!("the reminder {mail} of session {id} was begun and not ended"));
        }
    }
}

/// Each event of a mail has its mail, each mail its event, and each came once.
fn deliveries(found: &Snapshot, run: Run, findings: &mut Vec<String>) {
    let mut sent = BTreeMap::new();
    for (session, events) in &found.events {
        for event in events.iter().filter(|event| event.status == "sent") {
            match start_of_id(*session, event) {
                Some(id) => drop(sent.insert(id, *session)),
                None => findings.push(format!("what is event {} of session {session}?", event.key)),
            }
        }
    }
    let mut arrived = BTreeMap::<_, usize>::new();
    for mail in &found.mails {
        let start = mail.id.split('@').next().unwrap_or_default();
        *arrived.entry(start).or_default() += 1;
        addressee(found, start, &mail.to, findings);
    }
    for (id, n) in &arrived {
        if *n > 1 && run == Run::Undisturbed {
            findings.push(format!("mail {id} came {n} times"));
        }
        if !sent.contains_key(*id) && run == Run::Undisturbed {
            findings.push(format!("mail {id} came, and no event tells of it"));
        }
    }
    for (id, session) in &sent {
        if !arrived.contains_key(id.as_str()) {
            findings.push(format!(
                "session {session} says that mail {id} was sent, and it did not come"
            ));
        }
    }
}

/// What the `Message-ID` of the mail that an event tells of begins with.
fn start_of_id(session: SessionId, event: &session_event::Model) -> Option<String> {
    let parts: Vec<_> = event.key.strip_prefix("mail:")?.split(':').collect();
    match parts.as_slice() {
        ["offer", role] => Some(format!("offer.0.{role}.{session}")),
        ["confirmation", sequence, role] if *sequence != "0" => {
            Some(format!("rescheduled.{sequence}.{role}.{session}"))
        }
        [kind, sequence, role] => Some(format!("{kind}.{sequence}.{role}.{session}")),
        [kind, sequence, offset, role] => Some(format!("{kind}.{sequence}.{offset}.{role}.{session}")),
        _ => None,
    }
}

/// A mail goes to the one whose it is, and to nobody else.
fn addressee(found: &Snapshot, id: &str, to: &[String], findings: &mut Vec<String>) {
    let mut parts = id.rsplit('.');
    let session = parts.next().and_then(|session| session.parse::<SessionId>().ok());
    let Some(row) = session.and_then(|session| found.sessions.get(&session)) else {
        findings.push(format!("mail {id} is of no session"));
        return;
    };
    let theirs = if parts.next() == Some(CLIENT) {
        found.clients.get(&row.client_id)
    } else {
        found.specialists.get(&row.specialist_id).map(|row| &row.email)
    };
    if theirs.is_some_and(|theirs| to != [theirs.clone()]) {
        findings.push(format!("mail {id} went to somebody else"));
    }
}
