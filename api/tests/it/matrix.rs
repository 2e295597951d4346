//! Who may do what: every route of the contract, asked by everybody.
//!
//! A new route is a new line in [`TABLE`]; without one the first test fails.

use crate::app::{Caller, TestApp, hour, in_days, on_both, until_status};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};
use workflows::time::Instant;

/// Those who ask, in this order; all but the first with a token that is good.
pub const WHO: [&str; 6] = [
    "nobody",
    "owner",
    "another user",
    "its specialist",
    "another specialist",
    "admin",
];

/// A route; what its parameters stand for ([`scene`]); query or body, in which `$name` is a thing of the scene; what each
/// of [`WHO`] is answered. Lines are tried from top to bottom in one world, so what ends a thing comes last.
pub type Line = (&'static str, &'static str, &'static str, [u16; 6]);

/// A command that is well-formed and comes at the wrong time is 409 for those who may give it.
#[rustfmt::skip] // one line a route
pub const TABLE: &[Line] = &[
    // route                                          {…}          query or body                          nobody owner other its-sp other-sp admin
    ("GET /health",                                   "",           "",                                    [200, 200, 200, 200, 200, 200]),
    ("GET /ready",                                    "",           "",                                    [200, 200, 200, 200, 200, 200]),

    ("GET /api/specialists",                          "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("GET /api/specialists/{id}",                     "specialist", "",                                    [401, 200, 200, 200, 200, 200]),
    ("GET /api/specialists/{id}/availability",        "specialist", "?from=$from&to=$to&duration_minutes=60", [401, 200, 200, 200, 200, 200]),
    ("GET /api/specialists/{id}/availability/explain", "specialist", "?at=$from&duration_minutes=60",      [401, 403, 403, 200, 403, 200]),
    ("GET /api/reviews/{specialist_id}",              "specialist", "",                                    [401, 200, 200, 200, 200, 200]),

    // A slot that is gone: whoever asks for it may ask.
    ("POST /api/sessions",                            "",           r#"{"specialist_id": "$specialist", "starts_at": "$taken", "duration_minutes": 60}"#, [401, 409, 409, 409, 409, 409]),
    ("GET /api/sessions",                             "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("GET /api/sessions/{id}",                        "session",    "",                                    [401, 200, 404, 200, 404, 200]),
    ("GET /api/sessions/{id}/progress",               "session",    "",                                    [401, 200, 404, 200, 404, 200]),
    ("GET /api/sessions/{id}/events",                 "session",    "",                                    [401, 200, 404, 200, 404, 200]),
    ("GET /api/sessions/{id}/calendar.ics",           "session",    "",                                    [401, 200, 404, 200, 404, 200]),
    ("PUT /api/sessions/{id}",                        "session",    r#"{"notes": "by the way"}"#,          [401, 200, 404, 200, 404, 403]),
    ("POST /api/sessions/{id}/confirm",               "session",    "",                                    [401, 200, 404, 403, 404, 403]),
    ("POST /api/sessions/{id}/no-show",               "session",    "",                                    [401, 403, 404, 409, 404, 403]),
    ("POST /api/sessions/{id}/review",                "session",    r#"{"rating": 5, "text": "good"}"#,    [401, 409, 404, 403, 404, 403]),
    ("DELETE /api/sessions/{id}",                     "session",    "",                                    [401, 200, 404, 200, 404, 200]),

    ("GET /api/series/{id}",                          "series",     "",                                    [401, 200, 404, 404, 404, 404]),
    ("DELETE /api/series/{id}",                       "series",     "",                                    [401, 200, 404, 404, 404, 404]),

    ("POST /api/waitlist",                            "",           r#"{"specialist_id": "$nobody", "duration_minutes": 60, "from": "$from", "to": "$to"}"#, [401, 404, 404, 404, 404, 404]),
    ("GET /api/waitlist",                             "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("DELETE /api/waitlist/{id}",                     "entry",      "",                                    [401, 200, 404, 404, 404, 404]),

    // The link is the authority, and this is none: `waitlist.rs` has good ones.
    ("GET /api/offers/{token}",                       "nobody",     "",                                    [404, 404, 404, 404, 404, 404]),
    ("POST /api/offers/{token}",                      "nobody",     r#"{"accept": true}"#,                 [404, 404, 404, 404, 404, 404]),

    ("GET /feeds/{token}",                            "feed",       "",                                    [200, 200, 200, 200, 200, 200]),
    ("GET /api/user/calendar-feed",                   "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("POST /api/user/calendar-feed/rotate",           "",           "",                                    [401, 200, 200, 200, 200, 200]),
    // Rotated by its owner, it opens nothing any more.
    ("GET /feeds/{token}",                            "feed",       "",                                    [404, 404, 404, 404, 404, 404]),

    ("GET /api/user/profile",                         "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("PUT /api/user/profile",                         "",           r#"{"name": "Ada"}"#,                  [401, 200, 200, 200, 200, 200]),
    ("GET /api/user/export",                          "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("PUT /api/user/devices/{token}",                 "nobody",     r#"{"platform": "ios"}"#,              [401, 200, 200, 200, 200, 200]),
    ("DELETE /api/user/devices/{token}",              "nobody",     "",                                    [401, 204, 204, 204, 204, 204]),
    ("GET /api/specialist/schedule",                    "",           "",                                    [401, 403, 403, 200, 200, 403]),
    ("PUT /api/specialist/schedule",                    "",           r#"{"time_zone": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "minimum_notice_minutes": 0, "cancel_notice_minutes": 0, "reschedule_notice_minutes": 0, "hold_minutes": 15}"#, [401, 403, 403, 200, 200, 403]),
    ("GET /api/specialist/overrides",                   "",           "",                                    [401, 403, 403, 200, 200, 403]),
    ("PUT /api/specialist/overrides/{date}",            "date",       r#"{"windows": [["10:00", "12:00"]]}"#, [401, 403, 403, 200, 200, 403]),
    ("DELETE /api/specialist/overrides/{date}",         "date",       "",                                    [401, 403, 403, 204, 204, 403]),
    ("GET /api/specialist/sessions",                    "",           "",                                    [401, 403, 403, 200, 200, 403]),
    ("GET /api/specialist/calendar-feed",               "",           "",                                    [401, 403, 403, 200, 200, 403]),
    ("POST /api/specialist/calendar-feed/rotate",       "",           "",                                    [401, 403, 403, 200, 200, 403]),
    ("GET /api/specialist/busy-feeds",                  "",           "",                                    [401, 403, 403, 200, 200, 403]),
    ("PUT /api/specialist/busy-feeds",                  "",           r#"{"feeds": []}"#,                    [401, 403, 403, 200, 200, 403]),

    ("GET /api/admin/specialists",                      "",           "",                                    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/specialists",                     "",           r#"{"id": "$nobody", "name": "Somebody New", "email": "new@specialists.test", "time_zone": "Europe/Berlin"}"#, [401, 403, 403, 403, 403, 201]),
    ("GET /api/admin/specialists/{id}",                 "nobody",     "",                                    [401, 403, 403, 403, 403, 200]),
    ("PUT /api/admin/specialists/{id}",                 "nobody",     r#"{"id": "$nobody", "name": "Somebody New", "email": "new@specialists.test", "time_zone": "Europe/Berlin"}"#, [401, 403, 403, 403, 403, 200]),
    ("GET /api/admin/specialists/{id}/services",        "nobody",     "",                                    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/specialists/{id}/services",       "nobody",     r#"{"id": "$service", "name": "Something", "duration_minutes": 30, "price": {"amount_minor": 100, "currency": "EUR"}}"#, [401, 403, 403, 403, 403, 201]),
    ("PUT /api/admin/specialists/{id}/services/{service_id}", "nobody service", r#"{"id": "$service", "name": "Something", "duration_minutes": 30, "price": {"amount_minor": 100, "currency": "EUR"}}"#, [401, 403, 403, 403, 403, 200]),
    ("DELETE /api/admin/specialists/{id}/services/{service_id}", "nobody service", "",                                    [401, 403, 403, 403, 403, 200]),
    ("GET /api/admin/specialists/{id}/schedule",        "nobody",     "",                                    [401, 403, 403, 403, 403, 200]),
    ("PUT /api/admin/specialists/{id}/schedule",        "nobody",     r#"{"time_zone": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "minimum_notice_minutes": 0, "cancel_notice_minutes": 0, "reschedule_notice_minutes": 0, "hold_minutes": 15}"#, [401, 403, 403, 403, 403, 200]),
    ("GET /api/admin/specialists/{id}/overrides",       "nobody",     "",                                    [401, 403, 403, 403, 403, 200]),
    ("PUT /api/admin/specialists/{id}/overrides/{date}", "nobody date", r#"{"windows": [["10:00", "12:00"]]}"#, [401, 403, 403, 403, 403, 200]),
    ("DELETE /api/admin/specialists/{id}/overrides/{date}", "nobody date", "",                                    [401, 403, 403, 403, 403, 204]),
    ("DELETE /api/admin/specialists/{id}",              "nobody",     "",                                    [401, 403, 403, 403, 403, 200]),

    ("GET /api/user/feature-flags",                     "",           "",                                    [401, 200, 200, 200, 200, 200]),
    ("GET /api/admin/feature-flags",                    "",           "",                                    [401, 403, 403, 403, 403, 200]),
    ("PUT /api/admin/feature-flags/{name}",             "flag",       r#"{"enabled": true, "percentage": 100}"#, [401, 403, 403, 403, 403, 200]),
    ("DELETE /api/admin/feature-flags/{name}",          "flag",       "",                                    [401, 403, 403, 403, 403, 204]),
    ("GET /api/admin/audit",                            "",           "",                                    [401, 403, 403, 403, 403, 200]),

    // The library has no text that is shown.
    ("GET /api/daily-insights",                         "",           "",                                    [401, 404, 404, 404, 404, 404]),
    ("GET /api/admin/insight-texts",                    "",           "",                                    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/insight-texts",                   "",           r#"{"language": "en", "text": "Be kind."}"#, [401, 403, 403, 403, 403, 201]),
    ("PUT /api/admin/insight-texts/{id}",               "text",       r#"{"language": "en", "text": "Be kind."}"#, [401, 403, 403, 403, 403, 200]),
    ("DELETE /api/admin/insight-texts/{id}",            "text",       "",                                    [401, 403, 403, 403, 403, 200]),
    ("GET /api/admin/reports",                          "",           "",                                    [401, 403, 403, 403, 403, 200]),
    ("GET /api/admin/reports/{date}",                   "yesterday",  "",                                    [401, 403, 403, 403, 403, 200]),

    ("GET /api/admin/webhooks",                         "",           "",                                    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/webhooks",                        "",           r#"{"url": "https://other.hooks.invalid/"}"#, [401, 403, 403, 403, 403, 201]),
    ("GET /api/admin/webhooks/{id}",                    "webhook",    "",                                    [401, 403, 403, 403, 403, 200]),
    ("PUT /api/admin/webhooks/{id}",                    "webhook",    r#"{"description": "for a test"}"#,    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/webhooks/{id}/rotate-secret",     "webhook",    "",                                    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/webhooks/{id}/enable",            "webhook",    "",                                    [401, 403, 403, 403, 403, 200]),
    ("GET /api/admin/webhooks/{id}/deliveries",         "webhook",    "",                                    [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/webhooks/{id}/replay",            "webhook",    r#"{}"#,                               [401, 403, 403, 403, 403, 200]),
    ("POST /api/admin/webhooks/{id}/test",              "webhook",    "",                                    [401, 403, 403, 403, 403, 200]),
    ("DELETE /api/admin/webhooks/{id}",                 "webhook",    "",                                    [401, 403, 403, 403, 403, 204]),

    // Others rely on a specialist; everybody else goes, and their tokens open nothing any more.
    ("DELETE /api/user/account",                      "",           "",                                    [401, 202, 202, 409, 409, 202]),
    ("DELETE /api/user/account",                      "",           "",                                    [401, 202, 202, 409, 409, 202]),
    ("GET /api/user/profile",                         "",           "",                                    [401, 401, 401, 200, 200, 401]),
];

#[test]
fn every_route_has_its_line() {
    let contract: Value = serde_json::from_str(&api::openapi::document()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, operations) in contract["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let named: BTreeSet<_> = TABLE.iter().map(|(route, ..)| (*route).to_owned()).collect();
    let missing: Vec<_> = routes.difference(&named).collect();
    let gone: Vec<_> = named.difference(&routes).collect();
    assert!(missing.is_empty(), "add a line for each to TABLE: {missing:#?}");
    assert!(gone.is_empty(), "no such route: {gone:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_is_theirs() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let callers = callers(&app);
        let things = scene(&app, &callers).await;
        let mut wrong = Vec::new();
        for line in TABLE {
            let (route, _, _, expected) = line;
            for ((who, caller), expected) in WHO.iter().zip(&callers).zip(expected) {
                let (status, error) = ask(&app, caller.as_ref(), line, &things).await;
                let fits = match status {
                    401 => error == "invalid_token",
                    403 => error == "insufficient_permissions",
                    404 => error.ends_with("_not_found"),
                    _ => true,
                };
                if status != *expected || !fits {
                    wrong.push(format!("{route} by {who}: {status} {error}, not {expected}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    })
    .await;
}

/// Each of [`WHO`].
pub fn callers(app: &TestApp) -> [Option<Caller<'_>>; 6] {
    let named = |name: &str, roles: &[&str]| Some(app.user_with(name, roles));
    [
        None,
        named("owner", &["user"]),
        named("other", &["user"]),
        named("own specialist", &["user", "specialist"]),
        named("other specialist", &["user", "specialist"]),
        named("admin", &["user", "admin"]),
    ]
}

/// What the lines speak of, by name.
pub type Things = BTreeMap<&'static str, String>;

/// A specialist with a login, and things of the owner with them.
pub async fn scene(app: &TestApp, callers: &[Option<Caller<'_>>; 6]) -> Things {
    let [_, Some(owner), _, _, _, Some(admin)] = callers else {
        unreachable!("they are who `callers` says");
    };
    let (own, other) = (app.id_of("own specialist"), app.id_of("other specialist"));
    let specialist = app.specialist().login(own).create().await;
    app.specialist().login(other).create().await;

    let taken = in_days(3);
    let session = owner.book("session", &hour(&specialist, taken)).await;
    until_status(owner, session.id(), "confirmed").await;
    let mut weekly = hour(&specialist, in_days(4));
    weekly["recurrence"] = json!({"every_weeks": 1, "count": 2, "mode": "all_or_nothing"});
    let series = owner.book("series", &weekly).await;
    assert_eq!(series.status, 202, "{series:?}");
    let wait = json!({
        "specialist_id": specialist.id, "duration_minutes": 60,
        "from": taken, "to": taken.plus_minutes(60),
    });
    let entry = owner.give(Method::POST, "/api/waitlist", Some(wait)).await;
    let feed = owner.get("/api/user/calendar-feed").await;
    assert_eq!((entry.status, feed.status), (201, 200), "{entry:?} {feed:?}");
    let feed = feed.body["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let made = async |path: &str, body: Value| {
        let answer = admin.give(Method::POST, path, Some(body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        // A webhook comes with its secret.
        let made = answer.body.get("webhook").unwrap_or(&answer.body);
        made["id"].as_str().unwrap().to_owned()
    };
    let webhook = made("/api/admin/webhooks", json!({"url": "https://hooks.invalid/"})).await;
    let hidden = json!({"language": "en", "text": "Be bold.", "active": false});
    let text = made("/api/admin/insight-texts", hidden).await;
    let day = |n| in_days(n).to_string()[..10].to_owned();
    // Not the next full hour of yesterday, which may be today's first.
    let yesterday = Instant::from(SystemTime::now()).plus_minutes(-24 * 60);
    BTreeMap::from([
        ("webhook", webhook),
        ("text", text),
        ("date", day(5)),
        ("yesterday", yesterday.to_string()[..10].to_owned()),
        ("flag", "reviews_open".to_owned()),
        ("service", "00000000-0000-4000-8000-000000000001".to_owned()),
        ("specialist", specialist.id.to_string()),
        ("session", session.id().to_owned()),
        ("taken", taken.to_string()),
        ("series", series.body["series_id"].as_str().unwrap().to_owned()),
        ("entry", entry.id().to_owned()),
        ("feed", feed),
        ("nobody", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("from", in_days(5).to_string()),
        ("to", in_days(6).to_string()),
    ])
}

/// What a line asks for: method, path and body.
pub fn filled(line: &Line, things: &Things) -> (Method, String, Option<Value>) {
    let (route, thing, sent, _) = line;
    let (method, template) = route.split_once(' ').unwrap();
    let mut path = template.to_owned();
    for thing in thing.split_whitespace() {
        let (begin, end) = (path.find('{').unwrap(), path.find('}').unwrap());
        path.replace_range(begin..=end, &things[thing]);
    }
    let mut sent = (*sent).to_owned();
    for (name, value) in things {
        sent = sent.replace(&format!("${name}"), value);
    }
    let body = sent
        .starts_with('{')
        .then(|| serde_json::from_str::<Value>(&sent).unwrap());
    if body.is_none() {
        path.push_str(&sent);
    }
    (Method::from_bytes(method.as_bytes()).unwrap(), path, body)
}

/// The status, and the code where it is a refusal.
async fn ask(app: &TestApp, caller: Option<&Caller<'_>>, line: &Line, things: &Things) -> (u16, String) {
    let (method, path, body) = filled(line, things);
    // A machine that is busy with other tests may take longer than an answer is waited for.
    loop {
        let request = match caller {
            Some(caller) => caller.request(method.clone(), &path),
            None => app.request(method.clone(), &path),
        };
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        if status < 400 {
            return (status, String::new()); // a live stream has no end to wait for
        }
        let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let error = problem["error"].as_str().unwrap().to_owned();
        if status != 503 {
            return (status, error);
        }
    }
}
