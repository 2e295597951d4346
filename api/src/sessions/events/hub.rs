//! Who follows which session in this process, and when they must look.

use crate::error::ApiError;
use entities::{
    cache::news::News,
    db::Db,
    session::{self, Pulse},
    session_event, user,
};
use sea_orm::DbErr;
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use workflows::ids::{SessionId, UserId};

/// How often the database is asked whether any of the sessions has news.
const ROUND: Duration = Duration::from_secs(1);
/// After so many rounds it is also asked whose account is deleted: their token opens nothing any more.
const ROUNDS_PER_CENSUS: u32 = 5;
/// How many streams a user has open at most: the oldest ends when there is another.
const PER_USER: usize = 10;
/// How many streams look at once: requests need the database too.
const LOOKS: usize = 4;

/// The followed sessions of this process.
pub struct Hub {
    db: Db,
    limit: usize,
    open: Mutex<Open>,
    looks: Semaphore,
}

#[derive(Default)]
struct Open {
    of_session: HashMap<SessionId, VecDeque<Arc<Place>>>,
    /// Oldest first.
    of_user: HashMap<UserId, VecDeque<Arc<Place>>>,
    n_places: usize,
    /// Asks the database, while anybody follows anything.
    rounds: Option<JoinHandle<()>>,
    closed: bool,
}

/// A stream's place in the hub.
struct Place {
    session: SessionId,
    user: UserId,
    /// Keeps one call for a stream that does not wait for it right now.
    call: Notify,
    /// What the call is; never [`Call::Look`] again once it was another.
    why: Mutex<Call>,
    /// What its stream has seen of the session, as in [`Pulse`]; both only rise.
    event_seq: AtomicI32,
    version: AtomicI32,
}

/// Why a stream is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The session may have news.
    Look,
    /// Its user has too many.
    Displaced,
    /// The process stops, or the account is deleted.
    Closed,
}

impl Hub {
    /// Nobody yet, and never more than `limit`.
    #[must_use]
    pub fn new(db: Db, limit: u32) -> Self {
        Self {
            db,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            open: Mutex::default(),
            looks: Semaphore::new(LOOKS),
        }
    }

    /// Follow a session of which `row` has been seen, until the watcher is dropped.
    ///
    /// # Errors
    /// [`ApiError::StreamsUnavailable`] when there are too many, or the process stops.
    pub fn watch(self: &Arc<Self>, row: &session::Model, user: UserId) -> Result<Watcher, ApiError> {
        let place = Arc::new(Place {
            session: row.id,
            user,
            call: Notify::new(),
            why: Mutex::new(Call::Look),
            event_seq: AtomicI32::new(row.event_seq),
            version: AtomicI32::new(row.version),
        });
        let mut open = self.open();
        if let Some(oldest) = open.oldest_beyond_limit(user) {
            open.remove(&oldest);
            oldest.end(Call::Displaced);
        }
        if open.closed || self.limit <= open.n_places {
            return Err(ApiError::StreamsUnavailable);
        }
        open.add(&place);
        if open.rounds.as_ref().is_none_or(JoinHandle::is_finished) {
            open.rounds = Some(tokio::spawn(Arc::clone(self).rounds()));
        }
        drop(open);
        let hub = Arc::clone(self);
        Ok(Watcher { hub, place })
    }

    /// Wake the streams of the sessions that are called out, in a task of its own.
    pub fn listen(self: &Arc<Self>, mut news: News) {
        let hub = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(session) = news.next().await {
                let open = hub.open();
                let places = open.of_session.get(&session).into_iter().flatten();
                places.for_each(|place| place.call.notify_one());
            }
        });
    }

    /// End all streams, and let none begin.
    pub fn close(&self) {
        let mut open = self.open();
        open.closed = true;
        let places = open.of_session.values().flatten();
        places.for_each(|place| place.end(Call::Closed));
    }

    /// How many streams are open.
    #[must_use]
    pub fn n_open(&self) -> usize {
        self.open().n_places
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ask, again and again, which sessions have changed since their streams looked; until nobody follows any.
    async fn rounds(self: Arc<Self>) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, when everybody has just looked.
        rounds.tick().await;
        let mut away = false;
        let mut n_rounds: u32 = 0;
        loop {
            rounds.tick().await;
            let Some(sessions) = self.open().sessions() else { return };
            n_rounds = n_rounds.wrapping_add(1);
            if n_rounds.is_multiple_of(ROUNDS_PER_CENSUS) {
                self.end_the_deleted().await;
            }
            match session::pulses(self.db.reader(), &sessions).await {
                Ok(pulses) => {
                    if away {
                        tracing::info!("live streams can look again");
                    }
                    away = false;
                    self.open().call(&pulses);
                }
                Err(error) => {
                    // Once for an outage; each request says it too.
                    if !away {
                        tracing::warn!(error = %error, "live streams wait for the database");
                    }
                    away = true;
                }
            }
        }
    }
}

impl Hub {
    /// End the streams of people whose account is deleted. A database that is away is told of by the round.
    async fn end_the_deleted(&self) {
        let users = self.open().of_user.keys().copied().collect();
        let Ok(gone) = user::deleted_among(self.db.reader(), users).await else {
            return;
        };
        let open = self.open();
        let places = gone.iter().filter_map(|user| open.of_user.get(user)).flatten();
        places.for_each(|place| place.end(Call::Closed));
    }
}

impl Open {
    fn oldest_beyond_limit(&self, user: UserId) -> Option<Arc<Place>> {
        let places = self.of_user.get(&user)?;
        places.front().filter(|_| PER_USER <= places.len()).cloned()
    }

    fn add(&mut self, place: &Arc<Place>) {
        self.of_session
            .entry(place.session)
            .or_default()
            .push_back(Arc::clone(place));
        self.of_user.entry(place.user).or_default().push_back(Arc::clone(place));
        self.n_places += 1;
    }

    /// A second time changes nothing.
    fn remove(&mut self, place: &Arc<Place>) {
        if take_out(&mut self.of_session, place.session, place) {
            take_out(&mut self.of_user, place.user, place);
            self.n_places -= 1;
        }
    }

    /// The sessions to ask for; when there are none, whoever asks ends.
    fn sessions(&mut self) -> Option<Vec<SessionId>> {
        if self.of_session.is_empty() {
            self.rounds = None;
            return None;
        }
        Some(self.of_session.keys().copied().collect())
    }

    fn call(&self, pulses: &[Pulse]) {
        for pulse in pulses {
            let places = self.of_session.get(&pulse.id).into_iter().flatten();
            let behind = places.filter(|place| place.is_behind(pulse));
            behind.for_each(|place| place.call.notify_one());
        }
    }
}

/// Whether it was there.
fn take_out<K: Copy + Eq + Hash>(places: &mut HashMap<K, VecDeque<Arc<Place>>>, key: K, place: &Arc<Place>) -> bool {
    let Entry::Occupied(mut these) = places.entry(key) else {
        return false;
    };
    let before = these.get().len();
    these.get_mut().retain(|other| !Arc::ptr_eq(other, place));
    let after = these.get().len();
    if after == 0 {
        these.remove();
    }
    after < before
}

impl Place {
    fn is_behind(&self, pulse: &Pulse) -> bool {
        self.event_seq.load(Relaxed) < pulse.event_seq || self.version.load(Relaxed) < pulse.version
    }

    fn end(&self, why: Call) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.call.notify_one();
    }
}

/// A stream's hold on its place, which is given up when this is dropped.
pub struct Watcher {
    hub: Arc<Hub>,
    place: Arc<Place>,
}

impl Watcher {
    /// Wait to be called.
    pub async fn called(&self) -> Call {
        self.place.call.notified().await;
        *self.place.why.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session as it is now, and its events behind `after`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn look(&self, after: i32) -> Result<Option<(session::Model, Vec<session_event::Model>)>, DbErr> {
        // Never closed, and without a permit it would look all the same.
        let _permit = self.hub.looks.acquire().await;
        session_event::since(self.hub.db.reader(), self.place.session, after).await
    }

    /// What its client knows of the session now: it is called for what comes later.
    pub fn has_seen(&self, row: &session::Model) {
        self.place.event_seq.store(row.event_seq, Relaxed);
        self.place.version.store(row.version, Relaxed);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.hub.open().remove(&self.place);
    }
}
