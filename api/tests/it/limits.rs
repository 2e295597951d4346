//! How often somebody may ask, over all processes, and when Redis is away.

use crate::{
    app::{Answer, TestApp},
    processes::{Api, OwnRedis},
};
use activities::testing::{
    database::Kind,
    wait::until,
    world::{Setup, World},
};
use entities::cache::{Cache, quota::Quota};
use futures::{StreamExt, stream};
use reqwest::Method;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

async fn bare() -> TestApp {
    let setup = Setup::idle();
    TestApp::before(World::with(Kind::Postgres, setup).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_thousand_a_minute_over_two_processes() {
    let redis = OwnRedis::start();
    let app = bare().await;
    let url = redis.url();
    let more = [
        ("REDIS_URL", url.as_str()),
        ("REDIS_TIMEOUT_MS", "5000"),
        ("RATE_LIMIT_USER", "1000"),
        ("RATE_LIMIT_IP", "10000"),
    ];
    let apis = [Api::start(&app, &more).await, Api::start(&app, &more).await];
    let (ada, anna) = (app.user("ada"), app.specialist().create().await);
    let path = format!("/api/specialists/{}", anna.id);
    let counted = until("Redis counts", async || {
        let answer = Answer::of(apis[0].request(&app.somebody(), Method::GET, &path)).await;
        (answer.status == 200 && OwnRedis::ask(&url, "DBSIZE").await != ":0").then_some(answer)
    })
    .await;
    assert_eq!(
        counted.header("ratelimit-policy"),
        "\"user\";q=1000;w=60, \"ip\";q=10000;w=60"
    );
    let http = reqwest::Client::new();
    let began = Instant::now();
    let requests = stream::iter(0..1_400).map(|n| {
        let request = http.get(format!("{}{path}", apis[n % 2].url)).bearer_auth(&ada.token);
        async move { Answer::of(request).await }
    });
    let answers: Vec<Answer> = requests.buffer_unordered(16).collect().await;
    let mut by_status: HashMap<u16, u32> = HashMap::new();
    for answer in &answers {
        *by_status.entry(answer.status).or_default() += 1;
        if answer.status == 429 {
            assert_eq!(answer.error(), "rate_limited");
            let seconds: u32 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds), "{answer:?}");
            assert!(answer.header("ratelimit").starts_with("\"user\";r=0;t="), "{answer:?}");
        }
    }
    eprintln!("{by_status:?} in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(60), "too slow to tell");
    let admitted = by_status[&200];
    assert!((980..=1_020).contains(&admitted), "{by_status:?}");
    assert_eq!(by_status.len(), 2, "{by_status:?}");
    // Others are not concerned.
    assert_eq!(
        Answer::of(apis[0].request(&app.user("eve"), Method::GET, &path))
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_process_counts() {
    let mut redis = OwnRedis::start();
    let app = bare().await;
    let url = redis.url();
    let more = [("REDIS_URL", url.as_str()), ("RATE_LIMIT_USER", "20")];
    let api = Api::start(&app, &more).await;
    let ada = app.user("ada");
    redis.kill();
    let mut admitted = 0;
    for _ in 0..60 {
        let answer = Answer::of(api.request(&ada, Method::GET, "/api/sessions")).await;
        match answer.status {
            200 => admitted += 1,
            status => assert_eq!(status, 429, "{answer:?}"),
        }
    }
    assert_eq!(admitted, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_cannot_be_made_up_and_bad_tokens_count() {
    let redis = OwnRedis::start();
    let app = bare().await;
    let url = redis.url();
    let mut more = vec![
        ("REDIS_URL", url.as_str()),
        ("REDIS_TIMEOUT_MS", "5000"),
        ("RATE_LIMIT_IP", "20"),
    ];
    // Nobody whom the process trusts says so: they are all of one address.
    let api = Api::start(&app, &more).await;
    // Until Redis counts, the process does, and both begin at nothing; the request that Redis counts first is one of twenty.
    until("Redis counts", async || {
        statuses_of(&api, &app, 1).await;
        (OwnRedis::ask(&url, "DBSIZE").await != ":0").then_some(())
    })
    .await;
    let untrusted = statuses_of(&api, &app, 40).await;
    assert_eq!(untrusted, HashMap::from([(401, 19), (429, 21)]));
    for path in ["/health", "/ready"] {
        assert_eq!(
            api.request(&app.user("ada"), Method::GET, path)
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    more.push(("TRUSTED_PROXIES", "127.0.0.0/8"));
    let trusted = statuses_of(&Api::start(&app, &more).await, &app, 40).await;
    assert_eq!(trusted, HashMap::from([(401, 40)]));
}

/// What so many requests with a bad token are answered, each of which says that it is of another address.
async fn statuses_of(api: &Api, app: &TestApp, n_requests: u32) -> HashMap<u16, u32> {
    let mut statuses: HashMap<u16, u32> = HashMap::new();
    for n in 0..n_requests {
        let mut ada = app.user("ada");
        ada.token = "nonsense".to_owned();
        let request = api.request(&ada, Method::GET, "/api/sessions");
        let answer = Answer::of(request.header("X-Forwarded-For", format!("1.1.1.{n}"))).await;
        *statuses.entry(answer.status).or_default() += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_slides() {
    let redis = OwnRedis::start();
    let cache = Cache::connect(&redis.url(), Duration::from_secs(5)).unwrap();
    let quota = Quota {
        key: Uuid::new_v4().to_string(),
        limit: 10,
        window_seconds: 2,
    };
    let mut admitted: Vec<Instant> = Vec::new();
    until("some have come", async || {
        let asked = Instant::now();
        let left = cache.count(&quota).await.ok()?;
        if left.allowed {
            admitted.push(asked);
        } else {
            assert!((1..=2).contains(&left.reset_seconds), "{left:?}");
        }
        (30 <= admitted.len()).then_some(())
    })
    .await;
    let answered = Duration::from_millis(100);
    for some in admitted.windows(11) {
        let span = some[10] - some[0];
        assert!(Duration::from_secs(2) <= span + answered, "eleven in {span:?}");
    }
}
