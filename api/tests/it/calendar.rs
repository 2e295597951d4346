//! Sessions in people's own calendars, as a parser of somebody else's reads them.

use crate::app::{Answer, Caller, TestApp, hour, in_days, on_both, until_status};
use activities::{
    outbox::message::Attachment,
    testing::{
        meetings::MeetingService,
        world::{PUBLIC_URL, Setup, World},
    },
};
use calendar::testing::{Happening, Parsed, parse};
use entities::profile;
use reqwest::{Method, RequestBuilder, header::HeaderMap};
use sea_orm::ActiveValue::Set;
use serde_json::json;
use workflows::{ids::UserId, time::Instant};

/// An answer that is no JSON.
struct File {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl File {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the service answers");
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("the answer is whole"),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn parsed(&self) -> Parsed {
        assert_eq!(
            (self.status, self.header("content-type")),
            (200, "text/calendar; charset=utf-8")
        );
        parse(&self.text)
    }
}

/// The file of a session.
async fn file(caller: &Caller<'_>, id: &str) -> File {
    File::of(caller.request(Method::GET, &format!("/api/sessions/{id}/calendar.ics"))).await
}

/// The only event of a session's file, which publishes it.
async fn event(caller: &Caller<'_>, id: &str) -> Happening {
    let parsed = file(caller, id).await.parsed();
    assert_eq!(
        (parsed.method.as_str(), parsed.name, parsed.refresh_seconds),
        ("PUBLISH", None, None)
    );
    let [event] = parsed.events.try_into().expect("one event");
    event
}

/// What the mail with `method` to `email` tells calendars of session `id`.
async fn mailed(app: &TestApp, email: &str, method: &str, id: &str) -> Happening {
    let has = |part: &Attachment| {
        part.method.as_deref() == Some(method) && part.text.as_deref().is_some_and(|text| text.contains(id))
    };
    let mail = app.mail(email, |mail| mail.attachments.iter().any(has)).await;
    let part = mail.attachments.iter().find(|part| has(part)).unwrap();
    let [event] = parse(part.text.as_deref().unwrap()).events.try_into().unwrap();
    event
}

/// The same, whenever and for whomever it was written.
fn told(event: Happening) -> Happening {
    Happening {
        dtstamp: String::new(),
        last_modified: None,
        attendees: Vec::new(),
        ..event
    }
}

fn shown(at: Instant) -> String {
    at.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

async fn speaks(app: &TestApp, user: UserId, locale: &str) {
    let tx = app.database.db.begin_write().await.unwrap();
    let changes = profile::ActiveModel {
        locale: Set(locale.to_owned()),
        ..Default::default()
    };
    profile::change(&tx, user, changes, in_days(0)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_and_the_file_of_a_session_tell_the_same() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, grace, bob) = (app.user("ada"), app.user("grace"), app.user("bob"));
        let login = UserId(app.issuer.subject("grace"));
        let specialist = app.specialist().login(login).create().await;
        ada.sign_in().await;
        speaks(&app, UserId(app.issuer.subject("ada")), "de-AT").await;
        let start = in_days(2);
        let mut body = hour(&specialist, start);
        body["notes"] = json!("Please speak slowly; I am new,\nand curious.");
        let booked = ada.book("k1", &body).await;
        let id = booked.id().to_owned();
        let row = until_status(&ada, &id, "confirmed").await;

        let in_mail = mailed(&app, "ada@example.test", "REQUEST", &id).await;
        let answer = file(&ada, &id).await;
        let in_file = event(&ada, &id).await;
        assert_eq!(told(in_file.clone()), told(in_mail));
        assert_eq!(in_file.uid, format!("{id}@aroti.test"));
        assert_eq!((in_file.sequence, in_file.status.as_str()), (0, "CONFIRMED"));
        assert_eq!(in_file.summary, "Session mit Test Specialist");
        assert_eq!(
            (in_file.starts_at, in_file.ends_at),
            (shown(start), shown(start.plus_minutes(60)))
        );
        assert_eq!(in_file.location.as_deref(), row["meeting_url"].as_str());
        assert_eq!(in_file.url, in_file.location);
        assert_eq!(
            in_file.description.unwrap(),
            format!(
                "Teilnehmen: {}\nNotizen: Please speak slowly; I am new,\nand curious.\n{PUBLIC_URL}/api/sessions/{id}",
                in_file.url.unwrap()
            )
        );
        assert_eq!(
            in_file.organizer,
            ("no-reply@aroti.test".to_owned(), Some("Aroti".to_owned()))
        );
        let updated: Instant = row["updated_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(in_file.dtstamp, shown(updated));
        assert_eq!(in_file.last_modified, Some(in_file.dtstamp));

        let again = |tag: String| {
            let request = ada.request(Method::GET, &format!("/api/sessions/{id}/calendar.ics"));
            File::of(request.header("If-None-Match", tag))
        };
        let tag = answer.header("etag").to_owned();
        let known = again(tag.clone()).await;
        assert_eq!(
            (known.status, known.header("etag"), known.text.as_str()),
            (304, tag.as_str(), "")
        );

        // Whoever gives it meets its client; whoever runs the place may look; nobody else knows of it.
        assert_eq!(event(&grace, &id).await.summary, "Session with ada");
        let mut root = app.user("root");
        root.token = app.issuer.token("root", &["admin"], 600);
        assert_eq!(event(&root, &id).await.summary, "Session with Test Specialist");
        let strange = Answer::of(bob.request(Method::GET, &format!("/api/sessions/{id}/calendar.ics"))).await;
        assert_eq!((strange.status, strange.error()), (404, "session_not_found"));
        let nobody = Answer::of(app.request(Method::GET, &format!("/api/sessions/{id}/calendar.ics"))).await;
        assert_eq!((nobody.status, nobody.error()), (401, "invalid_token"));

        let reason = json!({"reason": "I am ill."});
        let cancelled = ada
            .give(Method::DELETE, &format!("/api/sessions/{id}"), Some(reason))
            .await;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        let withdrawn = mailed(&app, "ada@example.test", "CANCEL", &id).await;
        assert_eq!(again(tag).await.status, 200, "another text has another tag");
        let in_file = event(&ada, &id).await;
        assert_eq!(told(in_file.clone()), told(withdrawn));
        assert_eq!((in_file.sequence, in_file.status.as_str()), (1, "CANCELLED"));
        assert_eq!(in_file.location, None, "nobody shall try to join");
        assert!(in_file.description.unwrap().starts_with("Grund: I am ill.\n"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_for_its_link_is_tentative() {
    on_both(async |kind| {
        let service = MeetingService::start().await;
        service.answer(Some(503));
        let setup = Setup {
            meetings_url: Some(service.url.clone()),
            ..Default::default()
        };
        let app = TestApp::before(World::with(kind, setup).await).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let booked = ada.book("k1", &hour(&specialist, in_days(2))).await;
        let held = event(&ada, booked.id()).await;
        assert_eq!((held.status.as_str(), held.location), ("TENTATIVE", None));
        service.answer(None);
        until_status(&ada, booked.id(), "confirmed").await;
        let confirmed = event(&ada, booked.id()).await;
        assert_eq!(
            (confirmed.status.as_str(), confirmed.location.is_some()),
            ("CONFIRMED", true)
        );
    })
    .await;
}

/// Where the feed of `caller` is, by a route that tells.
async fn feed_url(caller: &Caller<'_>, method: Method, path: &str) -> String {
    let answer = Answer::of(caller.request(method, path)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let url = answer.body["url"].as_str().unwrap();
    url.strip_prefix(PUBLIC_URL).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_follows_the_sessions_of_its_client() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let path = feed_url(&ada, Method::GET, "/api/user/calendar-feed").await;
        assert_eq!(feed_url(&ada, Method::GET, "/api/user/calendar-feed").await, path);
        assert_ne!(feed_url(&bob, Method::GET, "/api/user/calendar-feed").await, path);
        // No token: the address is enough.
        let read = async || {
            let feed = File::of(app.request(Method::GET, &path)).await;
            assert_eq!(feed.header("cache-control"), "private, max-age=300");
            let parsed = feed.parsed();
            assert_eq!(
                (parsed.method.as_str(), parsed.name.as_deref()),
                ("PUBLISH", Some("Aroti"))
            );
            (feed, parsed.events)
        };
        assert_eq!(read().await.1, []);

        let (first, second) = (in_days(2), in_days(3));
        let booked = ada.book("k1", &hour(&specialist, first)).await;
        let other = ada.book("k2", &hour(&specialist, second)).await;
        let id = booked.id().to_owned();
        for booked in [&booked, &other] {
            until_status(&ada, booked.id(), "confirmed").await;
        }
        assert_eq!(bob.book("k1", &hour(&specialist, in_days(4))).await.status, 202);
        let (feed, events) = read().await;
        let files = [event(&ada, other.id()).await, event(&ada, &id).await];
        assert_eq!(events, files, "latest first, each as its own file has it");
        assert_eq!(
            told(events[1].clone()),
            told(mailed(&app, "ada@example.test", "REQUEST", &id).await)
        );

        let known = app
            .request(Method::GET, &path)
            .header("If-None-Match", feed.header("etag"));
        let known = File::of(known).await;
        assert_eq!((known.status, known.text.as_str()), (304, ""));
        assert_eq!(known.header("cache-control"), "private, max-age=300");
        assert_eq!(known.header("etag"), feed.header("etag"));

        assert_eq!(ada.cancel(&id).await.status, 200);
        let (changed, events) = read().await;
        assert_ne!(changed.header("etag"), feed.header("etag"));
        let stand: Vec<_> = events
            .iter()
            .map(|event| (event.uid.clone(), event.status.as_str(), event.sequence))
            .collect();
        assert_eq!(
            stand,
            [
                (format!("{}@aroti.test", other.id()), "CONFIRMED", 0),
                (format!("{id}@aroti.test"), "CANCELLED", 1)
            ]
        );
        assert_eq!(events[1], event(&ada, &id).await);
        assert_eq!(
            told(events[1].clone()),
            told(mailed(&app, "ada@example.test", "CANCEL", &id).await)
        );

        let next = feed_url(&ada, Method::POST, "/api/user/calendar-feed/rotate").await;
        assert_eq!(feed_url(&ada, Method::GET, "/api/user/calendar-feed").await, next);
        let old = Answer::of(app.request(Method::GET, &path)).await;
        assert_eq!((old.status, old.error()), (404, "calendar_feed_not_found"));
        let new = File::of(app.request(Method::GET, &next)).await;
        assert_eq!(
            new.header("etag"),
            changed.header("etag"),
            "the same at another address"
        );
        assert_eq!(new.parsed().events, events);
    })
    .await;
}
