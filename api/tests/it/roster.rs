//! Specialists and services, added and changed by those who run the place.

use crate::app::{Answer, Caller, TestApp, hour, in_days, on_both, until_status};
use activities::testing::{
    database::Kind,
    world::{Setup, World},
};
use entities::{db, user};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use workflows::{ids::UserId, sessions::state::SessionState, time::Instant};

const ROSTER: &str = "/api/admin/specialists";

async fn without_a_worker(kind: Kind) -> TestApp {
    let setup = Setup::idle();
    TestApp::before(World::with(kind, setup).await).await
}

async fn send(caller: &Caller<'_>, method: Method, path: &str, body: Value) -> Answer {
    let request = caller.request(method, path);
    let request = if body.is_null() { request } else { request.json(&body) };
    Answer::of(request).await
}

fn somebody_new(id: Uuid) -> Value {
    json!({
        "id": id, "name": "Dana Diaz", "title": "Coach", "bio": "Listens.", "email": "dana@example.test",
        "specialties": ["coaching"], "languages": ["en"], "time_zone": "Europe/Berlin",
    })
}

fn an_hour(id: Uuid) -> Value {
    json!({"id": id, "name": "An hour", "duration_minutes": 60, "price": {"amount_minor": 5000, "currency": "EUR"}})
}

fn always(zone: &str) -> Value {
    let day = json!([["00:00", "24:00"]]);
    json!({
        "time_zone": zone,
        "weekly": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day},
        "minimum_notice_minutes": 0, "cancel_notice_minutes": 0, "reschedule_notice_minutes": 0, "hold_minutes": 10,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_added_once_changed_and_retired() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let (admin, ada) = (app.role("root", "admin"), app.user("ada"));
        let (id, service) = (Uuid::now_v7(), Uuid::now_v7());
        let added = send(&admin, Method::POST, ROSTER, somebody_new(id)).await;
        assert_eq!((added.status, added.header("etag")), (201, "\"1\""), "{added:?}");
        let path = format!("{ROSTER}/{id}");
        assert_eq!(added.header("location"), path);
        assert_eq!(added.body["services"], json!([]));
        // A repeat adds nobody, whatever it says.
        let mut other = somebody_new(id);
        other["name"] = json!("Somebody Else");
        let again = send(&admin, Method::POST, ROSTER, other).await;
        assert_eq!((again.status, &again.body), (201, &added.body));
        let schedule = admin.get(&format!("{path}/schedule")).await;
        assert_eq!((schedule.status, &schedule.body["weekly"]["mon"]), (200, &json!([])));
        assert_eq!(schedule.body["time_zone"], "Europe/Berlin");

        let services = format!("{path}/services");
        let offered = send(&admin, Method::POST, &services, an_hour(service)).await;
        assert_eq!((offered.status, offered.header("etag")), (201, "\"2\""), "{offered:?}");
        assert_eq!(offered.body["capacity"], 1);
        assert_eq!(offered.body["slot_interval_minutes"], 60);
        let again = send(&admin, Method::POST, &services, an_hour(service)).await;
        assert_eq!((again.status, &again.body), (201, &offered.body));
        let put = send(&admin, Method::PUT, &format!("{path}/schedule"), always("UTC")).await;
        assert_eq!(put.status, 200, "{put:?}");

        let shown = format!("/api/specialists/{id}");
        let view = ada.get(&shown).await;
        assert_eq!(
            (view.status, &view.body["services"][0]["price"]["amount_minor"]),
            (200, &json!(5000))
        );
        let listed = ada.get("/api/specialists?q=Dana").await;
        assert_eq!(listed.body["items"][0]["id"], id.to_string());

        // The schedule has given them another zone, and with it a version.
        let found = admin.get(&path).await;
        assert_eq!((found.status, found.header("etag")), (200, "\"3\""));
        let mut dearer = an_hour(service);
        dearer["price"]["amount_minor"] = json!(6000);
        dearer["name"] = json!("A full hour");
        let put = admin
            .request(Method::PUT, &format!("{services}/{service}"))
            .json(&dearer);
        let late = Answer::of(put.try_clone().unwrap().header("If-Match", "\"2\"")).await;
        assert_eq!((late.status, late.error()), (412, "version_mismatch"));
        let put = Answer::of(put.header("If-Match", "\"3\"")).await;
        assert_eq!((put.status, put.header("etag")), (200, "\"4\""), "{put:?}");
        assert_eq!(ada.get(&shown).await.body["services"][0]["price"]["amount_minor"], 6000);

        let mut renamed = somebody_new(id);
        renamed["name"] = json!("Dana Doe");
        renamed["time_zone"] = json!("UTC");
        renamed["user_id"] = json!(app.id_of("dana"));
        let put = send(&admin, Method::PUT, &path, renamed.clone()).await;
        assert_eq!((put.status, put.header("etag")), (200, "\"5\""), "{put:?}");
        assert_eq!(put.body["name"], "Dana Doe");
        let same = send(&admin, Method::PUT, &path, renamed.clone()).await;
        assert_eq!((same.status, same.header("etag")), (200, "\"5\""));
        // With the login comes what is theirs.
        let dana = app.role("dana", "specialist");
        assert_eq!(dana.get("/api/specialist/schedule").await.status, 200);
        // The zone is the schedule's as well: whoever has seen that must see it anew.
        let before = dana.get("/api/specialist/schedule").await;
        renamed["time_zone"] = json!("Asia/Tokyo");
        assert_eq!(send(&admin, Method::PUT, &path, renamed).await.status, 200);
        let after = dana.get("/api/specialist/schedule").await;
        assert_eq!(after.body["time_zone"], "Asia/Tokyo");
        assert_ne!(after.header("etag"), before.header("etag"));

        for _ in 0..2 {
            let retired = send(&admin, Method::DELETE, &format!("{services}/{service}"), Value::Null).await;
            assert_eq!((retired.status, &retired.body["active"]), (200, &json!(false)));
        }
        assert_eq!(ada.get(&shown).await.body["services"], json!([]));
        assert_eq!(admin.get(&services).await.body["items"].as_array().unwrap().len(), 1);
        for _ in 0..2 {
            let retired = send(&admin, Method::DELETE, &path, Value::Null).await;
            assert_eq!((retired.status, &retired.body["active"]), (200, &json!(false)));
        }
        assert_eq!(ada.get(&shown).await.error(), "specialist_not_found");
        assert_eq!(
            admin.get(&format!("{ROSTER}?active=true")).await.body["items"],
            json!([])
        );
        let retired = admin.get(&format!("{ROSTER}?active=false")).await.body;
        assert_eq!(retired["items"][0]["services"][0]["id"], service.to_string());

        let all = "user_id,name,title,bio,email,specialties,languages,time_zone,active";
        assert_eq!(
            app.acts(id).await,
            [
                format!("specialist.create admin {all}").as_str(),
                "schedule.put admin weekly,minimum_notice_minutes,booking_window_days,cancel_notice_minutes,\
                 reschedule_notice_minutes,time_zone",
                "specialist.put admin user_id,name",
                "specialist.put admin time_zone",
                "specialist.retire admin active",
            ]
        );
        let added = "position,name,duration_minutes,slot_interval_minutes,buffer_before_minutes,buffer_after_minutes,\
                     capacity,price_minor,currency,active";
        assert_eq!(
            app.acts(service).await,
            [
                format!("service.create admin {added}").as_str(),
                "service.put admin name,price_minor",
                "service.retire admin active",
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_one_specialists() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let admin = app.role("root", "admin");
        let login = app.id_of("dana");
        let mut one = somebody_new(Uuid::now_v7());
        one["user_id"] = json!(login);
        assert_eq!(send(&admin, Method::POST, ROSTER, one).await.status, 201);
        let id = Uuid::now_v7();
        let mut other = somebody_new(id);
        other["user_id"] = json!(login);
        let taken = send(&admin, Method::POST, ROSTER, other.clone()).await;
        assert_eq!(
            (taken.status, &taken.body["errors"][0]["field"]),
            (422, &json!("user_id"))
        );
        assert_eq!(send(&admin, Method::POST, ROSTER, somebody_new(id)).await.status, 201);
        let path = format!("{ROSTER}/{id}");
        let taken = send(&admin, Method::PUT, &path, other.clone()).await;
        assert_eq!(
            (taken.status, &taken.body["errors"][0]["field"]),
            (422, &json!("user_id"))
        );

        let gone = UserId(Uuid::new_v4());
        let tx = app.database.db.begin_write().await.unwrap();
        let now = db::now(&tx).await.unwrap();
        user::mark_deleted(&tx, gone, now).await.unwrap();
        tx.commit().await.unwrap();
        other["user_id"] = json!(gone);
        let deleted = send(&admin, Method::PUT, &path, other).await;
        assert_eq!(
            (deleted.status, &deleted.body["errors"][0]["field"]),
            (422, &json!("user_id"))
        );
        assert_eq!(app.acts(id).await.len(), 1, "what was refused is not on record");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_run_the_place_and_only_what_makes_sense() {
    let app = without_a_worker(Kind::Sqlite).await;
    let (admin, dana) = (app.role("root", "admin"), app.role("dana", "specialist"));
    let (id, service) = (Uuid::now_v7(), Uuid::now_v7());
    let path = format!("{ROSTER}/{id}");
    let of_service = format!("{path}/services/{service}");
    for (method, path, body) in [
        (Method::GET, ROSTER.to_owned(), Value::Null),
        (Method::POST, ROSTER.to_owned(), somebody_new(id)),
        (Method::GET, path.clone(), Value::Null),
        (Method::PUT, path.clone(), somebody_new(id)),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::GET, format!("{path}/services"), Value::Null),
        (Method::POST, format!("{path}/services"), an_hour(service)),
        (Method::PUT, of_service.clone(), an_hour(service)),
        (Method::DELETE, of_service.clone(), Value::Null),
    ] {
        let refused = send(&dana, method.clone(), &path, body.clone()).await;
        assert_eq!(
            (refused.status, refused.error()),
            (403, "insufficient_permissions"),
            "{method} {path}"
        );
        if path != ROSTER {
            let absent = send(&admin, method.clone(), &path, body).await;
            assert_eq!(
                (absent.status, absent.error()),
                (404, "specialist_not_found"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(send(&admin, Method::POST, ROSTER, somebody_new(id)).await.status, 201);
    for method in [Method::PUT, Method::DELETE] {
        let body = if method == Method::PUT {
            an_hour(service)
        } else {
            Value::Null
        };
        let absent = send(&admin, method, &of_service, body).await;
        assert_eq!((absent.status, absent.error()), (404, "service_not_found"));
    }
    let wrong = |answer: &Answer| -> Vec<String> {
        assert_eq!((answer.status, answer.error()), (422, "invalid_request"), "{answer:?}");
        let errors = answer.body["errors"].as_array().unwrap().iter();
        let mut fields: Vec<_> = errors
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect();
        fields.sort_unstable();
        fields
    };
    let bad = json!({
        "name": " ", "email": "nowhere", "languages": ["en", "en"], "time_zone": "CET-1", "active": "yes", "rank": 1,
    });
    let answer = send(&admin, Method::POST, ROSTER, bad).await;
    assert_eq!(
        wrong(&answer),
        ["active", "email", "languages", "name", "rank", "time_zone"]
    );
    let bad = json!({
        "name": "Too much", "duration_minutes": 2000, "buffer_before_minutes": 800, "buffer_after_minutes": 81,
        "slot_interval_minutes": 0, "capacity": 0, "price": {"amount_minor": -1, "currency": "eur"},
    });
    let answer = send(&admin, Method::POST, &format!("{path}/services"), bad).await;
    let fields = [
        "capacity",
        "duration_minutes",
        "price.amount_minor",
        "price.currency",
        "slot_interval_minutes",
    ];
    assert_eq!(wrong(&answer), fields);
    let other = send(&admin, Method::PUT, &path, somebody_new(Uuid::now_v7())).await;
    assert_eq!(wrong(&other), ["id"]);
    // An id that something of somebody else's has.
    assert_eq!(
        send(&admin, Method::POST, &format!("{path}/services"), an_hour(service))
            .await
            .status,
        201
    );
    let next = Uuid::now_v7();
    assert_eq!(send(&admin, Method::POST, ROSTER, somebody_new(next)).await.status, 201);
    let taken = send(
        &admin,
        Method::POST,
        &format!("{ROSTER}/{next}/services"),
        an_hour(service),
    )
    .await;
    assert_eq!(wrong(&taken), ["id"]);
}

/// The first starts from `from` on, as the list has them.
async fn starts(caller: &Caller<'_>, specialist: impl std::fmt::Display, from: Instant, minutes: i32) -> Vec<String> {
    let to = from.plus_minutes(240);
    let path = format!("/api/specialists/{specialist}/availability?from={from}&to={to}&duration_minutes={minutes}");
    let answer = caller.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let slots = answer.body["days"].as_array().unwrap().iter();
    let slots = slots.flat_map(|day| day["slots"].as_array().unwrap());
    slots
        .map(|slot| slot["starts_at"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_booked_keeps_its_time_and_its_seat() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let admin = app.role("root", "admin");
        let (ada, ben, cleo, dora) = (app.user("ada"), app.user("ben"), app.user("cleo"), app.user("dora"));
        let specialist = app.specialist().sessions(60, 30).capacity(2).create().await;
        let path = format!("{ROSTER}/{}/services/{}", specialist.id, specialist.service);
        let service = |minutes: i32, seats: i32| {
            json!({
                "name": "Group", "duration_minutes": minutes, "slot_interval_minutes": 30, "capacity": seats,
                "price": {"amount_minor": 5000, "currency": "EUR"},
            })
        };
        let start = in_days(3);
        let first = ada.book("k1", &hour(&specialist, start)).await;
        let second = ben.book("k1", &hour(&specialist, start)).await;
        for booked in [&first, &second] {
            assert_eq!(booked.status, 202, "{booked:?}");
            app.until_status(booked.session(), SessionState::Confirmed).await;
        }
        // Mails go on record meanwhile, and change none of this.
        let seat = async |booked: &Answer| {
            let row = app.row(booked.session()).await.unwrap();
            (
                row.status,
                row.starts_at,
                row.ends_at,
                row.blocks_until,
                row.seat_group,
                row.seat,
                row.version,
            )
        };
        let rows = async || (seat(&first).await, seat(&second).await);
        let before = rows().await;

        // Fewer seats than are sold: full, and nothing beside it.
        assert_eq!(send(&admin, Method::PUT, &path, service(60, 1)).await.status, 200);
        let free = starts(&cleo, specialist.id, start, 60).await;
        assert_eq!(free.first(), Some(&start.plus_minutes(60).to_string()), "{free:?}");
        let full = cleo.book("full", &hour(&specialist, start)).await;
        assert_eq!((full.status, full.error()), (409, "slot_taken"));

        // More and longer seats: the third is longer than those before it, and nothing is sold into its end.
        assert_eq!(send(&admin, Method::PUT, &path, service(90, 3)).await.status, 200);
        let longer = |at: Instant| json!({"specialist_id": specialist.id, "starts_at": at, "duration_minutes": 90});
        let third = cleo.book("third", &longer(start)).await;
        assert_eq!(third.status, 202, "{third:?}");
        app.until_status(third.session(), SessionState::Confirmed).await;
        let free = starts(&dora, specialist.id, start, 90).await;
        assert_eq!(free.first(), Some(&start.plus_minutes(90).to_string()), "{free:?}");
        let early = dora.book("early", &longer(start.plus_minutes(60))).await;
        assert_eq!((early.status, early.error()), (409, "slot_taken"));
        assert_eq!(dora.book("next", &longer(start.plus_minutes(90))).await.status, 202);

        // Neither that nor the end of the service changes what is booked.
        assert_eq!(send(&admin, Method::DELETE, &path, Value::Null).await.status, 200);
        let retire = format!("{ROSTER}/{}", specialist.id);
        assert_eq!(send(&admin, Method::DELETE, &retire, Value::Null).await.status, 200);
        assert_eq!(rows().await, before);
        until_status(&ada, first.id(), "confirmed").await;
        let refused = dora.book("gone", &longer(start.plus_minutes(300))).await;
        assert_eq!((refused.status, refused.error()), (404, "specialist_not_found"));
    })
    .await;
}
