//! Redis: a cache and a counter of limits, never the truth; losing it costs time and no booking.
//!
//! The connection is made in the background and made anew after a failure; nothing waits for it longer than a moment.

pub mod news;

use fred::{
    clients::Client,
    interfaces::ClientLike,
    types::{
        Builder,
        config::{Config, ReconnectPolicy},
    },
};
use std::time::Duration;

/// How long Redis may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_millis(500);

/// Redis, as far as it is there.
#[derive(Clone)]
pub struct Cache {
    client: Client,
}

/// The address of Redis is none.
#[derive(Debug, thiserror::Error)]
#[error("not an address of Redis")]
pub struct BadAddress;

impl Cache {
    /// The Redis at `url`, single, sentinel or cluster; connected when it is there, again and again.
    ///
    /// # Errors
    /// [`BadAddress`], which does not repeat the address: it may hold a password.
    pub fn connect(url: &str) -> Result<Self, BadAddress> {
        Ok(Self { client: client(url)? })
    }

    /// Whether it answers in half a second.
    pub async fn answers(&self) -> bool {
        let pong = tokio::time::timeout(PATIENCE, self.client.ping::<String>(None));
        matches!(pong.await, Ok(Ok(_)))
    }
}

/// A client of the Redis at `url`, which connects in the background.
fn client(url: &str) -> Result<Client, BadAddress> {
    let mut config = Config::from_url(url).map_err(|_| BadAddress)?;
    config.fail_fast = false;
    let client = Builder::from_config(config)
        .with_performance_config(|performance| {
            performance.default_command_timeout = PATIENCE;
            performance.broadcast_channel_capacity = 1_024;
        })
        .with_connection_config(|connection| connection.connection_timeout = Duration::from_secs(2))
        .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
        .build()
        .map_err(|_| BadAddress)?;
    // The task ends with the client.
    drop(client.connect());
    Ok(client)
}
