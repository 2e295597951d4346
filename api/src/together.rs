//! Reads that arrive together are read together.
//!
//! While a query is under way, whoever asks the same kind of question waits for the next one, which asks for all of them
//! at once. A request alone is read at once; under load many share the price of one trip to the database. A read never
//! begins before the request that it answers has come in, so nobody is told what was true earlier.

use entities::fault::{Fault, classify};
use sea_orm::{ConnAcquireErr, DbErr};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    mem, slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};
use tracing::{Instrument, Span};

/// So many queries of one kind are under way at most.
const AT_ONCE: usize = 2;
/// So many keys are asked for at once at most.
const MOST: usize = 128;
/// How long a query may take: one on a connection that died without a word gives its place back.
const LIMIT: Duration = Duration::from_secs(2);

/// What is read by keys `K`, of which each has one `V` or none.
#[derive(Debug)]
pub struct Together<K, V>(Arc<Mutex<Queue<K, V>>>);

type Answer<V> = Result<Option<V>, DbErr>;

#[derive(Debug)]
struct Queue<K, V> {
    waiting: Round<K, V>,
    under_way: usize,
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        let queue = Queue {
            waiting: Vec::new(),
            under_way: 0,
        };
        Self(Arc::new(Mutex::new(queue)))
    }
}

impl<K, V> Together<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// What `read`, which is given all keys that are waiting, finds for `key`.
    ///
    /// The statements are logged and traced under the first of the requests that they are made for. `read` is repeated
    /// when the database goes away in the middle, and for each key by itself when one of several cannot be read.
    ///
    /// # Errors
    /// Those of `read`; when it takes too long, as when there is no connection.
    pub async fn read<R, F>(&self, key: K, read: R) -> Answer<V>
    where
        R: Fn(Vec<K>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<HashMap<K, V>, DbErr>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        if self.wait(key, tell) {
            // In a task, because the others wait for it too: it does not end with its caller.
            let queue = Arc::clone(&self.0);
            tokio::spawn(rounds(UnderWay { queue, left: false }, read));
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
        let begins = queue.under_way < AT_ONCE;
        if begins {
            queue.under_way += 1;
        }
        begins
    }
}

/// One of the queries that may be under way.
struct UnderWay<K, V> {
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

impl<K, V> UnderWay<K, V> {
    /// Whoever is waiting, the first first; where nobody is, the place is given back in the same moment.
    fn next(&mut self) -> Option<Round<K, V>> {
        let mut queue = locked(&self.queue);
        if queue.waiting.is_empty() {
            queue.under_way -= 1;
            self.left = true;
            return None;
        }
        let first = queue.waiting.len().min(MOST);
        let later = queue.waiting.split_off(first);
        Some(mem::replace(&mut queue.waiting, later))
    }
}

impl<K, V> Drop for UnderWay<K, V> {
    /// After a panic: where nobody else is reading, those who wait are not left to whoever comes next.
    fn drop(&mut self) {
        if !self.left {
            let mut queue = locked(&self.queue);
            queue.under_way -= 1;
            if queue.under_way == 0 {
                queue.waiting.clear();
            }
        }
    }
}

async fn rounds<K, V, R, F>(mut place: UnderWay<K, V>, read: R)
where
    K: Clone + Eq + Hash,
    V: Clone,
    R: Fn(Vec<K>) -> F,
    F: Future<Output = Result<HashMap<K, V>, DbErr>>,
{
    while let Some(mut round) = place.next() {
        round.retain(|asked| !asked.tell.is_closed());
        let Some(span) = round.first().map(|asked| asked.span.clone()) else {
            continue;
        };
        let keys: HashSet<&K> = round.iter().map(|asked| &asked.key).collect();
        let keys: Vec<K> = keys.into_iter().cloned().collect();
        answer(&read, round, &keys).instrument(span).await;
    }
}

async fn answer<K, V, R, F>(read: &R, round: Round<K, V>, keys: &[K])
where
    K: Clone + Eq + Hash,
    V: Clone,
    R: Fn(Vec<K>) -> F,
    F: Future<Output = Result<HashMap<K, V>, DbErr>>,
{
    let all = tried(read, keys).await;
    // Not everybody is to suffer from a row that cannot be read.
    let each_alone = 1 < keys.len() && matches!(&all, Err(error) if classify(error) == Fault::Other);
    for Asked { key, tell, .. } in round {
        let alone = match each_alone {
            true => Some(tried(read, slice::from_ref(&key)).await),
            false => None,
        };
        let answer = match alone.as_ref().unwrap_or(&all) {
            Ok(found) => Ok(found.get(&key).cloned()),
            Err(error) => Err(error.clone()),
        };
        tell.send(answer).ok();
    }
}

/// Read, and once more where the database went away: the pool has another connection.
async fn tried<K, V, R, F>(read: &R, keys: &[K]) -> Result<HashMap<K, V>, DbErr>
where
    K: Clone,
    R: Fn(Vec<K>) -> F,
    F: Future<Output = Result<HashMap<K, V>, DbErr>>,
{
    let mut keys = keys.to_vec();
    // A statement for each number of keys would push all others out of the connection's memory: eight do.
    if let Some(last) = keys.last().cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    let attempts = async {
        match read(keys.clone()).await {
            Err(error) if classify(&error) == Fault::Unavailable => read(keys).await,
            done => done,
        }
    };
    timeout(LIMIT, attempts).await.unwrap_or_else(|_| Err(away()))
}

fn away() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

fn locked<K, V>(queue: &Mutex<Queue<K, V>>) -> MutexGuard<'_, Queue<K, V>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{MOST, Together, locked};
    use entities::fault::{Fault, classify};
    use futures::future::join_all;
    use sea_orm::DbErr;
    use std::{
        collections::HashMap,
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
    };
    use tokio::sync::Semaphore;

    /// A database that answers each question with its double, when it is let.
    #[derive(Clone)]
    struct Slow {
        gate: Arc<Semaphore>,
        asked: Arc<Mutex<Vec<Vec<u32>>>>,
    }

    impl Slow {
        fn new() -> Self {
            Self {
                gate: Arc::new(Semaphore::new(0)),
                asked: Arc::default(),
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
        async fn keep_busy<T>(&self, ask: impl Fn(u32) -> T) -> Vec<T> {
            let mut first = Vec::new();
            for key in [1, 2] {
                first.push(ask(key));
                // Each is under way before the next comes, or one query would ask for both.
                while self.asked() < key as usize {
                    tokio::task::yield_now().await;
                }
            }
            first
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
            tokio::spawn(async move { together.read(key, move |keys| slow.clone().read(keys)).await.unwrap() })
        };
        let mut answers = Vec::new();
        for key in 0..200 {
            answers.push((key, ask(key % 100)));
            // Two are under way before the others come.
            while slow.asked() < (key as usize + 1).min(2) {
                tokio::task::yield_now().await;
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
        for keys in &asked {
            assert!(
                keys.len().is_power_of_two() && keys.len() <= MOST,
                "{} keys",
                keys.len()
            );
        }
    }

    #[tokio::test]
    async fn a_query_that_fails_or_panics_holds_up_nobody_after_it() {
        let together: Arc<Together<u32, u32>> = Arc::default();
        let panics = Arc::new(AtomicBool::new(false));
        for n in 0..20 {
            panics.store(n % 2 == 0, Relaxed);
            let read = {
                let panics = Arc::clone(&panics);
                move |_| {
                    assert!(!panics.load(Relaxed), "as asked");
                    async { Err(DbErr::Custom("odd".to_owned())) }
                }
            };
            assert!(together.read(n, read).await.is_err());
        }
        let fine = |keys: Vec<u32>| async move { Ok(keys.into_iter().map(|key| (key, key)).collect()) };
        let all = join_all((0..50).map(|key| together.read(key, fine))).await;
        assert!(
            all.into_iter()
                .enumerate()
                .all(|(key, found)| found.unwrap() == u32::try_from(key).ok())
        );
    }

    #[tokio::test]
    async fn queries_that_hang_hold_up_nobody_for_long() {
        let together: Arc<Together<u32, u32>> = Arc::default();
        let mut hung = Vec::new();
        for key in 0..2 {
            let together = Arc::clone(&together);
            hung.push(tokio::spawn(async move {
                together.read(key, |_| std::future::pending::<Result<_, _>>()).await
            }));
            tokio::task::yield_now().await;
        }
        let fine = |keys: Vec<u32>| async move { Ok(keys.into_iter().map(|key| (key, key)).collect()) };
        for answer in hung {
            let error = answer.await.unwrap().unwrap_err();
            assert_eq!(classify(&error), Fault::Unavailable, "{error}");
        }
        assert_eq!(together.read(7, fine).await.unwrap(), Some(7));
    }

    #[tokio::test]
    async fn one_row_that_cannot_be_read_is_nobody_elses() {
        let (slow, together) = (Slow::new(), Arc::new(Together::default()));
        let ask = |key: u32| {
            let (slow, together) = (slow.clone(), Arc::clone(&together));
            let read = move |keys: Vec<u32>| {
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
            tokio::spawn(async move { together.read(key, read).await })
        };
        let _first = slow.keep_busy(&ask).await;
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
    async fn one_who_leaves_is_not_asked_for() {
        let (slow, together) = (Slow::new(), Arc::new(Together::default()));
        let ask = |key: u32| {
            let (slow, together) = (slow.clone(), Arc::clone(&together));
            tokio::spawn(async move { together.read(key, move |keys| slow.clone().read(keys)).await.unwrap() })
        };
        let first = slow.keep_busy(&ask).await;
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
