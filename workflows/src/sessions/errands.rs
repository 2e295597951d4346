//! What is done beside the story, so that a dead mail server or meeting provider holds up nothing else: the mails of a
//! session, and the removal of meetings it has left.

use super::{
    contract::{DropMail, MailKind, Mailed, RemoveMeeting, SendMails, outreach_queue},
    rules,
    steps::{self, OutreachSteps, SessionSteps},
    workflow::{Context, note, until},
};
use crate::{
    beside::any,
    patience::{now, persist},
};
use futures::future::{FutureExt, LocalBoxFuture};
use std::time::Duration;
use temporalio_workflow::select;

/// Something to be done.
pub(super) enum Errand {
    /// Send a mail.
    Mail(SendMails),
    /// Have the provider forget a meeting.
    RemoveMeeting(String),
}

/// Mails other than reminders are tried for at least this long.
const PATIENCE: Duration = Duration::from_secs(3 * 86_400);

/// Ask for a letter about the session as it stands.
pub(super) fn write(ctx: &Context, kind: MailKind) {
    mail(ctx, kind, None);
}

/// Ask for the reminder so many minutes before the start.
pub(super) fn remind(ctx: &Context, offset_minutes: u32) {
    mail(ctx, MailKind::Reminder, Some(offset_minutes));
}

fn mail(ctx: &Context, kind: MailKind, offset_minutes: Option<u32>) {
    let now = now(ctx);
    ctx.state_mut(|s| {
        let Some(standing) = &s.standing else { return };
        s.errands.push_back(Errand::Mail(SendMails {
            session: s.book.session,
            kind,
            sequence: standing.sequence,
            offset_minutes,
            now,
        }));
    });
}

/// Ask for the removal of the meetings that were left, unless one of them may still be on its way to be made.
pub(super) fn let_go(ctx: &Context) {
    ctx.state_mut(|s| {
        if !s.linking {
            s.errands.extend(s.left.drain(..).map(Errand::RemoveMeeting));
        }
    });
}

/// Do what the story asks for, each errand on its own, until the story is told and all are dealt with.
pub(super) async fn run(ctx: &Context) {
    let mut under_way: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    loop {
        while let Some(errand) = ctx.state_mut(|s| s.errands.pop_front()) {
            ctx.state_mut(|s| s.errands_under_way += 1);
            under_way.push(
                async move {
                    match errand {
                        Errand::Mail(mail) => send(ctx, mail).await,
                        Errand::RemoveMeeting(key) => remove_meeting(ctx, key).await,
                    }
                    ctx.state_mut(|s| s.errands_under_way -= 1);
                }
                .boxed_local(),
            );
        }
        let idle = under_way.is_empty();
        if idle && ctx.state(|s| s.told) {
            return;
        }
        select! {
            () = any(&mut under_way) => {},
            _ = until(ctx, |s| !s.errands.is_empty() || (idle && s.told)) => {},
        }
    }
}

async fn send(ctx: &Context, mail: SendMails) {
    let standing = ctx.state(|s| s.standing.clone());
    let Some(standing) = standing else { return };
    // A reminder is of use until the start; everything else for days.
    let limit = match mail.kind {
        MailKind::Reminder => mail.now.until(standing.starts_at),
        _ => mail
            .now
            .until(rules::closes_at(standing.starts_at, standing.ends_at))
            .max(PATIENCE),
    };
    let step = match mail.offset_minutes {
        Some(offset) => format!("{} {offset} min", mail.kind.as_str()),
        None => mail.kind.as_str().to_owned(),
    };
    let sent = if limit.is_zero() {
        None
    } else {
        let options = steps::mail(mail.kind, outreach_queue(ctx.task_queue()), limit);
        ctx.execute_activity(OutreachSteps::send_mails, mail.clone(), options)
            .await
            .ok()
    };
    match sent {
        Some(Mailed::Done) => note(ctx, &step, "done", None),
        Some(Mailed::Dropped) => note(ctx, &step, "dropped", Some("session_changed".to_owned())),
        None => {
            persist(ctx, |now| {
                let input = DropMail {
                    mail: mail.clone(),
                    reason: "not_delivered_in_time".to_owned(),
                    now,
                };
                ctx.execute_local_activity(
                    SessionSteps::drop_mail,
                    input,
                    steps::local("record the undelivered mail"),
                )
            })
            .await;
            note(ctx, &step, "dropped", Some("not_delivered_in_time".to_owned()));
        }
    }
}

/// An undo is tried for as long as it may matter, and its failure is on record.
async fn remove_meeting(ctx: &Context, key: String) {
    let input = RemoveMeeting {
        session: ctx.state(|s| s.book.session),
        key: Some(key),
        now: now(ctx),
    };
    let removed = ctx
        .execute_activity(SessionSteps::remove_meeting, input, steps::unlink())
        .await;
    let status = if removed.is_ok() { "done" } else { "failed" };
    note(ctx, "meeting_removal", status, None);
}
