//! What must be dropped because of a change, from the transaction that changes it to the moment it is answered.
//!
//! A change says what it touches by [`touch`], deep inside of its transaction. Whoever runs it does so in [`noticing`],
//! and what was touched is dropped once it has ended, committed or not, before anybody hears of the outcome.
//! That is for speed. What makes sure is the follow-up, written in the same transaction and done until it is.

use super::Cache;
use std::sync::{Arc, Mutex, PoisonError};

/// The keys that were touched.
type Touched = Arc<Mutex<Vec<String>>>;

tokio::task_local! {
    static TOUCHED: Touched;
}

/// What is kept under these keys is about to be out of date.
pub fn touch(keys: impl IntoIterator<Item = String>) {
    // Where nobody notices, the follow-up is all there is.
    let _outside = TOUCHED.try_with(|touched| {
        let mut touched = touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.extend(keys);
    });
}

/// Do something, and drop what it has touched before its outcome is told.
pub async fn noticing<T>(cache: Option<&Cache>, work: impl Future<Output = T>) -> T {
    let Some(cache) = cache else { return work.await };
    let touched = Touched::default();
    let outcome = TOUCHED.scope(Arc::clone(&touched), work).await;
    let keys = std::mem::take(&mut *touched.lock().unwrap_or_else(PoisonError::into_inner));
    if !keys.is_empty() && cache.drop_copies(keys).await.is_err() {
        tracing::warn!("copies could not be dropped with the change; its follow-up drops them");
    }
    outcome
}
