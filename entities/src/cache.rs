//! Redis: a cache and a counter of limits, never the truth; losing it costs time and no booking.
//!
//! The connection is made in the background and made anew after a failure. While Redis does not answer, nobody asks it:
//! whoever needs something is told at once that it is away.
//! [`copies`] keeps what was read, [`changes`] drops it when what it was made of changes, [`quota`] counts requests, and
//! [`news`] wakes who follows a session.

pub mod changes;
pub mod copies;
pub mod news;
pub mod quota;

use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike, EventInterface},
    types::{
        Builder, ClusterHash, CustomCommand,
        config::{Config, ReconnectPolicy, Server, UnresponsiveConfig},
    },
};
use std::{
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::{
    Notify,
    broadcast::{Receiver, error::RecvError},
};

/// How long Redis may take to answer what no request waits for.
const PATIENCE: Duration = Duration::from_millis(500);
/// After so many failures in a row nobody asks any more.
const FAILURES: u32 = 3;
/// How often it is looked, then, whether it answers again.
const PROBE: Duration = Duration::from_millis(250);

/// Redis, as far as it is there; cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    client: Client,
    /// How long a request waits for an answer.
    patience: Duration,
    /// Nobody asks: it has not answered lately, or not yet.
    away: AtomicBool,
    failures: AtomicU32,
    /// Wakes the task that looks whether it answers again.
    failed: Arc<Notify>,
    /// Which run of the server we talk to. What another one has kept may be older than what was dropped since: a server
    /// that comes back from a snapshot, or a replica that took over.
    run: RwLock<Option<Arc<str>>>,
    flights: copies::Flights,
    seen: copies::Seen,
}

/// The address of Redis is none.
#[derive(Debug, thiserror::Error)]
#[error("not an address of Redis")]
pub struct BadAddress;

/// Redis does not answer, or not in time.
#[derive(Debug, thiserror::Error)]
#[error("Redis does not answer")]
pub struct Away;

impl Cache {
    /// The Redis at `url`, single, sentinel or cluster; connected when it is there, again and again.
    ///
    /// A request waits for it no longer than `patience`.
    ///
    /// # Errors
    /// [`BadAddress`], which does not repeat the address: it may hold a password.
    pub fn connect(url: &str, patience: Duration) -> Result<Self, BadAddress> {
        let client = client(url, patience.max(PATIENCE))?;
        let connections = client.reconnect_rx();
        let failed = Arc::new(Notify::new());
        let inner = Arc::new(Inner {
            client,
            patience,
            away: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            failed: Arc::clone(&failed),
            run: RwLock::default(),
            flights: copies::Flights::default(),
            seen: copies::Seen::default(),
        });
        // The task ends with the last handle.
        tokio::spawn(keep_looking(Arc::downgrade(&inner), failed, connections));
        Ok(Self(inner))
    }

    /// Whether it answers in half a second.
    pub async fn answers(&self) -> bool {
        let pong = tokio::time::timeout(PATIENCE, self.0.client.ping::<String>(None));
        matches!(pong.await, Ok(Ok(_)))
    }

    /// What it answers, if it does so in time.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Away> {
        if self.0.away.load(Relaxed) {
            return Err(Away);
        }
        if let Ok(Ok(answer)) = tokio::time::timeout(self.0.patience, question).await {
            self.0.failures.store(0, Relaxed);
            return Ok(answer);
        }
        if FAILURES <= self.0.failures.fetch_add(1, Relaxed) + 1 || !self.0.client.is_connected() {
            self.0.away.store(true, Relaxed);
            self.0.failed.notify_one();
        }
        Err(Away)
    }

    /// The run of the server, once it is known.
    fn run(&self) -> Result<Arc<str>, Away> {
        let run = self.0.run.read().unwrap_or_else(PoisonError::into_inner);
        run.clone().ok_or(Away)
    }
}

impl Inner {
    /// Ask which run of the server this is.
    async fn meet(&self) -> bool {
        let info = CustomCommand::new_static("INFO", ClusterHash::Random, false);
        let info = self.client.custom::<String, _>(info, vec!["server"]);
        let Ok(Ok(info)) = tokio::time::timeout(self.patience, info).await else {
            return false;
        };
        let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        // A cluster has many servers; which of them has a key is its own business.
        let run = if self.client.is_clustered() {
            Some("cluster")
        } else {
            run
        };
        *self.run.write().unwrap_or_else(PoisonError::into_inner) = run.map(Arc::from);
        run.is_some()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.failed.notify_one();
    }
}

/// At the start, after every failure and every new connection: look until it answers.
async fn keep_looking(cache: Weak<Inner>, failed: Arc<Notify>, mut connections: Receiver<Server>) {
    loop {
        let mut looks = 0;
        loop {
            let Some(inner) = cache.upgrade() else { return };
            inner.away.store(true, Relaxed);
            if inner.client.is_connected() && inner.meet().await {
                inner.failures.store(0, Relaxed);
                inner.away.store(false, Relaxed);
                break;
            }
            drop(inner);
            looks += 1;
            // A connection takes a moment.
            if looks == 2 {
                tracing::warn!(
                    "Redis does not answer: until it does, reads are slower and each process counts its own limits"
                );
            }
            tokio::time::sleep(PROBE).await;
        }
        if 2 <= looks {
            tracing::info!("Redis answers again");
        }
        tokio::select! {
            () = failed.notified() => {}
            connected = connections.recv() => if let Err(RecvError::Closed) = connected {
                return;
            },
        }
    }
}

/// A client of the Redis at `url`, which connects in the background.
fn client(url: &str, patience: Duration) -> Result<Client, BadAddress> {
    let mut config = Config::from_url(url).map_err(|_| BadAddress)?;
    config.fail_fast = false;
    let client = Builder::from_config(config)
        .with_performance_config(|performance| {
            performance.default_command_timeout = patience;
            performance.broadcast_channel_capacity = 1_024;
        })
        .with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_secs(2);
            // A connection that died without a word is made anew.
            connection.unresponsive = UnresponsiveConfig {
                max_timeout: Some(Duration::from_secs(2)),
                interval: Duration::from_millis(500),
            };
        })
        .set_policy(ReconnectPolicy::new_exponential(0, 100, 1_000, 2))
        .build()
        .map_err(|_| BadAddress)?;
    // The task ends with the client.
    drop(client.connect());
    Ok(client)
}
