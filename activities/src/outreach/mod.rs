//! What leaves the house by mail, as declared in [`workflows::sessions::steps::OutreachSteps`].

#![expect(missing_docs, reason = "the steps are documented where they are declared")]

mod claim;
mod letters;
mod send;

use crate::{error::StepError, mail::sender::Mailer};
use entities::db::Db;
use std::{sync::Arc, time::Duration};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::Instant as Moment;
use workflows::{
    sessions::{
        contract::{Mailed, SendMails},
        steps::{SILENCE, declared},
    },
    time::Instant,
};

/// What the steps work with.
pub struct OutreachActivities {
    /// The database.
    pub db: Db,
    /// Who sends mail.
    pub mailer: Arc<Mailer>,
    /// Where the API is reached, for links in mails.
    pub public_url: String,
}

#[activities]
impl OutreachActivities {
    #[activity(definition = declared::SendMails)]
    pub async fn send_mails(self: Arc<Self>, ctx: ActivityContext, input: SendMails) -> Result<Mailed, ActivityError> {
        tokio::select! {
            biased;
            mailed = send::run(&self, input, Waited::of(&ctx)) => mailed.map_err(StepError::into_activity),
            // Given up by the engine, or the worker stops: what was taken and not recorded may be sent once more, under
            // the same Message-ID.
            _ = ctx.cancelled() => Err(ActivityError::cancelled()),
            () = beat(&ctx) => Err(ActivityError::cancelled()),
        }
    }
}

/// Show that the attempt lives, again and again.
pub(crate) async fn beat(ctx: &ActivityContext) {
    while ctx.record_heartbeat(()).await.is_ok() {
        tokio::time::sleep(SILENCE / 4).await;
    }
}

/// How long ago a step was asked for: in its queue, in attempts before this one, and in this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waited {
    before: Duration,
    since: Moment,
}

impl Waited {
    /// Of the attempt that begins. Two times of the engine are compared: its clock and ours may differ.
    pub(crate) fn of(ctx: &ActivityContext) -> Self {
        let info = ctx.info();
        let before = info
            .started_time
            .zip(info.scheduled_time)
            .and_then(|(started, asked)| started.duration_since(asked).ok());
        Self {
            before: before.unwrap_or_default(),
            since: Moment::now(),
        }
    }

    /// What time it is now by the clock that said `asked` when the step was asked for.
    pub(crate) fn now(self, asked: Instant) -> Instant {
        asked + (self.before + self.since.elapsed())
    }
}

/// What the events of a mail are filed under, the recipient apart.
pub(crate) fn mail_key(mail: &SendMails) -> String {
    let kind = mail.kind.as_str();
    match mail.offset_minutes {
        Some(offset) => format!("mail:{kind}:{}:{offset}", mail.sequence),
        None => format!("mail:{kind}:{}", mail.sequence),
    }
}
