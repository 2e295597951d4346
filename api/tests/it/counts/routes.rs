//! Every route of the contract, asked once by the first who may: statements and commands of Redis.
//!
//! The lines and their things are those of the matrix of rights, so that a new route has to come by here, too.

use super::{Stage, statements::Watch, tell_lower};
use crate::{
    matrix::{self, Line, TABLE, callers, filled},
    processes::worker,
};
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;

/// Statements, commands.
type Cost = (u64, u64);

/// What each route may cost; of several lines of one, the dearest. What is kept is asked for while it is not kept yet.
const EXPECTED: &[(&str, u64, u64)] = &[
    ("GET /api/admin/audit", 2, 0),
    ("GET /api/admin/feature-flags", 2, 0),
    ("DELETE /api/admin/feature-flags/{name}", 7, 0),
    ("PUT /api/admin/feature-flags/{name}", 8, 0),
    ("GET /api/admin/insight-texts", 2, 0),
    ("POST /api/admin/insight-texts", 6, 0),
    ("DELETE /api/admin/insight-texts/{id}", 8, 0),
    ("PUT /api/admin/insight-texts/{id}", 9, 0),
    ("GET /api/admin/reports", 3, 0),
    ("GET /api/admin/reports/{date}", 14, 0),
    ("GET /api/admin/specialists", 3, 0),
    ("POST /api/admin/specialists", 12, 2),
    ("DELETE /api/admin/specialists/{id}", 11, 2),
    ("GET /api/admin/specialists/{id}", 2, 0),
    ("PUT /api/admin/specialists/{id}", 6, 0),
    ("GET /api/admin/specialists/{id}/overrides", 3, 0),
    ("DELETE /api/admin/specialists/{id}/overrides/{date}", 9, 0),
    ("PUT /api/admin/specialists/{id}/overrides/{date}", 10, 0),
    ("GET /api/admin/specialists/{id}/schedule", 3, 0),
    ("PUT /api/admin/specialists/{id}/schedule", 11, 2),
    ("GET /api/admin/specialists/{id}/services", 2, 0),
    ("POST /api/admin/specialists/{id}/services", 13, 2),
    ("DELETE /api/admin/specialists/{id}/services/{service_id}", 12, 2),
    ("PUT /api/admin/specialists/{id}/services/{service_id}", 6, 0),
    ("GET /api/admin/webhooks", 2, 0),
    ("POST /api/admin/webhooks", 6, 0),
    ("DELETE /api/admin/webhooks/{id}", 10, 0),
    ("GET /api/admin/webhooks/{id}", 2, 0),
    ("PUT /api/admin/webhooks/{id}", 7, 0),
    ("GET /api/admin/webhooks/{id}/deliveries", 3, 0),
    ("POST /api/admin/webhooks/{id}/enable", 5, 0),
    ("POST /api/admin/webhooks/{id}/replay", 8, 0),
    ("POST /api/admin/webhooks/{id}/rotate-secret", 7, 0),
    ("POST /api/admin/webhooks/{id}/test", 8, 0),
    ("GET /api/daily-insights", 5, 0),
    ("GET /api/offers/{token}", 0, 0),
    ("POST /api/offers/{token}", 0, 0),
    ("GET /api/reviews/{specialist_id}", 4, 0),
    ("DELETE /api/series/{id}", 6, 0),
    ("GET /api/series/{id}", 4, 0),
    ("GET /api/sessions", 3, 0),
    ("POST /api/sessions", 12, 0),
    ("DELETE /api/sessions/{id}", 4, 0),
    ("GET /api/sessions/{id}", 2, 0),
    ("PUT /api/sessions/{id}", 7, 0),
    ("GET /api/sessions/{id}/calendar.ics", 6, 0),
    ("POST /api/sessions/{id}/confirm", 5, 0),
    ("POST /api/sessions/{id}/no-show", 3, 0),
    ("GET /api/sessions/{id}/progress", 2, 0),
    ("POST /api/sessions/{id}/review", 9, 0),
    ("GET /api/specialist/busy-feeds", 4, 0),
    ("PUT /api/specialist/busy-feeds", 9, 0),
    ("GET /api/specialist/calendar-feed", 8, 0),
    ("POST /api/specialist/calendar-feed/rotate", 7, 0),
    ("GET /api/specialist/overrides", 3, 0),
    ("DELETE /api/specialist/overrides/{date}", 9, 0),
    ("PUT /api/specialist/overrides/{date}", 11, 0),
    ("GET /api/specialist/schedule", 3, 0),
    ("PUT /api/specialist/schedule", 16, 4),
    ("GET /api/specialist/sessions", 5, 0),
    ("GET /api/specialists", 4, 18),
    ("GET /api/specialists/{id}", 3, 14),
    ("GET /api/specialists/{id}/availability", 6, 0),
    ("GET /api/specialists/{id}/availability/explain", 6, 0),
    ("DELETE /api/user/account", 2, 0),
    ("GET /api/user/calendar-feed", 2, 0),
    ("POST /api/user/calendar-feed/rotate", 6, 0),
    ("DELETE /api/user/devices/{token}", 4, 0),
    ("PUT /api/user/devices/{token}", 8, 0),
    ("GET /api/user/export", 16, 0),
    ("GET /api/user/feature-flags", 1, 0),
    ("GET /api/user/profile", 2, 14),
    ("PUT /api/user/profile", 10, 1),
    ("GET /api/waitlist", 5, 0),
    ("POST /api/waitlist", 4, 0),
    ("DELETE /api/waitlist/{id}", 6, 0),
    ("GET /feeds/{token}", 9, 0),
    ("GET /health", 0, 0),
    ("GET /ready", 0, 0),
];

/// A live stream has no end, and costs by what happens.
const STREAMS: [&str; 1] = ["GET /api/sessions/{id}/events"];
/// So many worlds are looked at, at most: what a process does for itself meanwhile is not the request's.
const WORLDS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn no_route_has_more_statements_and_commands_than_it_had() {
    let mut least: BTreeMap<&str, Cost> = BTreeMap::new();
    for _ in 0..WORLDS {
        for (route, (statements, commands)) in measured().await {
            let cost = least.entry(route).or_insert((statements, commands));
            *cost = (cost.0.min(statements), cost.1.min(commands));
        }
        if dearer(&least).is_empty() {
            break;
        }
    }
    for (route, statements, commands) in EXPECTED {
        let now = least.get(route).unwrap_or_else(|| panic!("{route} was not asked"));
        // What the request before left behind may count as one of this one's.
        if now.0 + 1 < *statements || now.1 < *commands {
            tell_lower(route, now, (statements, commands));
        }
    }
    let dearer = dearer(&least);
    assert!(dearer.is_empty(), "cost more:\n{}", dearer.join("\n"));
}

/// Routes that cost more than the table says, or that it says nothing of.
fn dearer(found: &BTreeMap<&str, Cost>) -> Vec<String> {
    let expected = |name: &str| EXPECTED.iter().find(|(route, ..)| *route == name);
    let lines = found.iter().filter_map(|(route, (statements, commands))| {
        let was = expected(route);
        let fits = was.is_some_and(|(_, most, most_commands)| statements <= most && commands <= most_commands);
        (!fits).then(|| format!("    ({route:?}, {statements}, {commands}), // was {was:?}"))
    });
    lines.collect()
}

/// One world, and what its requests have cost.
async fn measured() -> BTreeMap<&'static str, Cost> {
    let stage = Stage::new().await;
    let app = &stage.app;
    let watch = Watch::new(&app.database.url).await;
    let url = stage.redis.url();
    // All routes are limited alike, and a limit's commands depend on the seconds that it has to forget.
    let api = stage.api("0").await;
    // Without Redis: its commands are the API's alone.
    let _worker = worker(app, None, &[]);
    let callers = callers(app);
    let things = matrix::scene(app, &callers).await;
    for caller in callers.iter().flatten() {
        // They have been here before.
        let seen = api.request(caller, Method::GET, "/api/user/feature-flags").send();
        assert_eq!(seen.await.unwrap().status(), StatusCode::OK);
    }
    let mut costs: BTreeMap<&str, Cost> = BTreeMap::new();
    for line in TABLE {
        let (route, _, _, expected) = line;
        if STREAMS.contains(route) {
            continue;
        }
        let who = first(line);
        let (method, path, body) = filled(line, &things);
        let cost = loop {
            let request = match &callers[who] {
                Some(caller) => api.request(caller, method.clone(), &path),
                None => api.anonymous(method.clone(), &path),
            };
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            let (mark, before) = (watch.mark(), watch.commands(&url).await);
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            let cost = (
                watch.statements("aroti-api", mark).await,
                watch.commands(&url).await - before,
            );
            if status != 503 {
                assert_eq!(status, expected[who], "{route}: {text}");
                break cost;
            }
        };
        let dearest = costs.entry(route).or_default();
        *dearest = (dearest.0.max(cost.0), dearest.1.max(cost.1));
    }
    costs
}

/// The first of them who may, else the first whose command comes at the wrong time, else who finds nothing.
fn first(line: &Line) -> usize {
    let (route, _, _, expected) = line;
    let by = |fits: fn(u16) -> bool| expected.iter().position(|&status| fits(status));
    by(|status| status < 300)
        .or_else(|| by(|status| status == 409))
        .or_else(|| by(|status| status == 404))
        .unwrap_or_else(|| panic!("nobody may {route}"))
}
