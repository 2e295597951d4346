//! Word that a session has news, called out between processes: a wake-up and nothing more.
//!
//! What is new stands in the database. A call that is lost costs its hearer the time until it looks by itself.

use super::{BadAddress, Cache, PATIENCE, client};
use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike, EventInterface, PubsubInterface},
    types::{Message, config::Server},
};
use std::time::Duration;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep_until},
};
use tracing::Instrument;
use workflows::ids::SessionId;

/// Where it is called out.
const CHANNEL: &str = "aroti:session-events";
/// How often a subscription is made anew: a connection that died without a word is noticed by it.
const RENEWAL: Duration = Duration::from_secs(30);
/// How soon, after it could not be made.
const PAUSE: Duration = Duration::from_secs(1);

/// Redis did not take a call.
#[derive(Debug, thiserror::Error)]
#[error("Redis does not answer")]
pub struct Away(#[source] Error);

impl Cache {
    /// Call out that the session has news, once they are committed.
    ///
    /// # Errors
    /// [`Away`], half a second later at most.
    pub async fn call_out(&self, session: SessionId) -> Result<(), Away> {
        let span = tracing::error_span!(target: telemetry::trace::SPANS, "redis publish", otel.kind = "client");
        let call = self.0.client.publish(CHANNEL, session.to_string());
        let heard: Result<i64, Error> = call.instrument(span).await;
        heard.map(drop).map_err(Away)
    }
}

/// What is called out, by whichever process; a connection of its own.
pub struct News {
    client: Client,
    calls: Receiver<Message>,
    connections: Receiver<Server>,
    renew_at: Instant,
}

impl News {
    /// Listen to the Redis at `url`, as soon as it is there, and again whenever it was away.
    ///
    /// # Errors
    /// [`BadAddress`], which does not repeat the address: it may hold a password.
    pub fn connect(url: &str) -> Result<Self, BadAddress> {
        let client = client(url, PATIENCE)?;
        Ok(Self {
            calls: client.message_rx(),
            connections: client.reconnect_rx(),
            client,
            renew_at: Instant::now(),
        })
    }

    /// The next session that has news; nothing once the client has been closed.
    pub async fn next(&mut self) -> Option<SessionId> {
        loop {
            tokio::select! {
                call = self.calls.recv() => match call {
                    // A call that names no session is not ours.
                    Ok(call) => if let Some(session) = session(call) {
                        return Some(session);
                    },
                    // Too many at once: those are lost.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                // A new connection knows nothing of what the old one subscribed to.
                connected = self.connections.recv() => match connected {
                    Ok(_) | Err(RecvError::Lagged(_)) => self.renew_at = Instant::now(),
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(self.renew_at) => self.subscribe().await,
            }
        }
    }

    async fn subscribe(&mut self) {
        let subscribed = self.client.subscribe(CHANNEL).await.is_ok();
        if !subscribed && self.client.is_connected() {
            // It answers no more. Where that cannot be said either, the next renewal says it again.
            let _again: Result<(), Error> = self.client.force_reconnection().await;
        }
        self.renew_at = Instant::now() + if subscribed { RENEWAL } else { PAUSE };
    }
}

fn session(call: Message) -> Option<SessionId> {
    call.value.as_str()?.parse().ok()
}
