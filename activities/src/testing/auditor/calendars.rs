//! What a calendar program makes of the mails: each recipient's calendar, compared with the rows.
//!
//! # Source
//! RFC 5546 §2.1.5: of the components with one UID the highest SEQUENCE counts, of equal ones the latest DTSTAMP.

use super::snapshot::{Mail, Snapshot};
use jiff::{civil::DateTime, tz::TimeZone};
use std::collections::BTreeMap;
use workflows::{ids::SessionId, sessions::state::SessionState, time::Instant};

/// What a calendar knows of one UID.
#[derive(Clone, Copy)]
struct Known {
    sequence: i64,
    stamp: Instant,
    /// Nothing once it was taken out.
    starts_at: Option<Instant>,
}

/// Compare; how many entries the calendars have in the end.
pub(super) fn check(found: &Snapshot, findings: &mut Vec<String>) -> usize {
    let mut calendars = BTreeMap::<(String, String), Known>::new();
    for mail in &found.mails {
        let Some(text) = &mail.calendar else { continue };
        match take_in(&mut calendars, mail, text) {
            Some(()) => {}
            None => findings.push(format!("the calendar of mail {} cannot be read", mail.id)),
        }
    }
    for row in found.sessions.values() {
        let takes_place = matches!(
            row.status,
            SessionState::Confirmed | SessionState::Completed | SessionState::NoShow
        );
        let expected = takes_place.then_some(row.starts_at);
        let client = found.clients.get(&row.client_id);
        let specialist = found.specialists.get(&row.specialist_id).map(|row| &row.email);
        for (role, address) in [("client", client), ("specialist", specialist)] {
            let Some(address) = address else { continue };
            // Who could not be reached in the end, as the timeline says, has nothing to look at.
            let last = ["confirmation", "cancellation"].map(|kind| format!("mail:{kind}:{}:", row.sequence));
            let failed = found.events_of(row.id).iter().any(|event| {
                let to = last.iter().find_map(|last| event.key.strip_prefix(last.as_str()));
                event.status != "sent" && to.is_some_and(|to| to == role || to == "dropped")
            });
            let known = calendars.get(&(address.to_lowercase(), row.id.to_string()));
            let shown = known.and_then(|known| known.starts_at);
            if shown != expected && !failed {
                findings.push(format!(
                    "session {} is {} at {}; the calendar of its {role} has it at {shown:?}",
                    row.id,
                    row.status.as_str(),
                    row.starts_at
                ));
            }
        }
    }
    for (_, uid) in calendars.keys() {
        let session = uid.parse::<SessionId>().ok();
        if session.is_none_or(|session| !found.sessions.contains_key(&session)) {
            findings.push(format!("a calendar has {uid}, which is no session"));
        }
    }
    calendars.values().filter(|known| known.starts_at.is_some()).count()
}

fn take_in(calendars: &mut BTreeMap<(String, String), Known>, mail: &Mail, text: &str) -> Option<()> {
    let text = text.replace("\r\n", "\n").replace("\n ", "");
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    let (uid, _) = value("UID")?.split_once('@')?;
    let news = Known {
        sequence: value("SEQUENCE")?.parse().ok()?,
        stamp: instant(value("DTSTAMP")?)?,
        starts_at: match value("METHOD")? {
            "REQUEST" => Some(instant(value("DTSTART")?)?),
            "CANCEL" => None,
            _ => return None,
        },
    };
    for to in &mail.to {
        let place = (to.to_lowercase(), uid.to_owned());
        let later = calendars
            .get(&place)
            .is_none_or(|known| (known.sequence, known.stamp) <= (news.sequence, news.stamp));
        if later {
            calendars.insert(place, news);
        }
    }
    Some(())
}

/// A time in UTC, `20260601T080000Z`.
fn instant(text: &str) -> Option<Instant> {
    let wall = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let zoned = wall.to_zoned(TimeZone::UTC).ok()?;
    Some(Instant::new(zoned.timestamp()))
}
