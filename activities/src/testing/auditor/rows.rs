//! What the rows say of each other.

use super::{MeetingService, Run, engine::Seen, snapshot::Snapshot};
use entities::session;
use std::collections::{BTreeMap, BTreeSet};
use workflows::{
    ids::SeatGroup,
    sessions::state::SessionState,
    waitlist::state::{EntryState, OfferState},
};

pub(super) fn check(found: &Snapshot, seen: &Seen, run: Run, findings: &mut Vec<String>) {
    overlaps_of_specialists(found, findings);
    overlaps_of_clients(found, findings);
    seats(found, findings);
    timelines(found, findings);
    acts(found, findings);
    numbers(found, seen, run, findings);
    series(found, findings);
    waitlists(found, findings);
    reviews(found, findings);
    for left in &found.follow_ups {
        findings.push(format!("nobody has done the follow-up {:?}", left.work));
    }
}

fn blocking(found: &Snapshot) -> impl Iterator<Item = &session::Model> {
    found.sessions.values().filter(|row| row.status.blocks())
}

/// Each block begins after the one before it has ended, but for seats of the same start.
fn overlaps_of_specialists(found: &Snapshot, findings: &mut Vec<String>) {
    let mut by_specialist = BTreeMap::<_, Vec<_>>::new();
    for row in blocking(found) {
        by_specialist.entry(row.specialist_id).or_default().push(row);
    }
    for rows in by_specialist.values() {
        for (n, a) in rows.iter().enumerate() {
            for b in rows.iter().skip(n + 1) {
                let meet = a.blocks_from < b.blocks_until && b.blocks_from < a.blocks_until;
                if meet && a.seat_group != b.seat_group {
                    findings.push(format!("sessions {} and {} of one specialist overlap", a.id, b.id));
                }
            }
        }
    }
    for row in blocking(found) {
        let block = (
            row.starts_at.plus_minutes(-i64::from(row.buffer_before_minutes)),
            row.ends_at.plus_minutes(i64::from(row.buffer_after_minutes)),
        );
        if block != (row.blocks_from, row.blocks_until) {
            findings.push(format!("session {} does not block its time and buffers", row.id));
        }
    }
}

fn overlaps_of_clients(found: &Snapshot, findings: &mut Vec<String>) {
    let mut by_client = BTreeMap::<_, Vec<_>>::new();
    for row in blocking(found) {
        by_client.entry(row.client_id).or_default().push(row);
    }
    for rows in by_client.values() {
        for (n, a) in rows.iter().enumerate() {
            for b in rows.iter().skip(n + 1) {
                if a.starts_at < b.ends_at && b.starts_at < a.ends_at {
                    findings.push(format!("sessions {} and {} of one client overlap", a.id, b.id));
                }
            }
        }
    }
}

fn seats(found: &Snapshot, findings: &mut Vec<String>) {
    let mut groups = BTreeMap::<SeatGroup, Vec<&session::Model>>::new();
    for row in blocking(found) {
        groups.entry(row.seat_group).or_default().push(row);
    }
    for (group, rows) in groups {
        let seats: BTreeSet<_> = rows.iter().map(|row| row.seat).collect();
        if seats.len() < rows.len() {
            findings.push(format!("a seat of group {} is sold twice", group.0));
        }
        let starts: BTreeSet<_> = rows.iter().map(|row| (row.service_id, row.starts_at)).collect();
        if starts.len() > 1 {
            findings.push(format!("group {} has several starts", group.0));
        }
        for row in rows {
            let capacity = found.capacities.get(&row.service_id).copied().unwrap_or_default();
            if row.seat < 1 || capacity.max(1) < row.seat {
                findings.push(format!(
                    "session {} has seat {}, its service {capacity}",
                    row.id, row.seat
                ));
            }
        }
    }
}

/// Every change of a session is on record, once: its version counts them.
fn acts(found: &Snapshot, findings: &mut Vec<String>) {
    for row in found.sessions.values() {
        let n = found.acts.get(&row.id.to_string()).copied().unwrap_or_default();
        if n != row.version {
            findings.push(format!(
                "session {} has version {}, and {n} changes on record",
                row.id, row.version
            ));
        }
    }
}

/// The event that each state owes its timeline; nothing while it is held.
fn owed(status: SessionState) -> Option<&'static str> {
    match status {
        SessionState::Held => None,
        SessionState::Confirmed => Some("confirmation:done"),
        SessionState::Completed => Some("completion:done"),
        SessionState::NoShow => Some("no_show:done"),
        SessionState::Cancelled => Some("cancellation:done"),
        SessionState::Expired => Some("hold:expired"),
        SessionState::Failed => Some("slot:released"),
    }
}

/// The numbers of events rise from 1; a missing one was given to a step that ran twice, which wrote its event once.
fn numbers(found: &Snapshot, seen: &Seen, run: Run, findings: &mut Vec<String>) {
    for row in found.sessions.values() {
        let numbers: Vec<_> = found.events_of(row.id).iter().map(|event| event.seq).collect();
        let repeated = seen.sessions.get(&row.id).is_some_and(|sight| sight.repeated);
        let unexplained = found.n_missing(row) > 0 && !repeated && run == Run::Undisturbed;
        if unexplained || numbers.last().is_some_and(|last| row.event_seq < *last) {
            findings.push(format!(
                "session {} has counted {} events and has {numbers:?}",
                row.id, row.event_seq
            ));
        }
    }
}

fn timelines(found: &Snapshot, findings: &mut Vec<String>) {
    for row in found.sessions.values() {
        if !found.has(row.id, "reservation:done") {
            findings.push(format!("nothing tells that session {} was reserved", row.id));
        }
        let status = row.status.as_str();
        if owed(row.status).is_some_and(|key| !found.has(row.id, key)) {
            findings.push(format!(
                "session {} is {status}, and its timeline does not say so",
                row.id
            ));
        }
        let ends = [
            SessionState::NoShow,
            SessionState::Cancelled,
            SessionState::Expired,
            SessionState::Failed,
        ];
        for end in ends.into_iter().filter(|end| *end != row.status) {
            if owed(end).is_some_and(|key| found.has(row.id, key)) {
                findings.push(format!(
                    "session {} is {status}, and its timeline says {}",
                    row.id,
                    end.as_str()
                ));
            }
        }
        let waits = matches!(row.status, SessionState::Held | SessionState::Confirmed);
        if row.closed_at.is_some() && waits {
            findings.push(format!("session {} is closed and {status}", row.id));
        }
        if row.closed_at.is_some() != found.has(row.id, "closed:done") {
            findings.push(format!("session {} and its timeline disagree on its close", row.id));
        }
        if row.hold_expires_at.is_some() && row.status != SessionState::Held {
            findings.push(format!("session {} is {status} and expires", row.id));
        }
        if row.ends_at <= row.starts_at {
            findings.push(format!("session {} ends before it begins", row.id));
        }
    }
    for session in found.events.keys().filter(|id| !found.sessions.contains_key(id)) {
        findings.push(format!("there are events of session {session} and no such session"));
    }
}

fn series(found: &Snapshot, findings: &mut Vec<String>) {
    for series in &found.series {
        let sessions = found.sessions.values().filter(|row| row.series_id == Some(series.id));
        let (mut n_sessions, mut n_strange) = (0, 0);
        for row in sessions {
            n_sessions += 1;
            n_strange += usize::from(row.client_id != series.client_id || row.specialist_id != series.specialist_id);
        }
        if n_sessions == 0 || n_strange > 0 {
            findings.push(format!(
                "series {} has {n_sessions} sessions, {n_strange} of them somebody else's",
                series.id
            ));
        }
    }
    let known: BTreeSet<_> = found.series.iter().map(|series| series.id).collect();
    for row in found.sessions.values() {
        if row.series_id.is_some_and(|id| !known.contains(&id)) {
            findings.push(format!("session {} is of a series that there is not", row.id));
        }
    }
}

fn waitlists(found: &Snapshot, findings: &mut Vec<String>) {
    let mut open = BTreeMap::<_, usize>::new();
    for offer in &found.offers {
        let Some(row) = found.sessions.get(&offer.session_id) else {
            findings.push(format!("offer {} has no session", offer.id));
            continue;
        };
        let held = row.status == SessionState::Held && row.hold_expires_at.is_some();
        if offer.status == OfferState::Offered {
            *open.entry(offer.entry_id).or_default() += 1;
            if !held || row.hold_expires_at != Some(offer.expires_at) {
                findings.push(format!(
                    "offer {} is open until {}; its session {} is {} until {:?}",
                    offer.id,
                    offer.expires_at,
                    row.id,
                    row.status.as_str(),
                    row.hold_expires_at
                ));
            }
            if offer.announced_at.is_none() {
                findings.push(format!("nobody was told of offer {}", offer.id));
            }
        } else if held || offer.ended_at.is_none() {
            findings.push(format!(
                "offer {} is over, and its session {} is held",
                offer.id, row.id
            ));
        }
    }
    for entry in &found.entries {
        let n_open = open.get(&entry.id).copied().unwrap_or_default();
        if n_open != usize::from(entry.status == EntryState::Offered) {
            findings.push(format!(
                "place {} is {:?} and has {n_open} open offers",
                entry.id, entry.status
            ));
        }
    }
}

fn reviews(found: &Snapshot, findings: &mut Vec<String>) {
    for specialist in found.specialists.values() {
        let theirs = found.reviews.iter().filter(|row| row.specialist_id == specialist.id);
        let (mut n, mut sum) = (0, 0);
        for review in theirs {
            (n, sum) = (n + 1, sum + i64::from(review.rating));
        }
        if (i64::from(specialist.review_count), specialist.rating_sum) != (n, sum) {
            findings.push(format!(
                "specialist {} has {n} reviews and counts {}",
                specialist.id, specialist.review_count
            ));
        }
    }
    for review in &found.reviews {
        let row = review.session_id.and_then(|id| found.sessions.get(&id));
        let took_place = row.is_some_and(|row| found.has(row.id, "completion:done"));
        if !took_place {
            findings.push(format!("review {} is of a session that was never completed", review.id));
        }
    }
}

/// The service has the meetings of the sessions that block, and no other.
pub(super) fn check_meetings(found: &Snapshot, service: &MeetingService, findings: &mut Vec<String>) {
    let mut urls = BTreeSet::new();
    for row in blocking(found) {
        match &row.meeting_url {
            Some(url) => {
                if !service.has(url) {
                    findings.push(format!("the meeting of session {} is gone", row.id));
                }
                urls.insert(url);
            }
            None if row.status != SessionState::Held && row.failure.is_none() => {
                findings.push(format!("session {} has no meeting", row.id));
            }
            None => {}
        }
    }
    if service.n_live() != urls.len() {
        findings.push(format!(
            "the service has {} meetings, the sessions {}",
            service.n_live(),
            urls.len()
        ));
    }
}
