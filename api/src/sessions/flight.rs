//! Equal requests at once share one call.

use crate::error::ApiError;
use entities::session::Shown;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, PoisonError},
};
use workflows::ids::SessionId;

/// What a booking came to.
pub type Outcome = Result<Box<Shown>, ApiError>;

/// A booking under way, which everybody who wants it waits for.
type Flight = BoxFuture<'static, Outcome>;

/// Bookings under way, by session and request hash.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<(SessionId, String), WeakShared<Flight>>>);

impl Flights {
    /// Join the flight of that booking, or begin it with `work`.
    ///
    /// It flies as long as somebody waits for it.
    pub async fn join(
        &self,
        session: SessionId,
        hash: &str,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Outcome {
        self.flight(session, hash, work).await
    }

    fn flight(
        &self,
        session: SessionId,
        hash: &str,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Shared<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (session, hash.to_owned());
        // One that has landed tells of the past: the row may have changed since.
        let under_way = flights
            .get(&key)
            .and_then(WeakShared::upgrade)
            .filter(|flight| flight.peek().is_none());
        under_way.unwrap_or_else(|| {
            flights.retain(|_, flight| flight.upgrade().is_some_and(|flight| flight.peek().is_none()));
            let flight = work.boxed().shared();
            if let Some(weak) = flight.downgrade() {
                flights.insert(key, weak);
            }
            flight
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Flights, Outcome};
    use crate::error::ApiError;
    use futures::future::join_all;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use tokio::sync::Notify;
    use uuid::Uuid;
    use workflows::ids::SessionId;

    #[tokio::test]
    async fn equal_requests_share_one_call() {
        let (flights, calls, go) = (
            Flights::default(),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Notify::new()),
        );
        let session = SessionId(Uuid::nil());
        let work = || {
            let (calls, go) = (Arc::clone(&calls), Arc::clone(&go));
            async move {
                calls.fetch_add(1, Ordering::Relaxed);
                go.notified().await;
                Outcome::Err(ApiError::EngineUnavailable)
            }
        };
        let equal = join_all((0..10).map(|_| flights.join(session, "a", work())));
        let other = flights.join(session, "b", work());
        let release = async {
            while calls.load(Ordering::Relaxed) < 2 {
                tokio::task::yield_now().await;
            }
            go.notify_one();
            go.notify_waiters();
        };
        let (equal, _, ()) = tokio::join!(equal, other, release);
        assert_eq!((equal.len(), calls.load(Ordering::Relaxed)), (10, 2));
        go.notify_one();
        let later = flights.join(session, "a", work()).await;
        assert!(later.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 3, "one that has landed is not joined");
    }
}
