//! The mails of a session: sent beside the story, so that a dead mail server holds up nothing else.

use super::{
    contract::{DropMail, MailKind, Mailed, SendMails, outreach_queue},
    rules,
    steps::{self, OutreachSteps, SessionSteps},
    workflow::{Context, note, persist, until},
};
use futures::future::{FusedFuture, FutureExt, LocalBoxFuture};
use std::{future::poll_fn, task::Poll, time::Duration};
use temporalio_workflow::select;

/// Mails other than reminders are tried for at least this long.
const PATIENCE: Duration = Duration::from_secs(3 * 86_400);

/// Send what the story asks for, each mail on its own, until the story is told and all are dealt with.
pub(super) async fn deliver(ctx: &Context) {
    let mut under_way: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    loop {
        while ctx.state(|s| !s.letters.is_empty()) {
            if let Some(mail) = ctx.state_mut(|s| {
                s.letters_under_way += 1;
                s.letters.pop_front()
            }) {
                under_way.push(
                    async move {
                        send(ctx, mail).await;
                        ctx.state_mut(|s| s.letters_under_way -= 1);
                    }
                    .boxed_local(),
                );
            }
        }
        let idle = under_way.is_empty();
        if idle && ctx.state(|s| s.told) {
            return;
        }
        select! {
            () = any(&mut under_way) => {},
            _ = until(ctx, |s| !s.letters.is_empty() || (idle && s.told)) => {},
        }
    }
}

/// Resolves when one of them is done, and lets go of it; polled in their order, so that a replay does the same.
fn any<'a>(under_way: &'a mut Vec<LocalBoxFuture<'_, ()>>) -> impl FusedFuture<Output = ()> + 'a {
    poll_fn(move |cx| {
        let before = under_way.len();
        under_way.retain_mut(|sending| sending.poll_unpin(cx).is_pending());
        if under_way.len() < before {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .fuse()
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
