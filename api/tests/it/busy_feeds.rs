//! Calendars elsewhere that block time, as specialists and clients see it.

use crate::{
    app::{Answer, Caller, TestApp, hour, in_days, on_both, until_status},
    processes::worker,
};
use activities::testing::{
    database::Kind,
    engine::skip,
    people::TestSpecialist,
    stranger::{Says, Stranger},
    wait::until,
    world::{Setup, World},
};
use entities::audit;
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use std::time::{Duration, Instant as Moment};
use workflows::{busy_feeds::contract::workflow_id, ids::BusyFeedId, time::Instant};

const PATH: &str = "/api/specialist/busy-feeds";

/// A calendar with these lines in an event each.
fn calendar(events: &[&str]) -> String {
    let events: String = events
        .iter()
        .enumerate()
        .map(|(n, lines)| format!("BEGIN:VEVENT\nUID:{n}@elsewhere\n{lines}\nEND:VEVENT\n"))
        .collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n").replace('\n', "\r\n")
}

fn at(start: Instant) -> String {
    format!(
        "DTSTART:{}\nDURATION:PT1H",
        start.timestamp().strftime("%Y%m%dT%H%M%SZ")
    )
}

fn ok(text: String) -> Says {
    Says::This(
        200,
        vec![("Content-Type", "text/calendar".to_owned())],
        text.into_bytes(),
    )
}

/// An app that may call that server, and no other on this machine.
async fn app(kind: Kind, stranger: &Stranger) -> TestApp {
    let setup = Setup {
        reach: stranger.reach(),
        ..Default::default()
    };
    TestApp::with(kind, setup).await
}

/// Dana, who gives sessions of an hour at every full hour.
async fn dana(app: &TestApp) -> (TestSpecialist, Caller<'_>) {
    (
        app.specialist()
            .login(app.id_of("dana"))
            .sessions(60, 60)
            .create()
            .await,
        specialist(app, "dana"),
    )
}

fn specialist<'a>(app: &'a TestApp, name: &str) -> Caller<'a> {
    let mut caller = app.user(name);
    caller.token = app.issuer.token(name, &["user", "specialist"], 3600);
    caller
}

impl Caller<'_> {
    async fn put_feeds(&self, feeds: Value) -> Answer {
        Answer::of(self.request(Method::PUT, PATH).json(&json!({"feeds": feeds}))).await
    }

    /// Give these calendars and wait until each was asked for.
    async fn give_all(&self, stranger: &Stranger, paths: &[&str]) -> Vec<BusyFeedId> {
        let feeds: Vec<_> = paths
            .iter()
            .map(|path| json!({"url": stranger.url(path).as_str()}))
            .collect();
        let given = self.put_feeds(json!(feeds)).await;
        assert_eq!(given.status, 200, "{given:?}");
        let feeds = self.until_feeds(|feed| feed["last_attempt_at"].is_string()).await;
        feeds
            .iter()
            .map(|feed| feed["id"].as_str().unwrap().parse().unwrap())
            .collect()
    }

    /// Their feeds, once all are so.
    async fn until_feeds(&self, are: impl Fn(&Value) -> bool) -> Vec<Value> {
        until("the feeds are so", async || {
            let list = self.get(PATH).await;
            assert_eq!(list.status, 200, "{list:?}");
            let feeds = list.body["feeds"].as_array().unwrap().clone();
            feeds.iter().all(&are).then_some(feeds)
        })
        .await
    }

    async fn until_status(&self, status: &str) -> Value {
        self.until_feeds(|feed| feed["status"] == status).await[0].clone()
    }

    /// Which of these hours are listed.
    async fn listed(&self, specialist: &TestSpecialist, hours: &[Instant]) -> Vec<bool> {
        let (from, to) = (
            *hours.iter().min().unwrap(),
            hours.iter().max().unwrap().plus_minutes(1),
        );
        let path = format!(
            "/api/specialists/{}/availability?from={from}&to={to}&duration_minutes=60",
            specialist.id
        );
        let listed = self.get(&path).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let days = listed.body["days"].as_array().unwrap();
        let starts: Vec<_> = days
            .iter()
            .flat_map(|day| day["slots"].as_array().unwrap())
            .map(|slot| slot["starts_at"].clone())
            .collect();
        hours.iter().map(|hour| starts.contains(&json!(hour))).collect()
    }
}

/// Let the feed's run read again.
async fn read_again(app: &TestApp, stranger: &Stranger, feed: BusyFeedId) {
    let before = stranger.asked().len();
    skip(&app.engine, &workflow_id(feed), Some(Duration::from_secs(17 * 60))).await;
    until("it is read again", async || {
        (before < stranger.asked().len()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_calendar_blocks_is_neither_listed_nor_booked() {
    on_both(async |kind| {
        let (busy, free, booked) = (in_days(3), in_days(4), in_days(5));
        let text = calendar(&[&at(busy), &format!("{}\nTRANSP:TRANSPARENT", at(free)), &at(booked)]);
        let stranger = Stranger::new(move |_| ok(text.clone())).await;
        let app = app(kind, &stranger).await;
        let (specialist, dana) = dana(&app).await;
        let ada = app.user("ada");
        let early = ada.book("early", &hour(&specialist, booked)).await;
        assert!(early.status < 300, "{early:?}");
        until_status(&ada, early.id(), "confirmed").await;

        assert_eq!(dana.get(PATH).await.body, json!({"feeds": []}));
        dana.give_all(&stranger, &["/secret?token=secret#part"]).await;
        let feed = dana.until_status("fresh").await;
        let shown = stranger.url("").origin().ascii_serialization();
        assert_eq!(feed["url"], json!(shown), "the rest is secret");
        assert_eq!(stranger.asked()[0].path, "/secret?token=secret");

        assert_eq!(ada.listed(&specialist, &[busy, free]).await, [false, true]);
        let refused = ada.book("busy", &hour(&specialist, busy)).await;
        assert_eq!((refused.status, refused.error()), (422, "external_busy"), "{refused:?}");
        assert!(!refused.body["next_slots"].as_array().unwrap().is_empty());
        let fine = ada.book("free", &hour(&specialist, free)).await;
        assert!(fine.status < 300, "{fine:?}");
        // What was booked before stays.
        until_status(&ada, early.id(), "confirmed").await;

        let none = dana.put_feeds(json!([])).await;
        assert_eq!((none.status, none.body), (200, json!({"feeds": []})));
        assert_eq!(ada.listed(&specialist, &[busy]).await, [true], "free again at once");
        let at_last = ada.book("last", &hour(&specialist, busy)).await;
        assert!(at_last.status < 300, "{at_last:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_replaced_as_a_whole_and_the_same_list_changes_nothing() {
    on_both(async |kind| {
        let stranger = Stranger::new(|_| ok(calendar(&[]))).await;
        let app = app(kind, &stranger).await;
        let (_, dana) = dana(&app).await;
        let n_audited = async || {
            let these = audit::Entity::find().filter(audit::Column::Action.eq("busy_feeds.replace"));
            these.count(app.database.db.reader()).await.unwrap()
        };
        let ids = dana.give_all(&stranger, &["/a", "/b"]).await;
        assert_eq!(n_audited().await, 1);
        let again = dana
            .put_feeds(json!([{"id": ids[0]}, {"url": stranger.url("/b").as_str()}]))
            .await;
        assert_eq!(again.status, 200, "{again:?}");
        assert_eq!(n_audited().await, 1, "nothing has changed");
        let other = dana
            .put_feeds(json!([{"id": ids[1]}, {"url": stranger.url("/c").as_str()}]))
            .await;
        assert_eq!(other.body["feeds"][0]["id"], json!(ids[1]), "{other:?}");
        assert_ne!(other.body["feeds"][1]["id"], json!(ids[0]));
        assert_eq!(n_audited().await, 2);
        // No word of an address in the trail.
        let rows = audit::Entity::find().all(app.database.db.reader()).await.unwrap();
        assert!(!format!("{rows:?}").contains("127.0.0.1"));

        let cases = [
            (json!([{"id": ids[0]}]), "feeds.0.id"),
            (
                json!([{"url": stranger.url("/a").as_str()}, {"url": stranger.url("/a#b").as_str()}]),
                "feeds.1.url",
            ),
            (json!([{"url": "http://example.com/a"}]), "feeds.0.url"),
            (json!([{"url": "https://10.0.0.1/a"}]), "feeds.0.url"),
            (json!([{"url": "https://169.254.169.254/latest"}]), "feeds.0.url"),
            (json!([{"url": "https://[::1]/a"}]), "feeds.0.url"),
            (json!([{"url": "https://localhost/a"}]), "feeds.0.url"),
            (json!([{"url": "https://me:word@example.com/a"}]), "feeds.0.url"),
            (json!([{"url": "https://example.com:22/a"}]), "feeds.0.url"),
            (json!([{"url": "a calendar"}]), "feeds.0.url"),
            (json!([{}]), "feeds.0"),
            (json!([{"id": ids[1], "url": "https://example.com/a"}]), "feeds.0"),
            (json!([{}, {}, {}, {}, {}, {}]), "feeds"),
        ];
        for (feeds, field) in cases {
            let refused = dana.put_feeds(feeds.clone()).await;
            assert_eq!(
                (refused.status, refused.error()),
                (422, "invalid_request"),
                "{feeds}: {refused:?}"
            );
            assert_eq!(refused.body["errors"][0]["field"], field, "{feeds}: {refused:?}");
        }
        let kept: Vec<_> = dana.get(PATH).await.body["feeds"].as_array().unwrap().clone();
        assert_eq!(kept.len(), 2, "refused lists change nothing");
        let webcal = dana
            .put_feeds(json!([{"url": "webcal://calendar.example.com/a"}]))
            .await;
        assert_eq!(
            webcal.body["feeds"][0]["url"], "https://calendar.example.com",
            "{webcal:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_specialists_have_such_calendars_and_each_their_own() {
    let stranger = Stranger::new(|_| ok(calendar(&[]))).await;
    let app = app(Kind::Sqlite, &stranger).await;
    let (_, dana) = dana(&app).await;
    let ids = dana.give_all(&stranger, &["/a"]).await;
    app.specialist().login(app.id_of("eve")).create().await;
    let eve = specialist(&app, "eve");
    assert_eq!(eve.get(PATH).await.body, json!({"feeds": []}));
    let stolen = eve.put_feeds(json!([{"id": ids[0]}])).await;
    assert_eq!((stolen.status, stolen.error()), (422, "invalid_request"), "{stolen:?}");
    let client = app.user("ada");
    for answer in [client.get(PATH).await, client.put_feeds(json!([])).await] {
        assert_eq!(
            (answer.status, answer.error()),
            (403, "insufficient_permissions"),
            "{answer:?}"
        );
    }
    let nobody = specialist(&app, "nobody").get(PATH).await;
    assert_eq!(
        (nobody.status, nobody.error()),
        (404, "specialist_not_found"),
        "{nobody:?}"
    );
    let unknown = Answer::of(app.request(Method::GET, PATH)).await;
    assert_eq!(unknown.status, 401, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_down_blocks_what_it_said_last() {
    on_both(async |kind| {
        let (busy, moved) = (in_days(3), in_days(4));
        let (first, second) = (calendar(&[&at(busy)]), calendar(&[&at(moved)]));
        let etag = || ("ETag", "\"one\"".to_owned());
        let body = first.clone();
        let stranger = Stranger::new(move |asked| match asked.header("if-none-match") {
            Some("\"one\"") => Says::This(304, vec![etag()], Vec::new()),
            _ => Says::This(200, vec![etag()], body.clone().into_bytes()),
        })
        .await;
        let app = app(kind, &stranger).await;
        let (specialist, dana) = dana(&app).await;
        let ada = app.user("ada");
        let feed = dana.give_all(&stranger, &["/a"]).await[0];
        dana.until_status("fresh").await;

        // Nothing has changed, it says.
        read_again(&app, &stranger, feed).await;
        assert_eq!(
            stranger.asked().last().unwrap().header("if-none-match"),
            Some("\"one\"")
        );
        dana.until_status("fresh").await;
        assert_eq!(ada.listed(&specialist, &[busy, moved]).await, [false, true]);

        let bad = [
            (Says::This(500, Vec::new(), Vec::new()), "source_down"),
            (Says::This(404, Vec::new(), Vec::new()), "source_gone"),
            (
                Says::This(200, Vec::new(), b"<html>sign in</html>".to_vec()),
                "not_a_calendar",
            ),
            (Says::Half(first.into_bytes()), "broken_off"),
        ];
        let mut since = Value::Null;
        for (says, code) in bad {
            stranger.script(move |_| says.clone());
            read_again(&app, &stranger, feed).await;
            let feeds = dana.until_feeds(|feed| feed["failure"] == code).await;
            assert_eq!(feeds[0]["status"], "stale", "{feeds:?}");
            if since.is_string() {
                assert_eq!(feeds[0]["stale_since"], since, "since the first failure");
            }
            since = feeds[0]["stale_since"].clone();
            assert_eq!(ada.listed(&specialist, &[busy, moved]).await, [false, true], "{code}");
        }
        let refused = ada.book("busy", &hour(&specialist, busy)).await;
        assert_eq!((refused.status, refused.error()), (422, "external_busy"), "{refused:?}");

        stranger.script(move |_| ok(second.clone()));
        read_again(&app, &stranger, feed).await;
        let fresh = dana.until_status("fresh").await;
        assert!(fresh["failure"].is_null() && fresh["stale_since"].is_null(), "{fresh}");
        assert_eq!(
            ada.listed(&specialist, &[busy, moved]).await,
            [true, false],
            "what it says now"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_sources_are_found_out_and_keep_nobody_waiting() {
    on_both(async |kind| {
        let inside = Stranger::new(|_| ok(calendar(&[]))).await;
        let secret = inside.url("/secret").to_string();
        let bomb = calendar(&["DTSTART:20200101T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"]);
        let stranger = Stranger::new(move |asked| match asked.path.as_str() {
            "/endless" => Says::Endless(b"BEGIN:VCALENDAR\r\n".repeat(1_000)),
            "/drip" => Says::Drip(b"BEGIN:VCALENDAR\r\n".to_vec()),
            "/bomb" => ok(bomb.clone()),
            "/inside" => Says::This(302, vec![("Location", secret.clone())], Vec::new()),
            _ => Says::This(
                200,
                vec![("Content-Type", "image/png".to_owned())],
                vec![0xff, 0xfe, 0, 0x80],
            ),
        })
        .await;
        let app = app(kind, &stranger).await;
        let (specialist, dana) = dana(&app).await;
        let feeds = ["/endless", "/drip", "/bomb", "/inside", "/garbage"]
            .map(|path| json!({"url": stranger.url(path).as_str()}));
        let given = Moment::now();
        assert_eq!(dana.put_feeds(json!(feeds)).await.status, 200);
        until("one is being read", async || {
            (!stranger.asked().is_empty()).then_some(())
        })
        .await;
        // Meanwhile, life goes on.
        let ada = app.user("ada");
        let begun = Moment::now();
        let booked = ada.book("k", &hour(&specialist, in_days(3))).await;
        assert!(booked.status < 300, "{booked:?}");
        until_status(&ada, booked.id(), "confirmed").await;
        let booked_after = begun.elapsed();
        let found = dana.until_feeds(|feed| feed["failure"].is_string()).await;
        eprintln!(
            "{kind}: booked after {booked_after:?}, all found out after {:?}",
            given.elapsed()
        );
        let codes: Vec<_> = found.iter().map(|feed| feed["failure"].as_str().unwrap()).collect();
        assert_eq!(
            codes,
            ["too_long", "timed_out", "too_complex", "not_https", "not_a_calendar"]
        );
        assert!(found.iter().all(|feed| feed["status"] == "never_read"));
        assert_eq!(inside.asked(), [], "nobody inside was called");
        assert_eq!(ada.listed(&specialist, &[in_days(4)]).await, [true]);
    })
    .await;
}

/// A calendar is read, though the worker dies there.
async fn dies_at(point: &str) {
    let busy = in_days(3);
    let text = calendar(&[&at(busy)]);
    let stranger = Stranger::new(move |_| ok(text.clone())).await;
    let setup = Setup {
        reach: stranger.reach(),
        idle: true,
        ..Default::default()
    };
    let app = TestApp::before(World::with(Kind::Postgres, setup).await).await;
    let (specialist, dana) = dana(&app).await;
    let reach = stranger.address().to_string();
    let more = [("WEBHOOK_ALLOW_PRIVATE", reach.as_str())];
    let mut dying = worker(&app.world, Some(point), &more);
    let feeds = dana.put_feeds(json!([{"url": stranger.url("/a").as_str()}])).await;
    assert_eq!(feeds.status, 200, "{feeds:?}");
    until("it died", async || dying.has_ended().then_some(())).await;
    let _successor = worker(&app.world, None, &more);
    dana.until_status("fresh").await;
    assert_eq!(app.user("ada").listed(&specialist, &[busy]).await, [false], "{point}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_reads_leaves_it_to_the_next() {
    tokio::join!(
        dies_at("busy_feeds.read:before"),
        dies_at("busy_feeds.hear:after_effect"),
        dies_at("busy_feeds.read:after_effect"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_free_goes_to_those_who_wait() {
    let day = in_days(3).unix_seconds().div_euclid(86_400);
    let start = Instant::from_unix_seconds(day * 86_400 + 10 * 3_600);
    let text = calendar(&[&at(start)]);
    let stranger = Stranger::new(move |_| ok(text.clone())).await;
    let app = app(Kind::Postgres, &stranger).await;
    let builder = app.specialist().open("10:00-11:00").sessions(60, 60);
    let specialist_row = builder.login(app.id_of("dana")).create().await;
    let dana = specialist(&app, "dana");
    let feed = dana.give_all(&stranger, &["/a"]).await[0];
    dana.until_status("fresh").await;
    let ada = app.user("ada");
    let wish = json!({
        "specialist_id": specialist_row.id, "duration_minutes": 60,
        "from": start.plus_minutes(-60), "to": start.plus_minutes(60),
    });
    let place = until("an answer other than 503", async || {
        let answer = Answer::of(ada.request(Method::POST, "/api/waitlist").json(&wish)).await;
        (answer.status != 503).then_some(answer)
    })
    .await;
    assert_eq!(place.status, 201, "{place:?}");
    stranger.script(|_| ok(calendar(&[])));
    read_again(&app, &stranger, feed).await;
    until("it is offered", async || {
        let list = ada.get("/api/waitlist").await;
        (list.body["items"][0]["status"] == "offered").then_some(())
    })
    .await;
}
