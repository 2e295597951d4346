//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How long a condition may take to come true: generous, the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Ask until there is an answer.
///
/// # Panics
/// When there is none in [`PATIENCE`].
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask).await
}

/// Ask until there is an answer, for what takes many steps, or the pauses between many attempts.
///
/// # Panics
/// When there is none in `patience`.
pub async fn within<T>(patience: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}
