//! The loop that does follow-ups, beside the workers of the bookings.

use crate::commands::Commands;
use entities::{
    busy_feed,
    cache::Cache,
    db::{self, Db},
    follow_up::{self, Work},
    session, session_text, webhook_delivery,
};
use std::time::Duration;
use tokio::{sync::watch, time::timeout};
use workflows::{sessions::contract::ProfileChanged, time::Instant};

/// How often it is looked for work: what a change of a profile takes to arrive, at most.
const PAUSE: Duration = Duration::from_secs(1);
/// How many are taken at a time.
const AT_ONCE: u64 = 20;
/// How long a worker has what it has taken; one that fails or dies leaves it to be taken again then.
const LEASE: Duration = Duration::from_secs(30);
/// Texts that no session refers to are kept so long: a command that names one may be under way.
const ORPHAN_MINUTES: i64 = 24 * 60;
/// How often such texts, and deliveries that are too old, are looked for.
const SWEEP: Duration = Duration::from_secs(3_600);

/// Does follow-ups.
pub struct Relay {
    /// Where they are.
    pub db: Db,
    /// Who tells other workflows.
    pub commands: Commands,
    /// Where copies are, if anywhere.
    pub cache: Option<Cache>,
}

impl Relay {
    /// Do follow-ups until `stopped`.
    pub async fn run(&self, stopped: &mut watch::Receiver<bool>) {
        let mut swept: Option<tokio::time::Instant> = None;
        while !*stopped.borrow_and_update() {
            if swept.is_none_or(|at| SWEEP < at.elapsed()) {
                swept = Some(tokio::time::Instant::now());
                if let Err(error) = self.sweep().await {
                    tracing::warn!(error = %error, "what nobody needs any more was not swept; tried again in an hour");
                }
            }
            match self.some().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(error = format!("{error:#}"), "follow-ups have to wait"),
            }
            // A change of the watch ends the pause.
            timeout(PAUSE, stopped.changed()).await.ok();
        }
    }

    /// Do some; how many were done.
    async fn some(&self) -> anyhow::Result<usize> {
        let now = db::now(self.db.reader()).await?;
        let mut taken = follow_up::take(&self.db, AT_ONCE, now, now + LEASE).await?;
        // Quick, and somebody may be shown what is out of date.
        taken.sort_by_key(|row| row.work.copies().is_empty());
        let mut n = 0;
        for row in taken {
            let is_about_copies = !row.work.copies().is_empty();
            match self.one(row.work).await {
                Ok(()) => {
                    follow_up::done(&self.db, row.id).await?;
                    n += 1;
                }
                // What is shown is out of date meanwhile, or slower; the cache says by itself that it is away.
                Err(_) if is_about_copies => follow_up::put_back(&self.db, row.id, now + PAUSE).await?,
                // Its lease runs out, and somebody takes it again.
                Err(error) => tracing::warn!(
                    error = format!("{error:#}"),
                    attempts = row.attempts + 1,
                    "a follow-up has to wait"
                ),
            }
        }
        Ok(n)
    }

    async fn one(&self, work: Work) -> anyhow::Result<()> {
        match work {
            Work::ProfileChanged { user, time_zone } => {
                let change = ProfileChanged {
                    time_zone,
                    look_again: false,
                };
                for session in session::open_of_client(self.db.reader(), user).await? {
                    self.commands.profile_changed(session, change).await?;
                }
                Ok(())
            }
            Work::SpecialistChanged { .. } | Work::ProfileCopied { .. } => match &self.cache {
                Some(cache) => Ok(cache.drop_copies(work.copies()).await?),
                None => Ok(()),
            },
            Work::BusyFeedsChanged { feeds } => {
                for feed in feeds {
                    match busy_feed::by_id(self.db.reader(), feed).await? {
                        Some(_) => self.commands.follow_feed(feed).await?,
                        None => self.commands.leave_feed(feed).await?,
                    }
                }
                Ok(())
            }
            Work::SessionTold { session } => {
                for endpoint in webhook_delivery::waiting_for(self.db.reader(), session).await? {
                    self.commands.webhook_told(endpoint, session).await?;
                }
                Ok(())
            }
            Work::WebhookChanged { endpoint, session } => Ok(self.commands.webhook_told(endpoint, session).await?),
            Work::Unknown => anyhow::bail!("of another release"),
            Work::SlotFreed { specialist } => Ok(self.commands.slot_freed(specialist).await?),
        }
    }

    async fn sweep(&self) -> anyhow::Result<()> {
        let now: Instant = db::now(self.db.reader()).await?;
        let n = session_text::sweep(&self.db, now.plus_minutes(-ORPHAN_MINUTES)).await?;
        if 0 < n {
            tracing::info!(n, "removed texts that no session refers to");
        }
        let n = webhook_delivery::sweep(&self.db, now).await?;
        if 0 < n {
            tracing::info!(n, "removed deliveries that nobody replays any more");
        }
        Ok(())
    }
}
