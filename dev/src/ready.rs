//! Waiting until something works.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How long anything may take until it works.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Wait until `works` says so.
///
/// # Errors
/// It did not within [`PATIENCE`].
pub async fn wait(what: &str, works: impl AsyncFn() -> bool) -> Result<()> {
    within(PATIENCE, what, works).await
}

/// Wait until `works` says so.
///
/// # Errors
/// It did not within `patience`.
pub async fn within(patience: Duration, what: &str, works: impl AsyncFn() -> bool) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if works().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{what} is not ready after {} s", patience.as_secs())
}

/// Whether a page answers with success.
pub async fn answers(http: &reqwest::Client, url: &str) -> bool {
    let answer = http.get(url).timeout(Duration::from_secs(5)).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}
