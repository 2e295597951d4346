//! Accounts: the profile, the export, devices, and leaving for good.

use crate::{
    app::{Answer, Caller, TestApp, hold, hour, in_days, on_both},
    processes::{Api, worker},
};
use activities::testing::{
    database::Kind,
    engine,
    identity::IdentityService,
    personal::mentions,
    wait::until,
    world::{Setup, World},
};
use entities::{audit, profile, session, user};
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use workflows::{accounts::contract::workflow_id, ids::UserId, sessions::state::SessionState, time::Instant};

const PROFILE: &str = "/api/user/profile";

impl Caller<'_> {
    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.give(Method::PUT, path, Some(body.clone())).await
    }

    async fn leave_for_good(&self) -> Answer {
        self.give(Method::DELETE, "/api/user/account", None).await
    }
}

/// An app whose worker knows an identity provider, which knows `ada`.
async fn with_identity(kind: Kind) -> (TestApp, IdentityService) {
    let identity = IdentityService::start().await;
    let setup = Setup {
        identity: Some(identity.realm.clone()),
        ..Default::default()
    };
    let app = TestApp::with(kind, setup).await;
    identity.add(app.id_of("ada"));
    (app, identity)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_read_and_changed_by_its_owner() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let first = ada.get(PROFILE).await;
        assert_eq!(first.status, 200, "{first:?}");
        assert_eq!(first.header("etag"), "\"1\"");
        assert_eq!(
            first.body,
            json!({
                "id": app.id_of("ada"), "name": "ada", "email": "ada@example.test", "birth_date": null,
                "time_zone": "UTC", "locale": "en", "reminder_offsets_minutes": [1440, 60],
                "channels": ["email", "push"], "version": 1,
            })
        );
        let known = ada.request(Method::GET, PROFILE).header("If-None-Match", "\"1\"");
        assert_eq!(Answer::of(known).await.status, 304);

        let mut wanted = first.body.clone();
        wanted["name"] = json!("  Ada Lovelace ");
        wanted["birth_date"] = json!("1815-12-10");
        let too_old = ada.put(PROFILE, &wanted).await;
        assert_eq!((too_old.status, too_old.error()), (422, "invalid_request"));
        wanted["birth_date"] = json!("1985-12-10");
        wanted["time_zone"] = json!("Europe/Berlin");
        wanted["locale"] = json!("de-at");
        wanted["reminder_offsets_minutes"] = json!([30, 2880]);
        wanted["channels"] = json!(["push"]);
        let changed = ada.put(PROFILE, &wanted).await;
        assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{changed:?}");
        assert_eq!(
            changed.body,
            json!({
                "id": app.id_of("ada"), "name": "Ada Lovelace", "email": "ada@example.test",
                "birth_date": "1985-12-10", "time_zone": "Europe/Berlin", "locale": "de-AT",
                "reminder_offsets_minutes": [2880, 30], "channels": ["push"], "version": 2,
            })
        );
        assert_eq!(ada.get(PROFILE).await.body, changed.body);
        let again = ada.put(PROFILE, &json!({"name": "Ada Lovelace", "version": 2})).await;
        assert_eq!(again.body, changed.body, "nothing changes, neither does the version");

        let late = ada.put(PROFILE, &wanted).await;
        assert_eq!(
            (late.status, late.error()),
            (412, "version_mismatch"),
            "the version that was read"
        );
        for seen in ["\"1\"", "W/\"2\"", "2"] {
            let late = ada.request(Method::PUT, PROFILE).header("If-Match", seen);
            let late = Answer::of(late.json(&json!({"name": "A."}))).await;
            assert_eq!((late.status, late.error()), (412, "version_mismatch"), "{seen}");
        }
        let seen = ada.request(Method::PUT, PROFILE).header("If-Match", "\"2\"");
        let seen = Answer::of(seen.json(&json!({"birth_date": null, "channels": []}))).await;
        assert_eq!(
            (
                seen.status,
                &seen.body["birth_date"],
                &seen.body["channels"],
                &seen.body["version"]
            ),
            (200, &Value::Null, &json!([]), &json!(3))
        );
        assert_eq!(seen.body["name"], "Ada Lovelace", "what is absent stays");

        let acts = audit::of_actor(app.database.db.reader(), app.id_of("ada"), None, 10)
            .await
            .unwrap();
        let acts: Vec<_> = acts
            .iter()
            .map(|act| (act.action.as_str(), act.fields.0.join(" ")))
            .collect();
        assert_eq!(
            acts,
            [
                (
                    "profile.change",
                    "name birth_date time_zone locale reminder_offsets_minutes channels".to_owned()
                ),
                ("profile.change", "birth_date channels".to_owned()),
            ]
        );
        assert_eq!(
            bob.get(PROFILE).await.body["name"],
            "bob",
            "somebody else's is their own"
        );
        let nobody = Answer::of(app.request(Method::GET, PROFILE)).await;
        assert_eq!(nobody.status, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_says_which_field_is_wrong() {
    let app = TestApp::new(Kind::Sqlite).await;
    let ada = app.user("ada");
    let tomorrow = in_days(3).timestamp().to_string()[..10].to_owned();
    for (wrong, field, code) in [
        (json!({"name": ""}), "name", "invalid"),
        (json!({"name": " \t"}), "name", "invalid"),
        (json!({"name": "Ada\r\nBcc: everybody"}), "name", "invalid"),
        (json!({"name": "x".repeat(201)}), "name", "too_long"),
        (json!({"name": 7}), "name", "invalid"),
        (json!({"email": "other@example.test"}), "email", "invalid"),
        (json!({"id": app.id_of("bob")}), "id", "invalid"),
        (json!({"birth_date": tomorrow}), "birth_date", "invalid"),
        (json!({"birth_date": "1985-02-30"}), "birth_date", "invalid"),
        (json!({"birth_date": "10.12.1985"}), "birth_date", "invalid"),
        (json!({"time_zone": "Mars/Olympus"}), "time_zone", "invalid"),
        (json!({"time_zone": "+02:00"}), "time_zone", "invalid"),
        (json!({"locale": "de_DE.UTF-8"}), "locale", "invalid"),
        (json!({"locale": "a language"}), "locale", "invalid"),
        (
            json!({"reminder_offsets_minutes": [0]}),
            "reminder_offsets_minutes",
            "invalid",
        ),
        (
            json!({"reminder_offsets_minutes": [20161]}),
            "reminder_offsets_minutes",
            "invalid",
        ),
        (
            json!({"reminder_offsets_minutes": [60, 60]}),
            "reminder_offsets_minutes",
            "invalid",
        ),
        (
            json!({"reminder_offsets_minutes": [1, 2, 3, 4, 5, 6]}),
            "reminder_offsets_minutes",
            "invalid",
        ),
        (json!({"channels": ["pigeon"]}), "channels", "invalid"),
        (json!({"channels": ["push", "push"]}), "channels", "invalid"),
        (json!({"nickname": "Ada"}), "nickname", "unknown"),
    ] {
        let refused = ada.put(PROFILE, &wrong).await;
        assert_eq!((refused.status, refused.error()), (422, "invalid_request"), "{wrong}");
        let error = &refused.body["errors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!(field), &json!(code)),
            "{wrong}"
        );
    }
    let both = ada.put(PROFILE, &json!({"name": "", "locale": "?"})).await;
    assert_eq!(
        both.body["errors"].as_array().unwrap().len(),
        2,
        "all at once: {both:?}"
    );
    let far = ada
        .put(
            PROFILE,
            &json!({"reminder_offsets_minutes": [20160, 1], "locale": "fr-CA"}),
        )
        .await;
    assert_eq!(
        far.status, 200,
        "the bounds are within, and other languages are kept: {far:?}"
    );
    assert_eq!(ada.get(PROFILE).await.body["version"], 2, "nothing else was written");
}

/// What only this person has said, and what they are called and reached by.
const PERSONAL: [&str; 8] = [
    "Zwiebelfisch",
    "ada@example.test",
    "1985-12-10",
    "knee of steel",
    "shoulder of glass",
    "reason of mine",
    "praise of mine",
    "device-of-ada",
];

/// Somebody who has used everything: a session that took place and has a review, one to come with notes that were
/// changed, one called off for a reason, a hold, a series, a place in line, a feed, a device.
async fn seeded(app: &TestApp) -> Caller<'_> {
    let ada = app.user("ada");
    let body = json!({"name": "Ada Zwiebelfisch", "birth_date": "1985-12-10", "locale": "de"});
    assert_eq!(ada.put(PROFILE, &body).await.status, 200);
    let specialist = app.specialist().create().await;
    let past = ada.book("past", &hour(&specialist, in_days(1))).await;
    app.until_event(past.session(), "confirmation_mail:sent", 2).await;
    app.skip(past.session(), None).await;
    app.until_status(past.session(), SessionState::Completed).await;
    let review = json!({"rating": 4, "text": "the praise of mine"});
    let reviewed = ada.request(Method::POST, &format!("/api/sessions/{}/review", past.id()));
    assert_eq!(Answer::of(reviewed.json(&review)).await.status, 201);
    let mut with_notes = hour(&specialist, in_days(3));
    with_notes["notes"] = json!("my knee of steel");
    let to_come = ada.book("to-come", &with_notes).await;
    let amended = ada.change(to_come.id(), json!({"notes": "my shoulder of glass"})).await;
    assert_eq!(amended.status, 200, "{amended:?}");
    let off = ada.book("off", &hour(&specialist, in_days(4))).await;
    let reason = json!({"reason": "a reason of mine"});
    let cancelled = ada
        .give(Method::DELETE, &format!("/api/sessions/{}", off.id()), Some(reason))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    app.until_event(off.session(), "cancellation_mail:sent", 2).await;
    assert_eq!(ada.book("held", &hold(&specialist, in_days(5))).await.status, 202);
    let mut series = hour(&specialist, in_days(6));
    series["recurrence"] = json!({"every_weeks": 1, "count": 2, "mode": "all_or_nothing"});
    assert_eq!(ada.book("series", &series).await.status, 202);
    // Somebody else has the one slot of the range.
    let full = app.specialist().open("10:00-11:00").sessions(60, 60).create().await;
    let ten = Instant::from_unix_seconds(in_days(20).unix_seconds().div_euclid(86_400) * 86_400 + 36_000);
    assert_eq!(app.user("bob").book("full", &hour(&full, ten)).await.status, 202);
    let (from, to) = (ten.plus_minutes(-60), ten.plus_minutes(60));
    let wish = json!({"specialist_id": full.id, "duration_minutes": 60, "from": from, "to": to});
    let waits = ada.give(Method::POST, "/api/waitlist", Some(wish)).await;
    assert_eq!(waits.status, 201, "{waits:?}");
    assert_eq!(ada.get("/api/user/calendar-feed").await.status, 200);
    let device = ada
        .put("/api/user/devices/device-of-ada", &json!({"platform": "ios"}))
        .await;
    assert_eq!(device.status, 200, "{device:?}");
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_everything() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let ada = seeded(&app).await;
        let export = ada.get("/api/user/export").await;
        assert_eq!(export.status, 200, "{export:?}");
        assert_eq!(
            export.header("content-disposition"),
            "attachment; filename=\"aroti-export.json\""
        );
        let body = &export.body;
        assert_eq!(body["account"]["id"], json!(app.id_of("ada")));
        assert_eq!(body["profile"], ada.get(PROFILE).await.body);
        assert_eq!(body["specialist"], Value::Null);
        let n = |field: &str| body[field].as_array().map_or(0, Vec::len);
        let counts = [
            "sessions",
            "series",
            "waitlist",
            "reviews",
            "calendar_feeds",
            "devices",
            "texts",
        ]
        .map(n);
        assert_eq!(counts, [6, 1, 1, 1, 1, 1, 3], "{body}");
        for session in body["sessions"].as_array().unwrap() {
            assert!(
                !session["session"]["progress"].as_array().unwrap().is_empty(),
                "{session}"
            );
        }
        let acts: Vec<_> = body["audit"]
            .as_array()
            .unwrap()
            .iter()
            .map(|act| &act["action"])
            .collect();
        assert!(
            acts.contains(&&json!("profile.change")) && acts.contains(&&json!("review.create")),
            "{acts:?}"
        );
        let text = body.to_string();
        for personal in PERSONAL {
            assert!(text.contains(personal), "{personal} is missing from {text}");
        }
        // Pages: more acts than one has.
        for n in 0..210 {
            let name = json!({"name": format!("Ada {n}")});
            assert_eq!(ada.put(PROFILE, &name).await.status, 200);
        }
        let acts = ada.get("/api/user/export").await.body["audit"]
            .as_array()
            .unwrap()
            .len();
        assert!(210 < acts, "{acts}");
        let eve = app.user("eve").get("/api/user/export").await;
        assert_eq!(eve.body["sessions"], json!([]));
        assert!(!eve.body.to_string().contains("Zwiebelfisch"));
        assert_eq!(
            Answer::of(app.request(Method::GET, "/api/user/export")).await.status,
            401
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_who_gives_sessions_has_their_hours() {
    on_both(async |kind| {
        // Nobody reads the calendars meanwhile.
        let app = TestApp::with(kind, Setup::idle()).await;
        let dana = app.user_with("dana", &["user", "specialist"]);
        app.specialist().login(app.id_of("dana")).create().await;
        let day_off = dana
            .put("/api/specialist/overrides/2031-05-01", &json!({"windows": []}))
            .await;
        assert_eq!(day_off.status, 200, "{day_off:?}");
        let feeds = json!({"feeds": [{"url": "https://calendar.example.test/secret.ics"}]});
        let feeds = dana.put("/api/specialist/busy-feeds", &feeds).await;
        assert_eq!(feeds.status, 200, "{feeds:?}");
        let export = dana.get("/api/user/export").await.body;
        let exported = &export["specialist"];
        assert_eq!(exported["schedule"], dana.get("/api/specialist/schedule").await.body);
        assert_eq!(exported["overrides"], json!([{"date": "2031-05-01", "windows": []}]));
        assert_eq!(
            exported["busy_feeds"],
            dana.get("/api/specialist/busy-feeds").await.body["feeds"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_come_and_go() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, bob) = (app.user("ada"), app.user("bob"));
        let path = "/api/user/devices/fcm:Abc_1.2-3";
        let body = json!({"platform": "android"});
        let first = ada.put(path, &body).await;
        assert_eq!(
            (first.status, &first.body["token"]),
            (200, &json!("fcm:Abc_1.2-3")),
            "{first:?}"
        );
        let again = ada.put(path, &body).await;
        assert_eq!(again.body["created_at"], first.body["created_at"]);
        let devices = async |caller: &Caller<'_>| {
            let export = caller.get("/api/user/export").await;
            export.body["devices"].as_array().unwrap().len()
        };
        assert_eq!(devices(&ada).await, 1);
        assert_eq!(bob.give(Method::DELETE, path, None).await.status, 204);
        assert_eq!(devices(&ada).await, 1, "somebody else's is not theirs to remove");
        assert_eq!(bob.put(path, &body).await.status, 200);
        assert_eq!((devices(&ada).await, devices(&bob).await), (0, 1), "it moves");
        for _ in 0..2 {
            assert_eq!(bob.give(Method::DELETE, path, None).await.status, 204);
        }
        assert_eq!(devices(&bob).await, 0);
        for (path, body, status) in [
            (path.to_owned(), json!({"platform": "fridge"}), 422),
            (path.to_owned(), json!({}), 422),
            (format!("/api/user/devices/{}", "x".repeat(513)), body.clone(), 404),
            ("/api/user/devices/a%20b".to_owned(), body.clone(), 404),
        ] {
            assert_eq!(ada.put(&path, &body).await.status, status, "{path} {body}");
        }
    })
    .await;
}

async fn until_erased(app: &TestApp, user: UserId) {
    until("who they were is erased", async || {
        let profile = profile::of(app.database.db.reader(), user).await.unwrap();
        profile.is_none().then_some(())
    })
    .await;
}

async fn to_the_end(app: &TestApp, user: UserId) {
    engine::try_skip(&app.engine, &workflow_id(user), None).await.ok();
    until("nothing is left, and that is on record", async || {
        let row = user::find(app.database.db.reader(), user).await.unwrap()?;
        row.erased_at
    })
    .await;
}

async fn is_refused(answer: Answer) {
    assert_eq!((answer.status, answer.error()), (401, "invalid_token"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_at_once_and_nothing_of_them_is_left() {
    on_both(async |kind| {
        let (app, identity) = with_identity(kind).await;
        let user = app.id_of("ada");
        let other = match kind {
            Kind::Postgres => Some(Api::start(&app, &[]).await),
            Kind::Sqlite => None,
        };
        let ada = seeded(&app).await;
        let found = mentions(&app.database.db, &PERSONAL).await;
        for personal in PERSONAL {
            assert!(
                found.iter().any(|found| found.ends_with(personal)),
                "{personal} is nowhere"
            );
        }
        if let Some(other) = &other {
            let there = other.answer(|api| api.request(&ada, Method::GET, PROFILE)).await;
            assert_eq!(there.status, 200, "both processes know them: {there:?}");
        }
        let n_mails = app.outbox.messages(None).len();

        identity.answer(Some(503));
        let gone = ada.leave_for_good().await;
        assert_eq!(
            (gone.status, &gone.body),
            (202, &json!({"workflow_id": workflow_id(user)})),
            "{gone:?}"
        );
        if let Some(other) = &other {
            is_refused(Answer::of(other.request(&ada, Method::GET, PROFILE)).await).await;
        }
        is_refused(ada.get(PROFILE).await).await;
        is_refused(ada.get("/api/user/export").await).await;
        is_refused(ada.book_once("late", &json!({})).await).await;
        let again = ada.leave_for_good().await;
        assert_eq!((again.status, &again.body), (202, &gone.body));

        until_erased(&app, user).await;
        let found = mentions(&app.database.db, &PERSONAL).await;
        assert!(found.is_empty(), "{found:?}");
        let rows = session::Entity::find()
            .filter(session::Column::ClientId.eq(user))
            .all(app.database.db.reader())
            .await
            .unwrap();
        assert_eq!(rows.len(), 6, "what others have of the history stays");
        assert!(
            rows.iter()
                .all(|row| !matches!(row.status, SessionState::Held | SessionState::Confirmed))
        );
        // The session to come and two of the series were confirmed: both sides are told.
        let told = app.outbox.messages(None);
        let to_them = told[n_mails..].iter().filter(|mail| mail.is_to("ada@example.test"));
        let told_them = to_them.filter(|mail| mail.message_id.as_deref().is_some_and(|id| id.contains("cancellation")));
        assert_eq!(told_them.count(), 3, "{:?}", &told[n_mails..]);

        let review = entities::review::Entity::find()
            .one(app.database.db.reader())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                review.rating,
                review.author.as_str(),
                review.text.as_str(),
                review.client_id
            ),
            (4, "Anonymous", "", None)
        );
        assert!(identity.knows(user), "the provider is away");
        engine::skip(&app.engine, &workflow_id(user), Some(Duration::from_secs(86_400))).await;
        identity.answer(None);
        to_the_end(&app, user).await;
        assert!(!identity.knows(user));

        is_refused(ada.get(PROFILE).await).await;
        let unseen = profile::of(app.database.db.reader(), user).await.unwrap();
        assert_eq!(unseen, None, "never made again");
        let last = ada.leave_for_good().await;
        assert_eq!((last.status, &last.body), (202, &gone.body), "long after");
        let acts = audit::Entity::find().filter(audit::Column::TargetId.eq(user.to_string()));
        let acts = acts.all(app.database.db.reader()).await.unwrap();
        let mut acts: Vec<_> = acts.iter().map(|act| act.action.as_str()).collect();
        acts.retain(|act| act.starts_with("account"));
        assert_eq!(acts, ["account.delete", "account.erase"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_that_race_with_a_deletion_leave_nothing_booked() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        ada.sign_in().await;
        let user = app.id_of("ada");
        let bookings = join_all((0..12).map(async |n| {
            let body = hour(&specialist, in_days(2 + n));
            ada.book(&format!("k{n}"), &body).await
        }));
        let leaving = async {
            // Once some are booked.
            until("something is booked", async || {
                let open = session::open_of_client(app.database.db.reader(), user).await.unwrap();
                (2 <= open.len()).then_some(())
            })
            .await;
            ada.leave_for_good().await
        };
        let (booked, left) = tokio::join!(bookings, leaving);
        assert_eq!(left.status, 202, "{left:?}");
        for answer in &booked {
            assert!(answer.status == 202 || answer.error() == "invalid_token", "{answer:?}");
        }
        until_erased(&app, user).await;
        to_the_end(&app, user).await;
        let open = session::open_of_client(app.database.db.reader(), user).await.unwrap();
        assert!(open.is_empty(), "{open:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_specialist_who_can_be_booked_is_told_so() {
    let app = TestApp::new(Kind::Sqlite).await;
    let grace = app.user("grace");
    app.specialist().login(app.id_of("grace")).create().await;
    let refused = grace.leave_for_good().await;
    assert_eq!(
        (refused.status, refused.error()),
        (409, "specialist_active"),
        "{refused:?}"
    );
    assert_eq!(grace.get(PROFILE).await.status, 200);
    let nobody = Answer::of(app.request(Method::DELETE, "/api/user/account")).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_nothing_is_deleted() {
    let app = TestApp::new(Kind::Sqlite).await;
    let (ada, user) = (app.user("ada"), app.id_of("ada"));
    ada.sign_in().await;
    let away = Api::start(&app, &[("TEMPORAL_ADDRESS", "127.0.0.1:1")]).await;
    let refused = Answer::of(away.request(&ada, Method::DELETE, "/api/user/account")).await;
    assert_eq!(
        (refused.status, refused.error()),
        (503, "engine_unavailable"),
        "{refused:?}"
    );
    assert_eq!(ada.get(PROFILE).await.status, 200);
    assert_eq!(ada.leave_for_good().await.status, 202);
    // The mark is proof of a run, also where the engine is away.
    let again = Answer::of(away.request(&ada, Method::DELETE, "/api/user/account")).await;
    assert_eq!(
        (again.status, &again.body["workflow_id"]),
        (202, &json!(workflow_id(user)))
    );
}

/// Whoever leaves is gone, and told so once, though the worker dies there.
async fn dies_at(step: &str, point: &str) {
    let identity = IdentityService::start().await;
    let setup = Setup::idle();
    let app = TestApp::before(World::with(Kind::Postgres, setup).await).await;
    let (ada, user) = (app.user("ada"), app.id_of("ada"));
    identity.add(user);
    let specialist = app.specialist().create().await;
    let realm = identity.realm.url.to_string();
    let keycloak = [
        ("KEYCLOAK_ISSUER_URI", realm.as_str()),
        ("KEYCLOAK_CLIENT_SECRET", identity.realm.client_secret.expose().as_str()),
    ];
    let mut mortal = worker(&app, Some(&format!("{step}:{point}")), &keycloak);
    let booked = ada.book("k", &hour(&specialist, in_days(3))).await;
    assert!(booked.status < 300, "{booked:?}");
    ada.request(Method::DELETE, "/api/user/account").send().await.unwrap();
    until(&format!("the worker dies at {step}:{point}"), async || {
        mortal.has_ended().then_some(())
    })
    .await;
    let _next = worker(&app, None, &keycloak);
    assert_eq!(ada.leave_for_good().await.status, 202, "{step}:{point}");
    until_erased(&app, user).await;
    to_the_end(&app, user).await;
    assert!(!identity.knows(user), "{step}:{point}");
    let open = session::open_of_client(app.database.db.reader(), user).await.unwrap();
    assert!(open.is_empty(), "{step}:{point}");
    let told = app.outbox.messages(None);
    let ids = told.iter().filter(|mail| mail.is_to("ada@example.test"));
    let ids: BTreeSet<_> = ids.filter_map(|mail| mail.message_id.as_deref()).collect();
    let off = ids.iter().filter(|id| id.contains("cancellation"));
    assert_eq!(off.count(), 1, "{step}:{point}: one letter about it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_at_any_step_leaves_the_rest_to_the_next() {
    // Mostly it is waited until the engine gives up the step of whoever died.
    stream::iter([
        "accounts.mark_deleted",
        "accounts.call_off",
        "accounts.erase",
        "accounts.delete_identity",
    ])
    .flat_map(|step| stream::iter(["before", "after_effect"].map(|point| dies_at(step, point))))
    .buffer_unordered(4)
    .collect::<()>()
    .await;
}
