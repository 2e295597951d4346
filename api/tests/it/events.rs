//! Sessions followed live: nothing missed, nothing twice, whoever dies.

use crate::{
    app::{Answer, Caller, TestApp, hour, in_days, on_both},
    processes::{Api, OwnRedis, Process, worker},
    sse::{Event, Stream},
};
use activities::testing::{database::Kind, wait::until, world::Setup};
use entities::{
    cache::{Cache, news::News},
    db::Db,
    session_event::{self, NewEvent},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use workflows::ids::SessionId;

fn path(id: impl std::fmt::Display) -> String {
    format!("/api/sessions/{id}/events")
}

/// The Redis that all tests share.
fn shared_redis() -> String {
    env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names no server: `make test` starts one")
}

/// An app whose worker is a process of its own, with those variables.
async fn app_with_worker(more: &[(&str, &str)]) -> (TestApp, Process) {
    let setup = Setup::idle();
    let app = TestApp::with(Kind::Postgres, setup).await;
    let worker = worker(&app.world, None, more);
    (app, worker)
}

/// A session of `caller` that is confirmed, and whose mails are sent: nothing more happens to it by itself.
async fn settled(app: &TestApp, caller: &Caller<'_>) -> SessionId {
    let specialist = app.specialist().create().await;
    let booked = caller.book("k", &hour(&specialist, in_days(2))).await;
    app.until_event(booked.session(), "confirmation_mail:sent", 2).await;
    booked.session()
}

/// Append an event as a step does.
async fn append(db: &Db, session: SessionId, key: &str) {
    let event = NewEvent {
        at: "2031-06-02T10:00:00Z".parse().unwrap(),
        step: key.to_owned(),
        status: "done".to_owned(),
        detail: Some("two\nlines".to_owned()),
        key: key.to_owned(),
    };
    let tx = db.begin_write().await.unwrap();
    session_event::append(&tx, session, vec![event]).await.unwrap();
    tx.commit().await.unwrap();
}

/// That these are all the events of the session up to the last of them, each once and in order, as its own resource
/// shows them.
async fn assert_whole(caller: &Caller<'_>, id: SessionId, seen: &[Event]) {
    let view = caller.get(&format!("/api/sessions/{id}")).await;
    let progress: Vec<Event> = seen.iter().filter(|event| event.name == "progress").cloned().collect();
    let last = progress.last().unwrap().id.unwrap();
    let theirs: Vec<Value> = progress
        .into_iter()
        .map(|mut event| {
            assert_eq!(event.data["seq"], json!(event.id));
            event
                .data
                .as_object_mut()
                .unwrap()
                .remove("session_status")
                .expect("the status");
            event.data
        })
        .collect();
    let mut ours = view.body["progress"].as_array().unwrap().clone();
    ours.retain(|entry| entry["seq"].as_i64().unwrap() <= i64::from(last));
    assert_eq!(theirs, ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_the_life_of_a_booking_in_order_and_its_end() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let booked = ada.book("k", &hour(&specialist, in_days(2))).await;
        let id = booked.session();
        let mut stream = Stream::open(ada.request(Method::GET, &path(id)), None).await;
        let mut seen = stream.until("confirmation_mail:sent").await;
        assert!(stream.retry.is_some_and(|retry| 2_000 <= retry), "when to come back");
        seen.extend(stream.until("confirmation_mail:sent").await);
        assert_eq!(ada.cancel(booked.id()).await.status, 200);
        seen.extend(stream.rest().await);
        assert!(stream.ended);

        let end = seen.pop().unwrap();
        assert_eq!((end.name.as_str(), end.id), ("end", None));
        assert_eq!(end.data, json!({"session_status": "cancelled"}));
        assert!(seen.iter().all(|event| event.name == "progress"));
        let ids: Vec<_> = seen.iter().filter_map(|event| event.id).collect();
        assert_eq!(ids, (1..=i32::try_from(ids.len()).unwrap()).collect::<Vec<_>>());
        let states: Vec<_> = seen
            .iter()
            .map(|event| event.data["session_status"].as_str().unwrap())
            .collect();
        let rank = |state: &str| {
            ["held", "confirmed", "cancelled"]
                .iter()
                .position(|other| *other == state)
        };
        assert!(states.is_sorted_by_key(|state| rank(state).unwrap()), "{states:?}");
        assert_eq!(states.last(), Some(&"cancelled"));
        assert_whole(&ada, id, &seen).await;

        // Coming back after the end: word to stay away.
        let progress = app.timeline(id).await.len();
        let last = i32::try_from(progress).unwrap();
        let again = ada
            .request(Method::GET, &path(id))
            .header("Last-Event-ID", last.to_string());
        assert_eq!(Answer::of(again).await.status, 204);
        let again = ada.request(Method::GET, &format!("{}?last_event_id={last}", path(id)));
        assert_eq!(Answer::of(again).await.status, 204);
        let mut all = Stream::open(ada.request(Method::GET, &path(id)), None).await;
        let all = all.rest().await;
        assert_eq!((all.len(), all[progress].name.as_str()), (progress + 1, "end"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_see_a_session_may_follow_it() {
    let app = TestApp::new(Kind::Postgres).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let id = settled(&app, &ada).await;
    let stranger = bob.get(&path(id)).await;
    assert_eq!((stranger.status, stranger.error()), (404, "session_not_found"));
    let nobody = Answer::of(app.request(Method::GET, &path(id))).await;
    assert_eq!((nobody.status, nobody.error()), (401, "invalid_token"));
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_account_of_who_follows() {
    let app = TestApp::new(Kind::Postgres).await;
    let ada = app.user("ada");
    let id = settled(&app, &ada).await;
    let admin = app.role("root", "admin");
    let mut streams = Vec::new();
    for caller in [&admin, &ada] {
        let mut stream = Stream::open(caller.request(Method::GET, &path(id)), None).await;
        stream.until("confirmation_mail:sent").await;
        streams.push(stream);
    }
    let left = admin.give(Method::DELETE, "/api/user/account", None).await;
    assert_eq!(left.status, 202, "{left:?}");
    let rest = streams.remove(0).rest().await;
    assert!(
        rest.iter().all(|event| event.what() == "confirmation_mail:sent"),
        "not even the end"
    );
    // Nobody else's does.
    assert_eq!(ada.cancel(&id.to_string()).await.status, 200);
    assert!(!streams.remove(0).rest().await.is_empty());
}

/// A client follows through one process, which is killed while the session changes through another one, to which the
/// client goes then.
async fn goes_on_elsewhere(redis: Option<&str>) {
    let more: Vec<_> = redis.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let (app, _worker) = app_with_worker(&more).await;
    let ((mut one, other), specialist) = tokio::join!(
        async { tokio::join!(Api::start(&app, &more), Api::start(&app, &more)) },
        app.specialist().create()
    );
    let ada = app.user("ada");
    let body = hour(&specialist, in_days(2));
    let booked = one
        .answer(|api| {
            api.request(&ada, Method::POST, "/api/sessions")
                .header("Idempotency-Key", "k")
                .json(&body)
        })
        .await;
    let id = booked.session();
    let mut stream = Stream::open(one.request(&ada, Method::GET, &path(id)), None).await;
    let mut seen = stream.until("confirmation_mail:sent").await;

    // Steps, several at once, until well after the process is dead.
    let enough = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (db, enough) = (app.database.db.clone(), Arc::clone(&enough));
            tokio::spawn(async move {
                let mut n_steps = 0;
                while !enough.load(Ordering::Relaxed) {
                    append(&db, id, &format!("step-{writer}-{n_steps}")).await;
                    n_steps += 1;
                }
                n_steps
            })
        })
        .collect();
    for _ in 0..20 {
        seen.extend(stream.next().await);
    }
    one.process.kill();
    seen.extend(stream.rest().await);
    assert!(!stream.ended, "the connection broke");
    let mut stream = Stream::open(other.request(&ada, Method::GET, &path(id)), stream.last).await;
    let behind = stream.next().await.unwrap();
    assert_eq!(
        behind.id,
        seen.last().unwrap().id.map(|id| id + 1),
        "the next one, and no other"
    );
    seen.push(behind);
    enough.store(true, Ordering::Relaxed);
    let mut n_steps = 0;
    for writer in writers {
        n_steps += writer.await.unwrap();
    }
    let cancelled = other
        .answer(|api| api.request(&ada, Method::DELETE, &format!("/api/sessions/{id}")))
        .await;
    assert_eq!(cancelled.body["status"], "cancelled", "{cancelled:?}");
    seen.extend(stream.rest().await);
    assert!(stream.ended);
    assert_eq!(seen.last().unwrap().name, "end");
    let steps = seen.iter().filter(|event| event.what().starts_with("step-"));
    assert_eq!(steps.count(), n_steps);
    assert!(seen.iter().any(|event| event.what() == "cancellation:done"), "{seen:?}");
    assert_whole(&ada, id, &seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_process_is_killed_goes_on_at_another_one_and_misses_nothing() {
    goes_on_elsewhere(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_process_is_killed_goes_on_at_another_one_with_redis_too() {
    goes_on_elsewhere(Some(&shared_redis())).await;
}

/// How long events take from their commit to the client, sorted.
async fn latencies(app: &TestApp, caller: &Caller<'_>, id: SessionId, redis: Option<&str>, n: usize) -> Vec<Duration> {
    let more: Vec<_> = redis.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let api = Api::start(app, &more).await;
    let cache = redis.map(|url| Cache::connect(url, Duration::from_millis(500)).unwrap());
    if let Some(url) = redis {
        until("the process listens", async || (0 < listeners(url).await).then_some(())).await;
    }
    let last = i32::try_from(app.timeline(id).await.len()).unwrap();
    let mut stream = Stream::open(api.request(caller, Method::GET, &path(id)), Some(last)).await;
    let db = app.database.db.clone();
    // At times that have nothing to do with when the process looks.
    let mut times = tokio::time::interval(Duration::from_millis(230));
    let writer = tokio::spawn(async move {
        let (mut committed, mut n_called) = (Vec::new(), 0);
        for turn in 0..n {
            times.tick().await;
            append(
                &db,
                id,
                &format!("{}-{turn}", if cache.is_some() { "called" } else { "polled" }),
            )
            .await;
            committed.push(Instant::now());
            if let Some(cache) = &cache {
                // A call that fails is made up for by the look that is due anyway.
                n_called += usize::from(cache.call_out(id).await.is_ok());
            }
        }
        assert!(cache.is_none() || n / 2 < n_called, "{n_called}");
        committed
    });
    let mut arrived = Vec::new();
    for _ in 0..n {
        stream.next().await.unwrap();
        arrived.push(Instant::now());
    }
    let committed = writer.await.unwrap();
    let mut took: Vec<_> = arrived
        .iter()
        .zip(&committed)
        .map(|(there, here)| there.duration_since(*here))
        .collect();
    took.sort();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_shortens_the_wait_and_is_not_needed() {
    let redis = OwnRedis::start();
    let app = TestApp::new(Kind::Postgres).await;
    let ada = app.user("ada");
    let id = settled(&app, &ada).await;
    let called = latencies(&app, &ada, id, Some(&redis.url()), 21).await;
    let polled = latencies(&app, &ada, id, None, 21).await;
    eprintln!(
        "from commit to client: with Redis median {:?}, longest {:?}; without median {:?}, longest {:?}",
        called[10], called[20], polled[10], polled[20]
    );
    assert!(called[10] < polled[10], "{called:?} {polled:?}");
    assert!(polled[20] <= Duration::from_secs(3), "{polled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_calls_out_each_step_of_a_session() {
    let redis = OwnRedis::start();
    let url = redis.url();
    let mut news = News::connect(&url).unwrap();
    let (app, _worker) = app_with_worker(&[("REDIS_URL", &url)]).await;
    // Others' calls, from now on, come to nobody but us.
    let (hear, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(session) = news.next().await {
            hear.send(session).ok();
        }
    });
    until("we listen", async || (0 < listeners(&url).await).then_some(())).await;
    let ada = app.user("ada");
    let id = settled(&app, &ada).await;
    // Of both queues: the reservation, and the mails.
    for _ in 0..2 {
        let session = timeout(Duration::from_secs(60), heard.recv()).await.unwrap().unwrap();
        assert_eq!(session, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_while_redis_is_dead_and_is_woken_when_it_is_back() {
    let mut redis = OwnRedis::start();
    let url = redis.url();
    let app = TestApp::new(Kind::Postgres).await;
    let api = Api::start(&app, &[("REDIS_URL", &url)]).await;
    let cache = Cache::connect(&url, Duration::from_millis(500)).unwrap();
    let ada = app.user("ada");
    let id = settled(&app, &ada).await;
    let last = i32::try_from(app.timeline(id).await.len()).unwrap();
    let mut stream = Stream::open(api.request(&ada, Method::GET, &path(id)), Some(last)).await;
    let mut arrives = async |key: &str| {
        append(&app.database.db, id, key).await;
        let began = Instant::now();
        assert_eq!(stream.next().await.unwrap().what(), format!("{key}:done"));
        assert!(
            began.elapsed() <= Duration::from_secs(3),
            "{key} took {:?}",
            began.elapsed()
        );
    };
    until("it listens", async || (0 < listeners(&url).await).then_some(())).await;
    arrives("before").await;
    redis.kill();
    let began = Instant::now();
    assert!(cache.call_out(id).await.is_err(), "nobody hears it");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "and that is said soon: {:?}",
        began.elapsed()
    );
    arrives("dead").await;
    arrives("still-dead").await;
    redis.start_again();
    until("it listens again by itself", async || {
        (0 < listeners(&url).await).then_some(())
    })
    .await;
    until("calls are taken again", async || cache.call_out(id).await.ok()).await;
    arrives("back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_went_away_makes_room() {
    let app = TestApp::new(Kind::Postgres).await;
    let api = Api::start(&app, &[("SSE_LIMIT", "1")]).await;
    let ada = app.user("ada");
    let id = settled(&app, &ada).await;
    // It ends with the answer half read, which resets the connection; an orderly goodbye is noticed by the heartbeats.
    let mut client = TcpStream::connect(api.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let (path, token) = (path(id), &ada.token);
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let refused = Answer::of(api.request(&ada, Method::GET, &path)).await;
    assert_eq!((refused.status, refused.error()), (503, "streams_unavailable"));
    assert!(!refused.header("retry-after").is_empty());
    drop(client);
    until("there is room again", async || {
        let answer = api.request(&ada, Method::GET, &path).send().await.unwrap();
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_told_to_stop_ends_its_streams_and_stops() {
    let app = TestApp::new(Kind::Postgres).await;
    let mut api = Api::start(&app, &[]).await;
    let ada = app.user("ada");
    let id = settled(&app, &ada).await;
    let mut stream = Stream::open(api.request(&ada, Method::GET, &path(id)), None).await;
    stream.next().await.unwrap();
    let began = Instant::now();
    api.process.terminate();
    let rest = stream.rest().await;
    assert!(stream.ended, "in an orderly way");
    assert!(
        rest.iter().all(|event| event.name == "progress"),
        "but not for good: {rest:?}"
    );
    until("the process has ended", async || api.process.has_ended().then_some(())).await;
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "it did not wait for its streams"
    );
}

/// How many connections of that Redis listen to the calls.
async fn listeners(url: &str) -> u32 {
    let asked = async {
        let mut redis = TcpStream::connect(url.strip_prefix("redis://").unwrap()).await.ok()?;
        redis.write_all(b"PUBSUB NUMSUB aroti:session-events\r\n").await.ok()?;
        let mut answer = String::new();
        while answer.matches("\r\n").count() < 4 {
            let mut bytes = [0; 256];
            let n = redis.read(&mut bytes).await.ok().filter(|n| 0 < *n)?;
            answer += std::str::from_utf8(&bytes[..n]).ok()?;
        }
        answer.lines().last()?.strip_prefix(':')?.parse().ok()
    };
    asked.await.unwrap_or(0)
}
