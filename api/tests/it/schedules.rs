//! Opening hours: changed by their specialist and by those who run the place, seen at once by those who book.

use crate::app::{Answer, Caller, TestApp, hour, in_days, on_both, until_status};
use activities::testing::{
    database::Kind,
    people::TestSpecialist,
    wait::until,
    world::{PUBLIC_URL, Setup, World},
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use reqwest::Method;
use serde_json::{Value, json};
use workflows::{ids::UserId, time::Instant};

const OWN: &str = "/api/specialist/schedule";

/// An app without a worker: nothing is booked in it.
async fn without_a_worker(kind: Kind) -> TestApp {
    let setup = Setup::idle();
    TestApp::before(World::with(kind, setup).await).await
}

/// Dana, open day and night, and her login.
async fn dana(app: &TestApp) -> (TestSpecialist, Caller<'_>) {
    let caller = app.role("dana", "specialist");
    caller.sign_in().await;
    let specialist = app
        .specialist()
        .login(UserId(app.issuer.subject("dana")))
        .create()
        .await;
    (specialist, caller)
}

/// The same hours on every day.
fn schedule(windows: Value) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let weekly: serde_json::Map<_, _> = days.iter().map(|day| ((*day).to_owned(), windows.clone())).collect();
    json!({
        "time_zone": "UTC", "weekly": weekly, "minimum_notice_minutes": 0, "booking_window_days": null,
        "book_until": null, "max_per_day": null, "max_per_week": null, "cancel_notice_minutes": 1440,
        "reschedule_notice_minutes": 1440, "max_reschedules": null, "hold_minutes": 10,
    })
}

async fn put(caller: &Caller<'_>, path: &str, body: &Value, seen: Option<&str>) -> Answer {
    let request = caller.request(Method::PUT, path).json(body);
    Answer::of(match seen {
        Some(seen) => request.header("If-Match", seen),
        None => request,
    })
    .await
}

async fn delete(caller: &Caller<'_>, path: &str) -> Answer {
    Answer::of(caller.request(Method::DELETE, path)).await
}

fn day(days: i64) -> Date {
    let tomorrow = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    tomorrow.saturating_add(days.days())
}

/// The starts of that day, as `HH:MM` in UTC.
async fn starts(caller: &Caller<'_>, specialist: &TestSpecialist, date: Date) -> Vec<String> {
    let next = date.tomorrow().unwrap();
    let path = format!(
        "/api/specialists/{}/availability?from={date}T00:00:00Z&to={next}T00:00:00Z&time_zone=UTC&duration_minutes=60",
        specialist.id
    );
    let answer = caller.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let slots = answer.body["days"].as_array().unwrap().iter();
    let slots = slots.flat_map(|day| day["slots"].as_array().unwrap());
    slots
        .map(|slot| slot["starts_at"].as_str().unwrap()[11..16].to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_hours_are_seen_at_once_and_put_on_record() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let (specialist, dana) = dana(&app).await;
        let ada = app.user("ada");
        assert_eq!(starts(&ada, &specialist, day(3)).await.len(), 4 * 24);
        let found = dana.get(OWN).await;
        assert_eq!((found.status, found.header("etag")), (200, "\"1\""));
        assert_eq!(found.body, schedule(json!([["00:00", "24:00"]])));

        let wanted = schedule(json!([["09:00", "10:15"], ["23:00", "24:00"]]));
        let request = dana.request(Method::PUT, OWN).json(&wanted);
        let written = Answer::of(request.header("X-Request-ID", "new-hours")).await;
        assert_eq!((written.status, written.header("etag")), (200, "\"2\""), "{written:?}");
        assert_eq!(written.body, wanted);
        assert_eq!(starts(&ada, &specialist, day(3)).await, ["09:00", "09:15", "23:00"]);
        assert_eq!(app.acts(specialist.id).await, ["schedule.put specialist weekly"]);
        let admin = app.role("root", "admin");
        let trail = admin
            .get(&format!("/api/admin/audit?target_id={}", specialist.id))
            .await
            .body;
        assert_eq!(trail["items"][0]["request_id"], "new-hours", "{trail}");
        assert_eq!(trail["items"][0]["actor_id"], app.issuer.subject("dana").to_string());

        // What is so already is not changed.
        let again = put(&dana, OWN, &wanted, Some("\"2\"")).await;
        assert_eq!((again.status, again.header("etag")), (200, "\"2\""));
        let late = put(&dana, OWN, &schedule(json!([])), Some("\"1\"")).await;
        assert_eq!((late.status, late.error()), (412, "version_mismatch"));
        let known = Answer::of(dana.request(Method::GET, OWN).header("If-None-Match", "\"2\"")).await;
        assert_eq!(known.status, 304);
        assert_eq!(app.acts(specialist.id).await.len(), 1);

        // The clock of the same hours is another one's.
        let mut moved = wanted.clone();
        moved["time_zone"] = json!("Asia/Kathmandu");
        moved["max_per_day"] = json!(2);
        let written = put(&dana, OWN, &moved, Some("\"2\"")).await;
        assert_eq!((written.status, written.header("etag")), (200, "\"3\""));
        assert_eq!(starts(&ada, &specialist, day(3)).await, ["03:15", "03:30", "17:15"]);
        let acts = app.acts(specialist.id).await;
        assert_eq!(acts[1..], ["schedule.put specialist max_per_day,time_zone"]);
        let shown = ada.get(&format!("/api/specialists/{}", specialist.id)).await;
        assert_eq!(shown.body["time_zone"], "Asia/Kathmandu");

        // Whoever runs the place does the same for anybody.
        let path = format!("/api/admin/specialists/{}/schedule", specialist.id);
        assert_eq!(admin.get(&path).await.body, moved);
        assert_eq!(put(&admin, &path, &wanted, Some("\"3\"")).await.status, 200);
        assert_eq!(starts(&ada, &specialist, day(3)).await, ["09:00", "09:15", "23:00"]);
        let acts = app.acts(specialist.id).await;
        assert_eq!(acts[2..], ["schedule.put admin max_per_day,time_zone"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_have_hours_of_their_own() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let (specialist, dana) = dana(&app).await;
        let (ada, admin) = (app.user("ada"), app.role("root", "admin"));
        let own = |date: Date| format!("/api/specialist/overrides/{date}");
        let [third, fourth, fifth] = [3, 4, 5].map(day);
        let short = json!({"windows": [["10:00", "11:00"]]});
        let off = json!({"windows": []});
        let answer = put(&dana, &own(third), &short, None).await;
        assert_eq!(
            (answer.status, &answer.body["windows"]),
            (200, &short["windows"]),
            "{answer:?}"
        );
        assert_eq!(put(&dana, &own(third), &short, None).await.status, 200);
        assert_eq!(put(&dana, &own(fifth), &off, None).await.status, 200);
        let anybodys = format!("/api/admin/specialists/{}/overrides", specialist.id);
        let path = format!("{anybodys}/{fourth}");
        assert_eq!(put(&admin, &path, &off, None).await.status, 200);
        assert_eq!(starts(&ada, &specialist, third).await, ["10:00"]);
        assert_eq!(starts(&ada, &specialist, fourth).await, [""; 0]);

        let dates = |answer: &Answer| -> Vec<String> {
            let items = answer.body["items"].as_array().unwrap().iter();
            items.map(|item| item["date"].as_str().unwrap().to_owned()).collect()
        };
        let all = [third, fourth, fifth].map(|date| date.to_string());
        let list = dana.get("/api/specialist/overrides").await;
        assert_eq!(dates(&list), all);
        assert_eq!(list.body["next_cursor"], Value::Null);
        let some = dana
            .get(&format!("/api/specialist/overrides?from={}&to={}", all[1], all[1]))
            .await;
        assert_eq!(dates(&some), all[1..2]);
        let page = admin.get(&format!("{anybodys}?limit=2")).await;
        assert_eq!(dates(&page), all[..2]);
        let cursor = page.body["next_cursor"].as_str().unwrap();
        let rest = admin.get(&format!("{anybodys}?limit=2&cursor={cursor}")).await;
        assert_eq!(dates(&rest), all[2..]);

        for _ in 0..2 {
            assert_eq!(delete(&dana, &own(third)).await.status, 204);
        }
        assert_eq!(delete(&admin, &path).await.status, 204);
        assert_eq!(starts(&ada, &specialist, third).await.len(), 4 * 24);
        let changed = "date,windows";
        assert_eq!(
            app.acts(specialist.id).await,
            [
                format!("override.put specialist {changed}"),
                format!("override.put specialist {changed}"),
                format!("override.put admin {changed}"),
                format!("override.delete specialist {changed}"),
                format!("override.delete admin {changed}"),
            ]
        );
        for bad in ["2026-02-30", "tomorrow", "20260601"] {
            let answer = put(&dana, &format!("/api/specialist/overrides/{bad}"), &off, None).await;
            assert_eq!(answer.status, 404, "{bad}: {answer:?}");
        }
    })
    .await;
}

/// What a request is told to be wrong with it.
fn wrong(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, answer.error()), (422, "invalid_request"), "{answer:?}");
    let errors = answer.body["errors"].as_array().unwrap().iter();
    let mut fields: Vec<_> = errors
        .map(|error| {
            format!(
                "{} {}",
                error["field"].as_str().unwrap(),
                error["code"].as_str().unwrap()
            )
        })
        .collect();
    fields.sort_unstable();
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = without_a_worker(Kind::Sqlite).await;
    let (specialist, dana) = dana(&app).await;
    let body = json!({
        "time_zone": "Mars/Olympus", "weekly": {
            "mon": [["09:00", "12:00"], ["11:00", "13:00"]], "tue": [["13:00", "14:00"], ["09:00", "10:00"]],
            "wed": [["10:00", "10:00"]], "thu": [["10:00", "24:01"]], "fri": ["10:00"], "sat": [], "someday": [],
        },
        "minimum_notice_minutes": -1, "booking_window_days": 5000, "book_until": "2026-02-30", "max_per_day": -1,
        "max_per_week": 1.5, "cancel_notice_minutes": 525_601, "max_reschedules": "often", "hold_minutes": 0,
        "colour": "red",
    });
    assert_eq!(
        wrong(&put(&dana, OWN, &body, None).await),
        [
            "book_until invalid",
            "booking_window_days invalid",
            "cancel_notice_minutes invalid",
            "colour unknown",
            "hold_minutes invalid",
            "max_per_day invalid",
            "max_per_week invalid",
            "max_reschedules invalid",
            "minimum_notice_minutes invalid",
            "reschedule_notice_minutes missing",
            "time_zone invalid",
            "weekly.fri invalid",
            "weekly.mon invalid",
            "weekly.someday unknown",
            "weekly.thu invalid",
            "weekly.tue invalid",
            "weekly.wed invalid",
        ]
    );
    let path = format!("/api/specialist/overrides/{}", day(2));
    let overlapping = json!({"windows": [["09:00", "12:00"], ["11:59", "13:00"]]});
    assert_eq!(wrong(&put(&dana, &path, &overlapping, None).await), ["windows invalid"]);
    assert_eq!(wrong(&put(&dana, &path, &json!({}), None).await), ["windows missing"]);
    let cursor = dana.get("/api/specialist/overrides?cursor=nonsense").await;
    assert_eq!(wrong(&cursor), ["cursor invalid"]);
    assert_eq!(app.acts(specialist.id).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_whose_it_is() {
    let app = without_a_worker(Kind::Sqlite).await;
    let (specialist, dana) = dana(&app).await;
    let (ada, admin, other) = (
        app.user("ada"),
        app.role("root", "admin"),
        app.role("eve", "specialist"),
    );
    let anybodys = format!("/api/admin/specialists/{}", specialist.id);
    let hours = schedule(json!([]));
    let off = json!({"windows": []});
    let date = day(2);
    for (method, path, body) in [
        (Method::GET, OWN.to_owned(), None),
        (Method::PUT, OWN.to_owned(), Some(&hours)),
        (Method::GET, "/api/specialist/overrides".to_owned(), None),
        (Method::PUT, format!("/api/specialist/overrides/{date}"), Some(&off)),
        (Method::DELETE, format!("/api/specialist/overrides/{date}"), None),
        (Method::GET, "/api/specialist/sessions".to_owned(), None),
        (Method::GET, "/api/specialist/calendar-feed".to_owned(), None),
        (Method::POST, "/api/specialist/calendar-feed/rotate".to_owned(), None),
        (Method::GET, format!("{anybodys}/schedule"), None),
        (Method::PUT, format!("{anybodys}/schedule"), Some(&hours)),
        (Method::GET, format!("{anybodys}/overrides"), None),
        (Method::PUT, format!("{anybodys}/overrides/{date}"), Some(&off)),
        (Method::DELETE, format!("{anybodys}/overrides/{date}"), None),
    ] {
        let send = async |caller: Option<&Caller<'_>>| {
            let request = match caller {
                Some(caller) => caller.request(method.clone(), &path),
                None => app.request(method.clone(), &path),
            };
            let answer = Answer::of(match body {
                Some(body) => request.json(body),
                None => request,
            })
            .await;
            (answer.status, answer.error().to_owned())
        };
        let is = |status: u16, error: &str| (status, error.to_owned());
        let what = format!("{method} {path}");
        assert_eq!(send(None).await, is(401, "invalid_token"), "{what}");
        assert_eq!(send(Some(&ada)).await, is(403, "insufficient_permissions"), "{what}");
        if path.starts_with("/api/admin") {
            assert_eq!(send(Some(&dana)).await, is(403, "insufficient_permissions"), "{what}");
        } else {
            assert_eq!(send(Some(&admin)).await, is(403, "insufficient_permissions"), "{what}");
            // In the role, and nobody we know.
            assert_eq!(send(Some(&other)).await, is(404, "specialist_not_found"), "{what}");
        }
    }
    let nobody = "/api/admin/specialists/00000000-0000-4000-8000-000000000000";
    for (method, path, body) in [
        (Method::GET, "schedule".to_owned(), None),
        (Method::PUT, "schedule".to_owned(), Some(&hours)),
        (Method::GET, "overrides".to_owned(), None),
        (Method::PUT, format!("overrides/{date}"), Some(&off)),
        (Method::DELETE, format!("overrides/{date}"), None),
    ] {
        let request = admin.request(method, &format!("{nobody}/{path}"));
        let answer = Answer::of(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await;
        assert_eq!((answer.status, answer.error()), (404, "specialist_not_found"), "{path}");
    }
    assert_eq!(app.acts(specialist.id).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_booked_stays_and_who_waits_is_offered_what_opens() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, ben) = (app.user("ada"), app.user("ben"));
        let dana = app.role("dana", "specialist");
        dana.sign_in().await;
        let login = UserId(app.issuer.subject("dana"));
        let specialist = app.specialist().open("09:00-10:00").login(login).create().await;
        let other = app.specialist().create().await;
        let start: Instant = format!("{}T09:00:00Z", day(3)).parse().unwrap();
        let booked = ada.book("k1", &hour(&specialist, start)).await;
        assert_eq!(booked.status, 202, "{booked:?}");
        assert_eq!(ada.book("k2", &hour(&other, in_days(9))).await.status, 202);
        until_status(&ada, booked.id(), "confirmed").await;
        // Nothing more happens to it while two look at it, one after the other.
        app.until_event(booked.session(), "confirmation_mail:sent", 2).await;

        // Every session that she gives, and nobody else's.
        let given = dana.get("/api/specialist/sessions?status=confirmed").await;
        assert_eq!(given.body["items"].as_array().unwrap().len(), 1, "{given:?}");
        assert_eq!(given.body["items"][0]["id"], booked.id());
        assert_eq!(
            given.body["items"][0],
            ada.get(&format!("/api/sessions/{}", booked.id())).await.body
        );
        let later = format!("/api/specialist/sessions?from={}", start.plus_minutes(1));
        assert_eq!(dana.get(&later).await.body["items"], json!([]));

        let waits = json!({
            "specialist_id": specialist.id, "duration_minutes": 60,
            "from": start, "to": start.plus_minutes(600),
        });
        let waiting = ben.give(Method::POST, "/api/waitlist", Some(waits)).await;
        assert_eq!(waiting.status, 201, "{waiting:?}");
        let wanted = schedule(json!([["12:00", "13:00"]]));
        assert_eq!(put(&dana, OWN, &wanted, None).await.status, 200);
        let offered = until("what opened is offered", async || {
            let list = ben.get("/api/waitlist").await.body;
            (list["items"][0]["status"] == "offered").then(|| list["items"][0]["offer"].clone())
        })
        .await;
        assert_eq!(offered["starts_at"], start.plus_minutes(180).to_string());

        // Outside of the hours by now, and still to take place.
        let session = ada.get(&format!("/api/sessions/{}", booked.id())).await;
        assert_eq!(session.body["status"], "confirmed");
        assert_eq!(session.body["starts_at"], start.to_string());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_specialist_has_a_feed_of_what_they_give() {
    let app = TestApp::new(Kind::Sqlite).await;
    let (specialist, dana) = dana(&app).await;
    let ada = app.user("ada");
    let booked = ada.book("k1", &hour(&specialist, in_days(2))).await;
    until_status(&ada, booked.id(), "confirmed").await;
    let path = async |method: Method, path: &str| {
        let answer = Answer::of(dana.request(method, path)).await;
        let url = answer.body["url"].as_str().unwrap();
        url.strip_prefix(PUBLIC_URL).unwrap().to_owned()
    };
    let read = async |path: &str| {
        let response = app.request(Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let given = path(Method::GET, "/api/specialist/calendar-feed").await;
    let own = path(Method::GET, "/api/user/calendar-feed").await;
    assert_ne!(given, own);
    let uid = format!("UID:{}@", booked.id());
    assert!(read(&given).await.1.contains(&uid));
    assert!(
        !read(&own).await.1.contains(&uid),
        "she gives it, and has not booked it"
    );
    let next = path(Method::POST, "/api/specialist/calendar-feed/rotate").await;
    assert_eq!(read(&given).await.0, 404);
    assert!(read(&next).await.1.contains(&uid));
    assert_eq!(read(&own).await.0, 200, "the other feed has its own address");
    let acts = app.acts(app.issuer.subject("dana")).await;
    assert_eq!(acts, ["calendar_feed.rotate specialist generation"]);
}
