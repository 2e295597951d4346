use std::{
    collections::BTreeMap,
    error::Error,
    future::Future,
    sync::{Mutex, PoisonError},
};

/// Failures ignored so far, by what was tried.
static IGNORED: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Try something whose failure changes nothing but time: wake-ups and metrics.
///
/// A failure is logged and counted under `what`, and then forgotten.
/// Work that matters has no place here: it is retried until it is done.
pub async fn best_effort<T, E>(what: &'static str, work: impl Future<Output = Result<T, E>>)
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    if let Err(error) = work.await {
        let error: Box<dyn Error + Send + Sync> = error.into();
        *IGNORED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(what)
            .or_default() += 1;
        tracing::warn!(
            what,
            error = &*error as &(dyn Error + 'static),
            "ignored a failure: {what}"
        );
    }
}

/// How often each [`best_effort`] of this process has failed, sorted by its text; for the metrics page.
pub fn ignored_failures() -> Vec<(&'static str, u64)> {
    let ignored = IGNORED.lock().unwrap_or_else(PoisonError::into_inner);
    ignored.iter().map(|(what, times)| (*what, *times)).collect()
}

#[cfg(test)]
mod tests {
    use super::{best_effort, ignored_failures};

    #[tokio::test]
    async fn counts_failures_and_nothing_else() {
        best_effort("succeed", async { Ok::<_, std::fmt::Error>(1) }).await;
        best_effort("fail", async { Err::<(), _>("nobody listens") }).await;
        best_effort("fail", async { Err::<(), _>(std::fmt::Error) }).await;
        assert_eq!(ignored_failures(), [("fail", 2)]);
    }
}
