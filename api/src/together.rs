//! Reads that arrive together are read together.
//!
//! While a query is under way, whoever asks the same kind of question waits for the next one, which asks for all of them
//! at once. A request alone is read at once; under load many share the price of one trip to the database. A read never
//! begins before the request that it answers has come in, so nobody is told what was true earlier.
//! Whoever has read lingers for a moment with the connection, because to get one and to give it back are trips, too.

use entities::{
    db::{Db, Held},
    fault::{Fault, classify},
};
use sea_orm::{ConnAcquireErr, DbErr};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    mem, slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tracing::{Instrument, Span};

/// So many queries of one kind are under way at most.
const AT_ONCE: usize = 2;
/// The second begins only when the first has taken longer: until then it is cheaper to wait for the first.
const LONG: Duration = Duration::from_millis(3);
/// For so long whoever has read waits for more to read, with the connection at hand.
const LINGER: Duration = Duration::from_millis(50);
/// So many keys are asked for at once at most.
const MOST: usize = 128;
/// For so long a connection is kept at most while somebody waits: then the pool looks at it again.
const HELD: Duration = Duration::from_secs(1);
/// How long a query may take: one on a connection that died without a word gives its place back.
const LIMIT: Duration = Duration::from_secs(2);

/// What is read by keys `K`, of which each has one `V` or none.
#[derive(Debug)]
pub struct Together<K, V>(Arc<Mutex<Queue<K, V>>>);

type Answer<V> = Result<Option<V>, DbErr>;

#[derive(Debug)]
struct Queue<K, V> {
    waiting: Round<K, V>,
    /// How many read or linger.
    readers: usize,
    /// Those who linger: to be told is to be woken.
    lingering: Vec<oneshot::Sender<()>>,
    /// When the last query was begun.
    begun: Option<Instant>,
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue {
            waiting: Vec::new(),
            readers: 0,
            lingering: Vec::new(),
            begun: None,
        })))
    }
}

/// Where connections come from.
pub trait Source: Clone + Send + Sync + 'static {
    /// One of them, for one reader after the other.
    type Connection: Send + Sync;

    /// Get one.
    ///
    /// # Errors
    /// When there is none in time.
    fn hold(&self) -> impl Future<Output = Result<Self::Connection, DbErr>> + Send;
}

impl Source for Db {
    type Connection = Held;

    async fn hold(&self) -> Result<Held, DbErr> {
        Self::hold(self).await
    }
}

impl<K, V> Together<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// What `read`, which is given a connection of `source` and all keys that are waiting, finds for `key`.
    ///
    /// All who ask of one of these ask alike: a query reads for others, too.
    ///
    /// The connection is kept as long as somebody waits: to give it back and to get it again would take as many trips as the
    /// reads. The statements are logged and traced under the first of the requests that they are made for. `read` is repeated
    /// when the database goes away in the middle, and for each key by itself when one of several cannot be read.
    ///
    /// # Errors
    /// Those of `read`; when it takes too long, as when there is no connection.
    pub async fn read<S, R, F>(&self, source: &S, key: K, read: R) -> Answer<V>
    where
        S: Source,
        R: Fn(Arc<S::Connection>, Vec<K>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<HashMap<K, V>, DbErr>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        if self.wait(key, tell) {
            // In a task, because the others wait for it too: it does not end with its caller.
            let queue = Arc::clone(&self.0);
            let reader = Reader {
                source: source.clone(),
                held: None,
                read,
            };
            tokio::spawn(rounds(Place { queue, left: false }, reader));
        }
        told.await.unwrap_or_else(|_| Err(away()))
    }

    /// Queue up; whether the caller is to begin another query.
    fn wait(&self, key: K, tell: oneshot::Sender<Answer<V>>) -> bool {
        let mut queue = locked(&self.0);
        queue.waiting.push(Asked {
            key,
            tell,
            span: Span::current(),
        });
        let busy = queue.readers - queue.lingering.len();
        let takes_long = queue.begun.is_none_or(|begun| LONG <= begun.elapsed());
        // Whoever is reading comes back for all who wait.
        if 0 < busy && !takes_long {
            return false;
        }
        if let Some(lingers) = queue.lingering.pop() {
            lingers.send(()).ok();
            return false;
        }
        let begins = queue.readers < AT_ONCE;
        if begins {
            queue.readers += 1;
        }
        begins
    }
}

/// The place of one who reads.
struct Place<K, V> {
    queue: Arc<Mutex<Queue<K, V>>>,
    left: bool,
}

/// One who waits.
#[derive(Debug)]
struct Asked<K, V> {
    key: K,
    tell: oneshot::Sender<Answer<V>>,
    span: Span,
}

/// Those who are answered by one query.
type Round<K, V> = Vec<Asked<K, V>>;

impl<K, V> Place<K, V> {
    /// Whoever is waiting, the first first; where nobody comes for a while, the place is given back.
    async fn next(&mut self) -> Option<Round<K, V>> {
        loop {
            let mut wake = match self.round() {
                Ok(round) => return Some(round),
                Err(wake) => wake,
            };
            if timeout(LINGER, &mut wake).await.is_err() && self.leave(wake) {
                return None;
            }
        }
    }

    /// Those who wait now; without any, how whoever comes next wakes us.
    fn round(&self) -> Result<Round<K, V>, oneshot::Receiver<()>> {
        let mut queue = locked(&self.queue);
        if queue.waiting.is_empty() {
            let (lingers, wake) = oneshot::channel();
            queue.lingering.push(lingers);
            return Err(wake);
        }
        queue.begun = Some(Instant::now());
        let first = queue.waiting.len().min(MOST);
        let later = queue.waiting.split_off(first);
        Ok(mem::replace(&mut queue.waiting, later))
    }

    /// Give the place back, unless somebody has come and counts on us.
    fn leave(&mut self, wake: oneshot::Receiver<()>) -> bool {
        let mut queue = locked(&self.queue);
        drop(wake);
        let before = queue.lingering.len();
        queue.lingering.retain(|lingers| !lingers.is_closed());
        if queue.lingering.len() == before {
            return false;
        }
        queue.readers -= 1;
        self.left = true;
        true
    }
}

impl<K, V> Drop for Place<K, V> {
    /// After a panic: where nobody else is reading, those who wait are not left to whoever comes next.
    fn drop(&mut self) {
        if !self.left {
            let mut queue = locked(&self.queue);
            queue.readers -= 1;
            if queue.readers == 0 {
                queue.waiting.clear();
            }
        }
    }
}

/// What reads, and the connection that it has kept.
struct Reader<S: Source, R> {
    source: S,
    held: Option<(Instant, Arc<S::Connection>)>,
    read: R,
}

async fn rounds<K, V, S, R, F>(mut place: Place<K, V>, mut reader: Reader<S, R>)
where
    K: Clone + Eq + Hash,
    V: Clone,
    S: Source,
    R: Fn(Arc<S::Connection>, Vec<K>) -> F,
    F: Future<Output = Result<HashMap<K, V>, DbErr>>,
{
    while let Some(mut round) = place.next().await {
        round.retain(|asked| !asked.tell.is_closed());
        let Some(span) = round.first().map(|asked| asked.span.clone()) else {
            continue;
        };
        let keys: HashSet<&K> = round.iter().map(|asked| &asked.key).collect();
        let keys: Vec<K> = keys.into_iter().cloned().collect();
        reader.answer(round, &keys).instrument(span).await;
    }
}

impl<S: Source, R> Reader<S, R> {
    async fn answer<K, V, F>(&mut self, round: Round<K, V>, keys: &[K])
    where
        K: Clone + Eq + Hash,
        V: Clone,
        R: Fn(Arc<S::Connection>, Vec<K>) -> F,
        F: Future<Output = Result<HashMap<K, V>, DbErr>>,
    {
        let all = self.tried(keys).await;
        // Not everybody is to suffer from a row that cannot be read.
        let each_alone = 1 < keys.len() && matches!(&all, Err(error) if classify(error) == Fault::Other);
        for Asked { key, tell, .. } in round {
            let alone = match each_alone {
                true => Some(self.tried(slice::from_ref(&key)).await),
                false => None,
            };
            let answer = match alone.as_ref().unwrap_or(&all) {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(error.clone()),
            };
            tell.send(answer).ok();
        }
    }

    /// Read, and once more where the database went away: there is another connection.
    async fn tried<K, V, F>(&mut self, keys: &[K]) -> Result<HashMap<K, V>, DbErr>
    where
        K: Clone,
        R: Fn(Arc<S::Connection>, Vec<K>) -> F,
        F: Future<Output = Result<HashMap<K, V>, DbErr>>,
    {
        let mut keys = keys.to_vec();
        // A statement for each number of keys would push all others out of the connection's memory: eight do.
        if let Some(last) = keys.last().cloned() {
            keys.resize(keys.len().next_power_of_two(), last);
        }
        let attempts = async {
            match self.attempt(keys.clone()).await {
                Err(error) if classify(&error) == Fault::Unavailable => self.attempt(keys).await,
                done => done,
            }
        };
        timeout(LIMIT, attempts).await.unwrap_or_else(|_| Err(away()))
    }

    /// Read on the connection that is held, which is kept only if that went well.
    async fn attempt<K, V, F>(&mut self, keys: Vec<K>) -> Result<HashMap<K, V>, DbErr>
    where
        R: Fn(Arc<S::Connection>, Vec<K>) -> F,
        F: Future<Output = Result<HashMap<K, V>, DbErr>>,
    {
        // An old one is given back first: the pool may have no other.
        let held = self.held.take().filter(|(since, _)| since.elapsed() < HELD);
        let (since, connection) = match held {
            Some(held) => held,
            None => (Instant::now(), Arc::new(self.source.hold().await?)),
        };
        let found = (self.read)(Arc::clone(&connection), keys).await?;
        self.held = Some((since, connection));
        Ok(found)
    }
}

fn away() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

fn locked<K, V>(queue: &Mutex<Queue<K, V>>) -> MutexGuard<'_, Queue<K, V>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{HELD, LONG, MOST, Source, Together, away, locked};
    use entities::fault::{Fault, classify};
    use futures::future::join_all;
    use sea_orm::DbErr;
    use std::{
        collections::HashMap,
        future::pending,
        pin::Pin,
        sync::{
            Arc, Mutex,
            atomic::{AtomicU32, Ordering::Relaxed},
        },
    };
    use tokio::{
        sync::{OwnedSemaphorePermit, Semaphore},
        time::Instant,
    };

    /// How often somebody has got a connection.
    #[derive(Clone, Default)]
    struct Connections(Arc<AtomicU32>);

    impl Source for Connections {
        type Connection = ();

        async fn hold(&self) -> Result<(), DbErr> {
            self.0.fetch_add(1, Relaxed);
            Ok(())
        }
    }

    /// A database that answers each question with its double, when it is let.
    #[derive(Clone)]
    struct Slow {
        gate: Arc<Semaphore>,
        asked: Arc<Mutex<Vec<Vec<u32>>>>,
        connections: Connections,
    }

    impl Slow {
        fn new() -> Self {
            Self {
                gate: Arc::new(Semaphore::new(0)),
                asked: Arc::default(),
                connections: Connections::default(),
            }
        }

        async fn read(self, keys: Vec<u32>) -> Result<HashMap<u32, u32>, DbErr> {
            self.asked.lock().unwrap().push(keys.clone());
            self.gate.acquire().await.unwrap().forget();
            let known = keys.into_iter().filter(|key| *key != 13);
            Ok(known.map(|key| (key, 2 * key)).collect())
        }

        fn asked(&self) -> usize {
            self.asked.lock().unwrap().len()
        }

        /// Have as many queries under way as there may be, for 1 and 2: whoever comes now has to wait.
        async fn keep_busy<T>(&self, together: &Together<u32, u32>, ask: impl Fn(u32) -> T) -> Vec<T> {
            let mut first = Vec::new();
            for key in [1, 2] {
                first.push(ask(key));
                // Each is under way before the next comes, or one query would ask for both.
                while self.asked() < key as usize {
                    tokio::task::yield_now().await;
                }
                takes_long(together).await;
            }
            first
        }
    }

    /// Wait until whoever comes next need not wait for the query that was begun last.
    async fn takes_long(together: &Together<u32, u32>) {
        while locked(&together.0).begun.is_none_or(|begun| begun.elapsed() < LONG) {
            tokio::task::yield_now().await;
        }
    }

    async fn queued(together: &Together<u32, u32>, n: usize) {
        while locked(&together.0).waiting.len() < n {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_answered_by_the_next_query() {
        let (slow, together) = (Slow::new(), Arc::new(Together::default()));
        let ask = |key: u32| {
            let (slow, together) = (slow.clone(), Arc::clone(&together));
            tokio::spawn(async move {
                together
                    .read(&slow.connections.clone(), key, move |_, keys| slow.clone().read(keys))
                    .await
                    .unwrap()
            })
        };
        let mut answers = Vec::new();
        for key in 0..200 {
            answers.push((key, ask(key % 100)));
            // Two are under way before the others come.
            while slow.asked() < (key as usize + 1).min(2) {
                tokio::task::yield_now().await;
            }
            if key == 0 {
                takes_long(&together).await;
            }
        }
        slow.gate.add_permits(100);
        for (key, answer) in answers {
            let expected = (key % 100 != 13).then_some(2 * (key % 100));
            assert_eq!(answer.await.unwrap(), expected);
        }
        let asked = slow.asked.lock().unwrap().clone();
        assert_eq!(asked[..2], [vec![0], vec![1]]);
        assert!(asked.len() <= 5, "200 answers by {} queries", asked.len());
        // Each of the two has kept its own as long as somebody waited.
        assert_eq!(slow.connections.0.load(Relaxed), 2);
        for keys in &asked {
            assert!(
                keys.len().is_power_of_two() && keys.len() <= MOST,
                "{} keys",
                keys.len()
            );
        }
    }

    /// What becomes of the queries from now on.
    #[derive(Clone, Copy, PartialEq)]
    enum Fate {
        Fine,
        Fails,
        Panics,
        Hangs,
    }

    type Found = Pin<Box<dyn Future<Output = Result<HashMap<u32, u32>, DbErr>> + Send>>;

    fn fated(fate: &Arc<Mutex<Fate>>) -> impl Fn(Arc<()>, Vec<u32>) -> Found + Clone + Send + Sync + use<> {
        let fate = Arc::clone(fate);
        move |_, keys| {
            let fate = *fate.lock().unwrap();
            assert!(fate != Fate::Panics, "as asked");
            Box::pin(async move {
                match fate {
                    Fate::Fails => Err(DbErr::Custom("odd".to_owned())),
                    Fate::Hangs => pending().await,
                    _ => Ok(keys.into_iter().map(|key| (key, key)).collect()),
                }
            })
        }
    }

    #[tokio::test]
    async fn a_query_that_fails_or_panics_holds_up_nobody_after_it() {
        let (together, connections): (Together<u32, u32>, _) = (Together::default(), Connections::default());
        let fate = Arc::new(Mutex::new(Fate::Fine));
        let read = fated(&fate);
        for n in 0..20 {
            *fate.lock().unwrap() = if n % 2 == 0 { Fate::Panics } else { Fate::Fails };
            assert!(together.read(&connections, n, read.clone()).await.is_err());
        }
        *fate.lock().unwrap() = Fate::Fine;
        let all = join_all((0..50).map(|key| together.read(&connections, key, read.clone()))).await;
        assert!(
            all.into_iter()
                .enumerate()
                .all(|(key, found)| found.unwrap() == u32::try_from(key).ok())
        );
    }

    #[tokio::test]
    async fn queries_that_hang_hold_up_nobody_for_long() {
        let together: Arc<Together<u32, u32>> = Arc::default();
        let fate = Arc::new(Mutex::new(Fate::Hangs));
        let mut hung = Vec::new();
        for key in 0..2 {
            let (asked, read) = (Arc::clone(&together), fated(&fate));
            hung.push(tokio::spawn(async move {
                asked.read(&Connections::default(), key, read).await
            }));
            tokio::task::yield_now().await;
            takes_long(&together).await;
        }
        for answer in hung {
            let error = answer.await.unwrap().unwrap_err();
            assert_eq!(classify(&error), Fault::Unavailable, "{error}");
        }
        *fate.lock().unwrap() = Fate::Fine;
        let found = together.read(&Connections::default(), 7, fated(&fate)).await;
        assert_eq!(found.unwrap(), Some(7));
    }

    /// A pool of one connection.
    #[derive(Clone)]
    struct Only(Arc<Semaphore>);

    impl Source for Only {
        type Connection = OwnedSemaphorePermit;

        async fn hold(&self) -> Result<OwnedSemaphorePermit, DbErr> {
            let free = Arc::clone(&self.0).try_acquire_owned();
            free.map_err(|_| away())
        }
    }

    #[tokio::test]
    async fn an_old_connection_is_given_back_before_another_is_asked_for() {
        let (together, only) = (Together::<u32, u32>::default(), Only(Arc::new(Semaphore::new(1))));
        let read = |_, keys: Vec<u32>| async move { Ok(keys.into_iter().map(|key| (key, key)).collect()) };
        let began = Instant::now();
        while began.elapsed() < HELD * 5 / 4 {
            assert_eq!(together.read(&only, 1, read).await.unwrap(), Some(1));
        }
    }

    #[tokio::test]
    async fn one_row_that_cannot_be_read_is_nobody_elses() {
        let (slow, together) = (Slow::new(), Arc::new(Together::default()));
        let ask = |key: u32| {
            let (slow, together) = (slow.clone(), Arc::clone(&together));
            let read = move |_, keys: Vec<u32>| {
                let (slow, bad) = (slow.clone(), keys.contains(&5));
                async move {
                    let found = slow.read(keys).await;
                    if bad {
                        Err(DbErr::Custom("no such state".to_owned()))
                    } else {
                        found
                    }
                }
            };
            tokio::spawn(async move { together.read(&Connections::default(), key, read).await })
        };
        let _first = slow.keep_busy(&together, &ask).await;
        let others: Vec<_> = (3..8).map(|key| (key, ask(key))).collect();
        queued(&together, 5).await;
        slow.gate.add_permits(100);
        for (key, answer) in others {
            let answer = answer.await.unwrap();
            assert_eq!(answer.is_err(), key == 5, "{key}");
            if key != 5 {
                assert_eq!(answer.unwrap(), Some(2 * key));
            }
        }
    }

    #[tokio::test]
    async fn a_connection_is_kept_for_whoever_comes_soon_and_not_after_a_failure() {
        let (together, connections): (Together<u32, u32>, _) = (Together::default(), Connections::default());
        let read = |_, keys: Vec<u32>| async move {
            match keys.contains(&13) {
                true => Err(DbErr::Custom("odd".to_owned())),
                false => Ok(keys.into_iter().map(|key| (key, key)).collect()),
            }
        };
        for key in 0..10 {
            assert_eq!(together.read(&connections, key, read).await.unwrap(), Some(key));
        }
        assert_eq!(connections.0.load(Relaxed), 1);
        together.read(&connections, 13, read).await.unwrap_err();
        assert_eq!(together.read(&connections, 14, read).await.unwrap(), Some(14));
        assert_eq!(connections.0.load(Relaxed), 2);
        // Nobody comes: the place is given back.
        while 0 < locked(&together.0).readers {
            tokio::task::yield_now().await;
        }
        assert_eq!(together.read(&connections, 15, read).await.unwrap(), Some(15));
        assert_eq!(connections.0.load(Relaxed), 3);
    }

    #[tokio::test]
    async fn one_who_leaves_is_not_asked_for() {
        let (slow, together) = (Slow::new(), Arc::new(Together::default()));
        let ask = |key: u32| {
            let (slow, together) = (slow.clone(), Arc::clone(&together));
            tokio::spawn(async move {
                together
                    .read(&Connections::default(), key, move |_, keys| slow.clone().read(keys))
                    .await
                    .unwrap()
            })
        };
        let first = slow.keep_busy(&together, &ask).await;
        let (gone, stays) = (ask(3), ask(4));
        queued(&together, 2).await;
        gone.abort();
        gone.await.unwrap_err();
        slow.gate.add_permits(10);
        assert_eq!(stays.await.unwrap(), Some(8));
        for (answer, expected) in first.into_iter().zip([2, 4]) {
            assert_eq!(answer.await.unwrap(), Some(expected));
        }
        assert!(slow.asked.lock().unwrap().iter().all(|keys| !keys.contains(&3)));
    }
}
