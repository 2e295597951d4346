//! What is kept of answers is never out of date, whatever becomes of Redis.

use crate::{
    app::{Answer, Caller, TestApp, on_both},
    processes::{Api, OwnRedis, worker},
    reviews::completed,
};
use activities::testing::{
    database::Kind,
    people::TestSpecialist,
    wait::until,
    world::{Setup, World},
};
use bytes::Bytes;
use entities::{
    cache::{Cache, changes, copies::Place},
    db::Db,
    follow_up, profile, schedule, specialist, user,
};
use futures::future::join_all;
use reqwest::Method;
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};
use uuid::Uuid;
use workflows::ids::UserId;

/// Longer than this nobody may be shown what is out of date once Redis is back.
const LONGEST: Duration = Duration::from_secs(5);

/// An app without a worker and without a cache of its own.
async fn bare(kind: Kind) -> TestApp {
    let setup = Setup::idle();
    TestApp::before(World::with(kind, setup).await).await
}

/// Two processes that share a Redis, a specialist, and somebody who looks.
struct Stage<'a> {
    apis: [Api; 2],
    url: String,
    ada: Caller<'a>,
    anna: TestSpecialist,
}

impl<'a> Stage<'a> {
    async fn new(app: &'a TestApp, url: String) -> Self {
        Self::waiting(app, url, "100").await
    }

    /// Whose processes wait for Redis so many milliseconds.
    async fn waiting(app: &'a TestApp, url: String, timeout: &str) -> Self {
        let more = [("REDIS_URL", url.as_str()), ("REDIS_TIMEOUT_MS", timeout)];
        let apis = [Api::start(app, &more).await, Api::start(app, &more).await];
        let stage = Self {
            apis,
            url,
            ada: app.user("ada"),
            anna: app.specialist().create().await,
        };
        stage.warm().await;
        stage
    }

    fn paths(&self) -> [String; 2] {
        let one = format!("/api/specialists/{}", self.anna.id);
        [one, "/api/specialists?limit=100".to_owned()]
    }

    async fn get(&self, api: &Api, path: &str) -> Value {
        let answer = api.answer(|api| api.request(&self.ada, Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        match answer.body["items"].as_array() {
            Some(items) => {
                let mut ours = items.iter().filter(|item| item["id"] == json!(self.anna.id));
                ours.next().cloned().unwrap_or(Value::Null)
            }
            None => answer.body,
        }
    }

    /// Everything that both processes show of the specialist.
    async fn shown(&self) -> Vec<Value> {
        let mut shown = Vec::new();
        for path in self.paths() {
            for api in &self.apis {
                shown.push(self.get(api, &path).await);
            }
        }
        shown
    }

    /// Read until there are copies.
    async fn warm(&self) {
        until("there are copies", async || {
            self.shown().await;
            let one = OwnRedis::ask(&self.url, &format!("HLEN specialist:{}", self.anna.id)).await;
            let all = OwnRedis::ask(&self.url, "HLEN specialists").await;
            (one == ":1" && all == ":1").then_some(())
        })
        .await;
    }

    /// How long something out of date is shown from now on; until all have shown it rightly for a second.
    async fn stale_for(&self, is_right: impl Fn(&Value) -> bool) -> Duration {
        let (began, mut last_stale) = (Instant::now(), None);
        while last_stale.unwrap_or(began).elapsed() < Duration::from_secs(1) {
            if !self.shown().await.iter().all(&is_right) {
                last_stale = Some(Instant::now());
            }
            assert!(began.elapsed() < LONGEST * 4, "still out of date");
        }
        last_stale.map_or(Duration::ZERO, |at| at - began)
    }
}

async fn rename(db: &Db, anna: &TestSpecialist, name: &str) -> Result<(), DbErr> {
    let tx = db.begin_write().await?;
    let changes = specialist::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    };
    let now = entities::db::now(&tx).await?;
    specialist::change(&tx, anna.id, changes, now)
        .await?
        .expect("she is there");
    tx.commit().await
}

async fn notice(db: &Db, anna: &TestSpecialist, minutes: i32) -> Result<(), DbErr> {
    let tx = db.begin_write().await?;
    let changes = schedule::ActiveModel {
        minimum_notice_minutes: Set(minutes),
        ..Default::default()
    };
    let now = entities::db::now(&tx).await?;
    schedule::change(&tx, anna.id, changes, now)
        .await?
        .expect("she has one");
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_every_kind_of_change_both_processes_show_it_at_once() {
    on_both(async |kind| {
        let redis = OwnRedis::start();
        let app = bare(kind).await;
        // Redis on a busy machine may take longer than is waited for elsewhere, and what was not dropped is shown.
        let stage = Stage::waiting(&app, redis.url(), "5000").await;
        let _worker = worker(&app.world, None, &[("REDIS_URL", stage.url.as_str())]);
        let cache = connected(&stage.url).await;
        let db = &app.database.db;
        for round in 0..5 {
            // A review, by whichever process.
            let session = completed(&app, &stage.anna, "ada").await;
            let path = format!("/api/sessions/{session}/review");
            let api = &stage.apis[round % 2];
            let reviewed = Answer::of(api.request(&stage.ada, Method::POST, &path).json(&json!({"rating": 4}))).await;
            assert_eq!(reviewed.status, 201, "{reviewed:?}");
            for shown in stage.shown().await {
                assert_eq!(shown["review_count"], json!(round + 1), "round {round}");
            }
            stage.warm().await;
            // Who they are, and when they work: as every process changes them.
            let name = format!("Anna {round}");
            changes::noticing(Some(&cache), rename(db, &stage.anna, &name))
                .await
                .unwrap();
            for shown in stage.shown().await {
                assert_eq!(shown["name"], json!(name));
            }
            stage.warm().await;
            let minutes = 10 + i32::try_from(round).unwrap();
            changes::noticing(Some(&cache), notice(db, &stage.anna, minutes))
                .await
                .unwrap();
            for shown in stage.shown().await {
                assert_eq!(shown["minimum_notice_minutes"], json!(minutes));
            }
            stage.warm().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_and_an_account_take_their_copies_with_them() {
    on_both(async |kind| {
        let redis = OwnRedis::start();
        let app = bare(kind).await;
        let cache = connected(&redis.url()).await;
        let (db, somebody) = (&app.database.db, UserId(Uuid::new_v4()));
        let tx = db.begin_write().await.unwrap();
        let now = entities::db::now(&tx).await.unwrap();
        user::first_sight(&tx, somebody, "a@b.test", None, now).await.unwrap();
        tx.commit().await.unwrap();
        let place = profile::place(somebody);
        let said = |text: &'static str| async move { Ok::<_, Infallible>(Some(Bytes::from_static(text.as_bytes()))) };
        assert_eq!(cache.read(&place, said("old")).await.unwrap().unwrap(), "old");
        assert_eq!(cache.read(&place, said("not asked")).await.unwrap().unwrap(), "old");
        let change = async {
            let tx = db.begin_write().await.unwrap();
            let changes = profile::ActiveModel {
                name: Set("New".to_owned()),
                ..Default::default()
            };
            profile::change(&tx, somebody, changes, now).await.unwrap().unwrap();
            tx.commit().await.unwrap();
        };
        changes::noticing(Some(&cache), change).await;
        assert_eq!(cache.read(&place, said("new")).await.unwrap().unwrap(), "new");
        let deletion = async {
            let tx = db.begin_write().await.unwrap();
            user::mark_deleted(&tx, somebody, now).await.unwrap();
            tx.commit().await.unwrap();
        };
        changes::noticing(Some(&cache), deletion).await;
        assert_eq!(
            OwnRedis::ask(&redis.url(), &format!("EXISTS profile:{somebody}")).await,
            ":0"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_drops_what_nobody_else_could() {
    let redis = OwnRedis::start();
    let app = bare(Kind::Postgres).await;
    let stage = Stage::new(&app, redis.url()).await;
    let _worker = worker(&app.world, None, &[("REDIS_URL", stage.url.as_str())]);
    // By somebody who has no way to Redis.
    rename(&app.database.db, &stage.anna, "Bert").await.unwrap();
    let stale = stage.stale_for(|shown| shown["name"] == "Bert").await;
    eprintln!("out of date for {stale:?}");
    assert!(stale <= LONGEST, "{stale:?}");
    stage.warm().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_should_have_been_dropped_is_passed_by() {
    let redis = OwnRedis::start();
    let app = bare(Kind::Postgres).await;
    let stage = Stage::new(&app, redis.url()).await;
    // No worker, no way to Redis: the copies stay.
    rename(&app.database.db, &stage.anna, "Bert").await.unwrap();
    let stale = stage.stale_for(|shown| shown["name"] == "Bert").await;
    eprintln!("out of date for {stale:?}");
    assert!(stale <= LONGEST, "{stale:?}");
    let key = format!("EXISTS specialist:{} specialists", stage.anna.id);
    assert_eq!(OwnRedis::ask(&stage.url, &key).await, ":2", "the copies are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_while_redis_hung_is_shown_when_it_goes_on() {
    let redis = OwnRedis::start();
    let app = bare(Kind::Postgres).await;
    let stage = Stage::new(&app, redis.url()).await;
    let _worker = worker(&app.world, None, &[("REDIS_URL", stage.url.as_str())]);
    let session = completed(&app, &stage.anna, "ada").await;
    redis.process.signal("STOP");
    let path = format!("/api/sessions/{session}/review");
    let request = |api: &Api| api.request(&stage.ada, Method::POST, &path).json(&json!({"rating": 4}));
    assert_eq!(Answer::of(request(&stage.apis[0])).await.status, 201);
    // While it hangs everybody reads the database.
    for shown in stage.shown().await {
        assert_eq!(shown["review_count"], 1);
    }
    redis.process.signal("CONT");
    let stale = stage.stale_for(|shown| shown["review_count"] == 1).await;
    eprintln!("out of date for {stale:?} after it went on");
    assert!(stale <= LONGEST, "{stale:?}");
    stage.warm().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_from_a_snapshot_shows_nothing_of_it() {
    let mut redis = OwnRedis::start();
    let app = bare(Kind::Postgres).await;
    let stage = Stage::new(&app, redis.url()).await;
    assert_eq!(OwnRedis::ask(&stage.url, "SAVE").await, "+OK");
    let cache = connected(&stage.url).await;
    let _worker = worker(&app.world, None, &[("REDIS_URL", stage.url.as_str())]);
    changes::noticing(Some(&cache), rename(&app.database.db, &stage.anna, "Bert"))
        .await
        .unwrap();
    until("everything is done that follows", async || {
        let left = follow_up::Entity::find().count(app.database.db.reader()).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    redis.kill();
    redis.start_again();
    until("it is back", async || {
        let copies = OwnRedis::ask(&stage.url, &format!("EXISTS specialist:{}", stage.anna.id)).await;
        (copies == ":1").then_some(())
    })
    .await;
    // What was dropped is there again, and nobody believes it once it is known that the server is another one.
    let stale = stage.stale_for(|shown| shown["name"] == "Bert").await;
    assert!(stale < Duration::from_secs(5), "{stale:?}");
    stage.warm().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_is_filled_again() {
    let redis = OwnRedis::start();
    let app = bare(Kind::Postgres).await;
    let stage = Stage::new(&app, redis.url()).await;
    let _worker = worker(&app.world, None, &[("REDIS_URL", stage.url.as_str())]);
    let cache = connected(&stage.url).await;
    for round in 0..10 {
        let name = format!("Anna {round}");
        let emptied = OwnRedis::ask(&stage.url, "FLUSHALL");
        let (answer, changed) = tokio::join!(
            emptied,
            changes::noticing(Some(&cache), rename(&app.database.db, &stage.anna, &name))
        );
        changed.unwrap();
        assert_eq!(answer, "+OK");
        for shown in stage.shown().await {
            assert_eq!(shown["name"], json!(name));
        }
    }
    stage.warm().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_redis_costs_a_few_requests_its_timeout_and_no_more() {
    let redis = OwnRedis::start();
    let app = bare(Kind::Postgres).await;
    let stage = Stage::new(&app, redis.url()).await;
    let path = &stage.paths()[0];
    redis.process.signal("STOP");
    let mut times = Vec::new();
    for _ in 0..500 {
        let began = Instant::now();
        stage.get(&stage.apis[0], path).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let (p50, p99) = (times[250], times[495]);
    eprintln!("Redis hangs: p50 {p50:?}, p99 {p99:?}, longest {:?}", times[499]);
    // 100 ms for Redis, and what the database takes on a busy machine.
    assert!(p99 < Duration::from_millis(300), "{p99:?}");
    redis.process.signal("CONT");
    OwnRedis::ask(&stage.url, "FLUSHALL").await;
    stage.warm().await;
}

/// A handle that is connected.
async fn connected(url: &str) -> Cache {
    let cache = Cache::connect(url, Duration::from_secs(5)).unwrap();
    until("Redis answers", async || {
        let place = Place::new("test", Uuid::new_v4().to_string(), "x", Duration::from_secs(1));
        let loads = AtomicU32::new(0);
        for _ in 0..2 {
            cache.read(&place, counted(&loads, "x")).await.unwrap();
        }
        (loads.load(SeqCst) == 1).then_some(())
    })
    .await;
    cache
}

async fn counted(loads: &AtomicU32, text: &'static str) -> Result<Option<Bytes>, Infallible> {
    loads.fetch_add(1, SeqCst);
    Ok(Some(Bytes::from_static(text.as_bytes())))
}

fn a_place() -> Place {
    Place::new("test", Uuid::new_v4().to_string(), "view", Duration::from_secs(60))
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_misses_are_one_load() {
    let redis = OwnRedis::start();
    // Each handle stands for a process: they share nothing but Redis.
    let handles = [connected(&redis.url()).await, connected(&redis.url()).await];
    for _ in 0..5 {
        let (place, loads) = (a_place(), AtomicU32::new(0));
        let slow = || async {
            sleep(Duration::from_millis(50)).await;
            counted(&loads, "x").await
        };
        let reads = (0..500).map(|n| handles[n % 2].read(&place, slow()));
        for read in join_all(reads).await {
            assert_eq!(read.unwrap().unwrap(), "x");
        }
        assert_eq!(loads.load(SeqCst), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_those_who_come_together_read_together() {
    let mut redis = OwnRedis::start();
    let cache = connected(&redis.url()).await;
    redis.kill();
    let (place, loads) = (a_place(), AtomicU32::new(0));
    let slow = || async {
        sleep(Duration::from_millis(50)).await;
        counted(&loads, "x").await
    };
    join_all((0..500).map(|_| cache.read(&place, slow()))).await;
    // One for whoever was first, and one for those who came while it ran: it may have begun before what they must see.
    assert!((1..=2).contains(&loads.load(SeqCst)), "{loads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let redis = OwnRedis::start();
    let (one, other) = (connected(&redis.url()).await, connected(&redis.url()).await);
    let (place, loads) = (a_place(), AtomicU32::new(0));
    let (reading, is_reading) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let early = async {
        reading.send(()).unwrap();
        may_go_on.await.unwrap();
        counted(&loads, "old").await
    };
    let early = async { one.read(&place, early).await.unwrap().unwrap() };
    let change = async {
        is_reading.await.unwrap();
        other.drop_copies([place.key().to_owned()]).await.unwrap();
        // Who comes after the change, in the process that reads and in another one, must see it.
        let late = [&one, &other].map(|cache| cache.read(&place, counted(&loads, "new")));
        let late = join_all(late);
        let go = async {
            sleep(Duration::from_millis(100)).await;
            go_on.send(()).unwrap();
        };
        tokio::join!(late, go).0
    };
    let (early, late) = tokio::join!(early, change);
    assert_eq!(early, "old", "it was the truth when they asked");
    for late in late {
        assert_eq!(late.unwrap().unwrap(), "new");
    }
    // And that is what is kept.
    assert_eq!(
        one.read(&place, counted(&loads, "newer")).await.unwrap().unwrap(),
        "new"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_gives_up_keeps_nobody_waiting() {
    let redis = OwnRedis::start();
    let cache = connected(&redis.url()).await;
    let (place, loads) = (a_place(), AtomicU32::new(0));
    let never = cache.read::<Infallible>(&place, std::future::pending());
    let patient = cache.read(&place, counted(&loads, "x"));
    let impatient = tokio::time::timeout(Duration::from_millis(50), never);
    let began = Instant::now();
    let (gave_up, read) = tokio::join!(biased; impatient, patient);
    assert!(gave_up.is_err());
    assert_eq!(read.unwrap().unwrap(), "x");
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
    // Its lease was taken over: what was read is kept.
    cache.read(&place, counted(&loads, "y")).await.unwrap();
    assert_eq!(loads.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_not_kept_and_neither_is_too_much() {
    let redis = OwnRedis::start();
    let cache = connected(&redis.url()).await;
    for bytes in [None, Some(Bytes::from(vec![b'x'; 300 * 1024]))] {
        let (place, loads) = (a_place(), AtomicU32::new(0));
        for _ in 0..2 {
            let load = async {
                loads.fetch_add(1, SeqCst);
                Ok::<_, Infallible>(bytes.clone())
            };
            assert_eq!(cache.read(&place, load).await.unwrap(), bytes);
        }
        assert_eq!(loads.load(SeqCst), 2);
    }
    // Nor too many under one key.
    let key = Uuid::new_v4().to_string();
    for n in 0..1_100 {
        let place = Place::new("test", key.clone(), n.to_string(), Duration::from_secs(60));
        cache.read(&place, counted(&AtomicU32::new(0), "x")).await.unwrap();
    }
    assert_eq!(OwnRedis::ask(&redis.url(), &format!("HLEN {key}")).await, ":100");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_copy_is_sent_to_a_process_once() {
    const LENGTH: usize = 64 * 1024;
    let redis = OwnRedis::start();
    let (one, other) = (connected(&redis.url()).await, connected(&redis.url()).await);
    let (place, loads) = (a_place(), AtomicU32::new(0));
    let long = async |letter: u8| {
        loads.fetch_add(1, SeqCst);
        Ok::<_, Infallible>(Some(Bytes::from(vec![letter; LENGTH])))
    };
    let sent = async || -> usize {
        let stats = OwnRedis::ask_all(&redis.url(), "INFO stats").await;
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.unwrap().trim().parse().unwrap()
    };
    for letter in [b'a', b'b', b'c'] {
        assert_eq!(one.read(&place, long(letter)).await.unwrap().unwrap()[0], letter);
        let before = sent().await;
        for _ in 0..20 {
            for cache in [&one, &other] {
                let copy = cache.read(&place, async { unreachable!("there is a copy") });
                let copy: Result<_, Infallible> = copy.await;
                assert_eq!(copy.unwrap().unwrap(), vec![letter; LENGTH]);
            }
        }
        let sent = sent().await - before;
        assert!(sent < 3 * LENGTH, "{sent} bytes for 40 reads");
        // What both of them remember is nothing once it was dropped.
        other.drop_copies([place.key().to_owned()]).await.unwrap();
    }
    assert_eq!(loads.load(SeqCst), 3);
}

/// Read, keep, drop and count.
async fn works(url: &str) {
    let cache = connected(url).await;
    let loads = AtomicU32::new(0);
    for n in 1..=20 {
        let place = a_place();
        for _ in 0..2 {
            cache.read(&place, counted(&loads, "x")).await.unwrap();
        }
        assert_eq!(loads.load(SeqCst), n * 2 - 1);
        cache.drop_copies([place.key().to_owned()]).await.unwrap();
        cache.read(&place, counted(&loads, "x")).await.unwrap();
        assert_eq!(loads.load(SeqCst), n * 2);
        let quota = |key: String| entities::cache::quota::Quota {
            key,
            limit: 1,
            window_seconds: 60,
        };
        let quotas = [quota(Uuid::new_v4().to_string()), quota(Uuid::new_v4().to_string())];
        for allowed in [true, false] {
            let left = cache.count_both(&quotas[0], &quotas[1]).await.unwrap();
            assert!(left.iter().all(|left| left.allowed == allowed), "{left:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_does() {
    let redis = OwnRedis::with(&["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"]);
    until("it has all slots", async || {
        OwnRedis::ask(&redis.url(), "CLUSTER ADDSLOTSRANGE 0 16383").await;
        let info = OwnRedis::ask_all(&redis.url(), "CLUSTER INFO").await;
        info.contains("cluster_state:ok").then_some(())
    })
    .await;
    works(&redis.url().replace("redis://", "redis-cluster://")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_shows_the_way() {
    let redis = OwnRedis::start();
    until("it is there", async || {
        (OwnRedis::ask(&redis.url(), "PING").await == "+PONG").then_some(())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sentinel.conf");
    std::fs::write(&file, format!("sentinel monitor aroti 127.0.0.1 {} 1\n", redis.port)).unwrap();
    let sentinel = OwnRedis::serving(&[file.to_str().unwrap(), "--sentinel"]);
    until("it watches", async || {
        (OwnRedis::ask(&sentinel.url(), "PING").await == "+PONG").then_some(())
    })
    .await;
    let url = sentinel.url().replace("redis://", "redis-sentinel://");
    works(&format!("{url}?sentinelServiceName=aroti")).await;
}
