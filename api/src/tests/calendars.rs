//! Feeds: who can open one, and what is told of it.

use super::{bearer, monday, problem, session, specialist, start, told};
use calendar::testing::parse;
use entities::{calendar_feed::Side, user};
use poem::http::StatusCode;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing_subscriber::layer::SubscriberExt;
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId},
    sessions::state::SessionState,
};

use crate::calendars::token::{Feed, Signer};

/// Where the world finds us; see [`crate::config::Config::for_test`].
const PUBLIC_URL: &str = "http://127.0.0.1:1";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_address_that_was_not_made_here_is_none() {
    let app = start().await;
    let ada = UserId(app.issuer.subject("ada"));
    let feed = Feed {
        user: ada,
        side: Side::Client,
        generation: 1,
    };
    let token = app.state.feeds.token(&feed);
    let forged = Signer::new(&"another key, of more than 32 characters".to_owned().into()).token(&feed);
    for path in [
        "/feeds/x.ics".to_owned(),
        "/feeds/.ics".to_owned(),
        format!("/feeds/{forged}.ics"),
        format!("/feeds/{}.ics", token.to_uppercase()),
        // Signed by us, and never asked for.
        format!("/feeds/{token}.ics"),
    ] {
        let (status, code, _) = problem(app.client.get(&path).send().await).await;
        assert_eq!((status, code.as_str()), (404, "calendar_feed_not_found"), "{path}");
    }
    let url = address(&app, "get", "/api/user/calendar-feed").await;
    assert_eq!(url, format!("{PUBLIC_URL}/feeds/{token}.ics"));
    let get = |path: String| app.client.get(path).send();
    get(format!("/feeds/{token}.ics")).await.assert_status_is_ok();
    get(format!("/feeds/{token}"))
        .await
        .assert_status(StatusCode::NOT_FOUND);
    get(format!("/feeds/{token}.ics/"))
        .await
        .assert_status(StatusCode::NOT_FOUND);
    for (side, generation) in [(Side::Specialist, 1), (Side::Client, 2), (Side::Client, 0)] {
        let token = app.state.feeds.token(&Feed {
            side,
            generation,
            ..feed
        });
        get(format!("/feeds/{token}.ics"))
            .await
            .assert_status(StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_feed_of_a_deleted_account_is_gone() {
    let app = start().await;
    let url = address(&app, "get", "/api/user/calendar-feed").await;
    let path = url.strip_prefix(PUBLIC_URL).unwrap();
    app.client.get(path).send().await.assert_status_is_ok();
    let tx = app.state.db.begin_write().await.unwrap();
    user::mark_deleted(&tx, UserId(app.issuer.subject("ada")), monday())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (status, code, _) = problem(app.client.get(path).send().await).await;
    assert_eq!((status, code.as_str()), (404, "calendar_feed_not_found"));
}

#[tokio::test]
async fn a_feed_has_a_thousand_sessions_and_not_one_more() {
    let app = start().await;
    let ada = UserId(app.issuer.subject("ada"));
    let anna = specialist(&app.state, "Anna", None).await;
    let path = address(&app, "get", "/api/user/calendar-feed").await;
    let path = path.strip_prefix(PUBLIC_URL).unwrap();
    let read = async || {
        let response = app.client.get(path).send().await;
        response.assert_content_type("text/calendar; charset=utf-8");
        response.assert_header("cache-control", "private, max-age=300");
        let (status, body) = told(response).await;
        assert_eq!(status, 200);
        parse(body.as_str().unwrap())
    };
    assert_eq!(read().await.events, []);
    for n in 0..1_001 {
        let starts_at = monday().plus_minutes(30 * n);
        let id = SessionId(Uuid::now_v7());
        session(&app.state, id, ada, anna, starts_at, SessionState::Confirmed, "").await;
    }
    let feed = read().await;
    assert_eq!(feed.events.len(), 1_000);
    assert_eq!(feed.events[0].starts_at, monday().plus_minutes(30 * 1_000).to_string());
    assert_eq!(feed.events[999].starts_at, monday().plus_minutes(30).to_string());
    let (host, name) = (app.state.sender.host(), feed.name.as_deref());
    assert!(feed.events[0].uid.ends_with(&format!("@{host}")));
    assert_eq!((name, feed.refresh_seconds), (Some("Aroti"), Some(900)));
}

/// A specialist's feed needs its routes only.
#[tokio::test]
async fn a_specialist_reads_of_clients() {
    let app = start().await;
    let (ada, grace) = (UserId(app.issuer.subject("ada")), UserId(app.issuer.subject("grace")));
    let anna = specialist(&app.state, "Anna", Some(grace)).await;
    let id = SessionId(Uuid::now_v7());
    session(&app.state, id, ada, anna, monday(), SessionState::Confirmed, "").await;
    for user in ["ada", "grace"] {
        let sight = app.client.get("/api/sessions");
        let sight = sight.header("authorization", bearer(&app.issuer, user, &[]));
        sight.send().await.assert_status_is_ok();
    }
    let tx = app.state.db.begin_write().await.unwrap();
    entities::calendar_feed::ensure(&tx, grace, Side::Specialist, monday())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let token = app.state.feeds.token(&Feed {
        user: grace,
        side: Side::Specialist,
        generation: 1,
    });
    let (_, body) = told(app.client.get(format!("/feeds/{token}.ics")).send().await).await;
    let feed = parse(body.as_str().unwrap());
    assert_eq!(feed.events.len(), 1);
    assert_eq!(feed.events[0].summary, "30 minutes with ada");
}

#[tokio::test]
async fn what_opens_a_feed_is_in_no_log() {
    let app = start().await;
    let url = address(&app, "get", "/api/user/calendar-feed").await;
    let path = url.strip_prefix(PUBLIC_URL).unwrap();
    let captured = Captured::default();
    let writer = captured.clone();
    let all = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(all));
    app.client.get(path).send().await.assert_status_is_ok();
    let rotated = address(&app, "post", "/api/user/calendar-feed/rotate").await;
    app.client.get(path).send().await.assert_status(StatusCode::NOT_FOUND);
    app.client
        .post(path)
        .send()
        .await
        .assert_status(StatusCode::METHOD_NOT_ALLOWED);
    drop(guard);
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    for operation in ["read_calendar_feed with 200", "read_calendar_feed with 404"] {
        assert!(log.contains(operation), "{log}");
    }
    for url in [&url, &rotated] {
        let token = url.rsplit_once('/').unwrap().1.trim_end_matches(".ics");
        assert!(!log.contains(token), "{log}");
        assert!(!log.contains(&token[40..]), "not even a part: {log}");
    }
}

/// The address of ada's feed, as a route tells it.
async fn address<E: poem::Endpoint>(app: &super::TestApp<E>, method: &str, path: &str) -> String {
    let request = match method {
        "post" => app.client.post(path),
        _ => app.client.get(path),
    };
    let token = bearer(&app.issuer, "ada", &["user"]);
    let response = request.header("authorization", token).send().await;
    response.assert_header("cache-control", "no-store");
    let (status, body) = told(response).await;
    assert_eq!(status, 200, "{body}");
    body["url"].as_str().unwrap().to_owned()
}
