//! What follows from how a session stands, whichever step or command told it: what operators see, which reminders are to
//! come, who is written to, and which meeting it has left.

use super::{
    contract::{MailKind, Standing},
    errands, rules,
    state::SessionState,
    workflow::{Context, STARTS_AT, STATUS, note, searchable},
};
use crate::patience::now;

/// Take over how the session stands, and do what follows.
pub(super) fn stands(ctx: &Context, standing: Standing) {
    let before = ctx.state_mut(|s| s.standing.replace(standing.clone()));
    let before = before.as_ref();
    if before == Some(&standing) {
        return;
    }
    show(ctx, before, &standing);
    plan_reminders(ctx, before, &standing);
    if let Some(kind) = letter(before, &standing) {
        errands::write(ctx, kind);
    }
    if let Some(key) = left_meeting(before, &standing) {
        ctx.state_mut(|s| s.left.push(key));
        errands::let_go(ctx);
    }
}

/// What operators see.
fn show(ctx: &Context, before: Option<&Standing>, standing: &Standing) {
    let status = before.map_or(SessionState::Held, |before| before.status);
    if status != standing.status {
        ctx.upsert_search_attributes([STATUS.value_set(standing.status.as_str().to_owned())]);
    }
    let starts_at = before.map_or_else(|| ctx.state(|s| s.book.starts_at), |before| before.starts_at);
    if starts_at != standing.starts_at {
        ctx.upsert_search_attributes([STARTS_AT.value_set(searchable(standing.starts_at))]);
    }
    ctx.set_current_details(format!(
        "**{}**\n\n- starts {}\n- ends {}\n- specialist `{}`\n- client `{}`",
        standing.status.as_str(),
        standing.starts_at,
        standing.ends_at,
        ctx.state(|s| s.book.specialist),
        ctx.state(|s| s.book.client),
    ));
}

/// The reminders are planned with the reservation, and anew when the session moves, a hold is confirmed or its client
/// wants others. One whose hour has passed is skipped, and noted where it was expected until then.
fn plan_reminders(ctx: &Context, before: Option<&Standing>, standing: &Standing) {
    let planned = before.is_some_and(|before| {
        before.starts_at == standing.starts_at
            && before.reminder_offsets == standing.reminder_offsets
            && (before.hold_expires_at.is_none() || standing.hold_expires_at.is_some())
    });
    if planned {
        return;
    }
    let moved = before.is_none_or(|before| before.starts_at != standing.starts_at);
    // Of a row that was found, what fell due since its last change was nobody's to send: it goes now. What did go is on
    // record, and does not go again.
    let as_of = standing.changed_at.unwrap_or_else(|| now(ctx));
    let (to_come, past) = rules::reminders(standing.starts_at, &standing.reminder_offsets, as_of);
    for offset in past {
        let was_expected = ctx.state(|s| s.reminders.contains(&offset));
        let is_new = before.is_none_or(|before| !before.reminder_offsets.contains(&offset));
        if moved || was_expected || is_new {
            note(ctx, "reminder", "skipped", Some(format!("{offset} min: already past")));
        }
    }
    ctx.state_mut(|s| s.reminders = to_come);
}

/// The letter that tells of what has changed. While a link is being made nobody is told: the link belongs into the letter.
fn letter(before: Option<&Standing>, standing: &Standing) -> Option<MailKind> {
    if standing.link_pending {
        return None;
    }
    let news = before.is_none_or(|before| {
        before.status != standing.status
            || (standing.status == SessionState::Confirmed
                && (before.starts_at != standing.starts_at || before.link_pending))
    });
    // Of a row that was found it may have gone already; its events tell.
    match standing.status {
        _ if !news => None,
        SessionState::Confirmed => Some(MailKind::Confirmation),
        SessionState::Completed => Some(MailKind::ReviewInvitation),
        SessionState::Cancelled => Some(MailKind::Cancellation),
        SessionState::Failed => Some(MailKind::Failure),
        SessionState::Held | SessionState::NoShow | SessionState::Expired => None,
    }
}

/// The meeting at the provider that the session has just left, by moving or by ending early.
fn left_meeting(before: Option<&Standing>, standing: &Standing) -> Option<String> {
    if !standing.meeting_to_remove {
        return None;
    }
    let old = before.map_or(&standing.meeting_key, |before| &before.meeting_key);
    let ended = !standing.status.blocks() && before.is_none_or(|before| before.status.blocks());
    let moved = before.is_some() && *old != standing.meeting_key;
    // Whether a link was ever asked for does not matter: an earlier run, or the session that shared the start, may have.
    old.clone().filter(|_| ended || moved)
}
