//! Today's insight, and the library it comes from.

use crate::app::{Answer, Caller, TestApp, on_both};
use activities::testing::{
    database::Kind,
    world::{Setup, World},
};
use entities::{audit, column::LocalDate, daily_insight, profile};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use reqwest::Method;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use workflows::time::Instant;

const TODAY: &str = "/api/daily-insights";
const LIBRARY: &str = "/api/admin/insight-texts";

async fn without_a_worker(kind: Kind) -> TestApp {
    let setup = Setup::idle();
    TestApp::before(World::with(kind, setup).await).await
}

fn admin(app: &TestApp) -> Caller<'_> {
    let mut root = app.user("root");
    root.token = app.issuer.token("root", &["admin"], 600);
    root
}

async fn send(caller: &Caller<'_>, method: Method, path: &str, body: &Value) -> Answer {
    Answer::of(caller.request(method, path).json(body)).await
}

async fn add(caller: &Caller<'_>, body: Value) -> Answer {
    let made = send(caller, Method::POST, LIBRARY, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

/// Say something about somebody who has called before.
async fn tell(app: &TestApp, name: &str, zone: &str, locale: &str, birth_date: Option<&str>) {
    let changes = profile::ActiveModel {
        time_zone: Set(zone.to_owned()),
        locale: Set(locale.to_owned()),
        birth_date: Set(birth_date.map(|date| LocalDate(date.parse().unwrap()))),
        ..Default::default()
    };
    let now = Instant::new(Timestamp::now());
    let tx = app.database.db.begin_write().await.unwrap();
    profile::change(&tx, app.id_of(name), changes, now)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
}

fn date_in(zone: &str) -> Date {
    TimeZone::get(zone).unwrap().to_datetime(Timestamp::now()).date()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_their_own_day_sign_and_language() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let (ada, root) = (app.user("ada"), admin(&app));
        let nothing = ada.get(TODAY).await;
        assert_eq!((nothing.status, nothing.error()), (404, "insight_not_found"));
        let nobody = Answer::of(app.request(Method::GET, TODAY)).await;
        assert_eq!(nobody.status, 401);

        add(&root, json!({"language": "en", "text": "For all", "title": "All"})).await;
        add(&root, json!({"language": "EN", "sign": "leo", "text": "For lions"})).await;
        add(&root, json!({"language": "de", "text": "Für alle"})).await;
        let generic = ada.get(TODAY).await;
        assert_eq!(generic.status, 200, "{generic:?}");
        assert_eq!(
            (
                &generic.body["sign"],
                &generic.body["language"],
                &generic.body["text"],
                &generic.body["title"]
            ),
            (&json!("generic"), &json!("en"), &json!("For all"), &json!("All"))
        );
        assert_eq!(generic.body["date"], date_in("UTC").to_string());

        tell(&app, "ada", "Europe/Berlin", "en-GB", Some("1999-08-22")).await;
        let lion = ada.get(TODAY).await;
        assert_eq!(
            (
                &lion.body["sign"],
                &lion.body["language"],
                &lion.body["text"],
                &lion.body["title"]
            ),
            (&json!("leo"), &json!("en"), &json!("For lions"), &Value::Null)
        );
        tell(&app, "ada", "Europe/Berlin", "de-AT", Some("1999-08-23")).await;
        let virgin = ada.get(TODAY).await;
        assert_eq!(
            (&virgin.body["sign"], &virgin.body["language"], &virgin.body["text"]),
            (&json!("virgo"), &json!("de"), &json!("Für alle"))
        );
        tell(&app, "ada", "Europe/Berlin", "pt-BR", Some("2000-02-29")).await;
        let fish = ada.get(TODAY).await;
        assert_eq!(
            (&fish.body["sign"], &fish.body["language"]),
            (&json!("pisces"), &json!("en"))
        );

        let etag = fish.header("etag").to_owned();
        assert!(!etag.is_empty());
        let age = fish.header("cache-control").strip_prefix("private, max-age=").unwrap();
        let age: i64 = age.parse().unwrap();
        let midnight = date_in("Europe/Berlin").tomorrow().unwrap();
        let left = midnight.in_tz("Europe/Berlin").unwrap().timestamp().as_second() - Timestamp::now().as_second();
        assert!(
            (left - age).abs() <= 60 || left > 86_000,
            "{age}, and {left} s are left of the day"
        );
        let again = Answer::of(ada.request(Method::GET, TODAY).header("If-None-Match", &etag)).await;
        assert_eq!((again.status, &again.body), (304, &Value::Null));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ends_of_the_world_read_two_days_at_one_instant() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let root = admin(&app);
        for n in 0..40 {
            add(&root, json!({"language": "en", "text": format!("Text {n}")})).await;
        }
        let mut seen = Vec::new();
        // The clocks of these two are always 24 hours apart.
        for (name, zone) in [("teuea", "Pacific/Kiritimati"), ("keanu", "Pacific/Honolulu")] {
            let caller = app.user(name);
            caller.sign_in().await;
            tell(&app, name, zone, "en", None).await;
            let insight = caller.get(TODAY).await;
            assert_eq!(insight.status, 200, "{insight:?}");
            seen.push((
                insight.body["date"].as_str().unwrap().parse::<Date>().unwrap(),
                insight.body["text"].as_str().unwrap().to_owned(),
            ));
        }
        assert_eq!(seen[0].0, seen[1].0.tomorrow().unwrap());
        assert_ne!(seen[0].1, seen[1].1, "the day before is not repeated");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_on_demand_is_what_was_to_be_prepared() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let (ada, root) = (app.user("ada"), admin(&app));
        for n in 0..9 {
            add(&root, json!({"language": "en", "text": format!("Text {n}")})).await;
        }
        let first = ada.get(TODAY).await;
        let date: Date = first.body["date"].as_str().unwrap().parse().unwrap();
        let db = &app.database.db;
        daily_insight::prepare_day(db, date, Instant::new(Timestamp::now()))
            .await
            .unwrap();
        let all = daily_insight::Entity::find().count(db.reader()).await.unwrap();
        assert_eq!(all, 13, "the twelve others");
        let many = futures::future::join_all((0..8).map(|_| ada.get(TODAY))).await;
        let texts: BTreeSet<_> = many.iter().map(|answer| answer.body["text"].to_string()).collect();
        assert_eq!(texts, BTreeSet::from([first.body["text"].to_string()]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_is_edited_by_administrators_and_days_follow() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let (ada, root) = (app.user("ada"), admin(&app));
        let made = add(
            &root,
            json!({"language": "de-at", "sign": "generic", "title": " ", "text": " Servus "}),
        )
        .await;
        assert_eq!(
            (
                &made.body["language"],
                &made.body["sign"],
                &made.body["title"],
                &made.body["text"]
            ),
            (&json!("de-AT"), &Value::Null, &Value::Null, &json!("Servus"))
        );
        assert_eq!((&made.body["active"], &made.body["version"]), (&json!(true), &json!(1)));
        let id = made.id().to_owned();
        let path = format!("{LIBRARY}/{id}");

        ada.sign_in().await;
        tell(&app, "ada", "UTC", "de-AT", None).await;
        assert_eq!(ada.get(TODAY).await.body["text"], "Servus");
        let body = json!({"language": "de-AT", "text": "Grüß Gott"});
        let put = async |tag: &str, body: &Value| {
            Answer::of(root.request(Method::PUT, &path).header("If-Match", tag).json(body)).await
        };
        let lost = put("\"7\"", &body).await;
        assert_eq!((lost.status, lost.error()), (412, "version_mismatch"), "{lost:?}");
        let changed = put("\"1\"", &body).await;
        assert_eq!(
            (changed.status, &changed.body["version"]),
            (200, &json!(2)),
            "{changed:?}"
        );
        let same = put("*", &body).await;
        assert_eq!(same.body["version"], 2, "nothing has changed");
        assert_eq!(ada.get(TODAY).await.body["text"], "Grüß Gott", "today follows");

        let other = add(&root, json!({"language": "de", "text": "Guten Tag"})).await;
        let resting = json!({"language": "de-AT", "text": "Grüß Gott", "active": false});
        assert_eq!(put("\"2\"", &resting).await.status, 200);
        assert_eq!(ada.get(TODAY).await.body["text"], "Guten Tag");
        let removed = Answer::of(root.request(Method::DELETE, &format!("{LIBRARY}/{}", other.id()))).await;
        assert_eq!((removed.status, &removed.body["text"]), (200, &json!("Guten Tag")));
        let gone = Answer::of(root.request(Method::DELETE, &format!("{LIBRARY}/{}", other.id()))).await;
        assert_eq!((gone.status, gone.error()), (404, "insight_text_not_found"));
        assert_eq!(ada.get(TODAY).await.error(), "insight_not_found");

        let entries = audit::Entity::find()
            .filter(audit::Column::TargetKind.eq("insight_text"))
            .order_by_asc(audit::Column::At)
            .order_by_asc(audit::Column::Id)
            .all(app.database.db.reader())
            .await
            .unwrap();
        let told: Vec<_> = entries
            .iter()
            .map(|entry| (entry.action.as_str(), entry.fields.0.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("insight_text.create", "language,sign,title,text,active".to_owned()),
                ("insight_text.update", "text".to_owned()),
                ("insight_text.create", "language,sign,title,text,active".to_owned()),
                ("insight_text.update", "active".to_owned()),
                ("insight_text.delete", String::new()),
            ]
        );
        assert!(
            entries
                .iter()
                .all(|entry| entry.actor_role == "admin" && entry.request_id.is_some())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_is_nobody_elses_and_takes_no_nonsense() {
    let app = without_a_worker(Kind::Sqlite).await;
    let (ada, root) = (app.user("ada"), admin(&app));
    let body = json!({"language": "en", "text": "x"});
    let id = add(&root, body.clone()).await.id().to_owned();
    let path = format!("{LIBRARY}/{id}");
    for (method, path) in [
        (Method::GET, LIBRARY),
        (Method::POST, LIBRARY),
        (Method::PUT, path.as_str()),
        (Method::DELETE, path.as_str()),
    ] {
        let refused = send(&ada, method.clone(), path, &body).await;
        let told = (refused.status, refused.error());
        assert_eq!(told, (403, "insufficient_permissions"), "{method} {path}");
        let nobody = Answer::of(app.request(method.clone(), path).json(&body)).await;
        assert_eq!(nobody.status, 401, "{method} {path}");
    }
    for (wrong, field) in [
        (json!({"language": "en"}), "text"),
        (json!({"text": "x"}), "language"),
        (json!({"language": "e", "text": "x"}), "language"),
        (json!({"language": 7, "text": "x"}), "language"),
        (json!({"language": "en", "text": "  "}), "text"),
        (json!({"language": "en", "text": "x".repeat(2_001)}), "text"),
        (
            json!({"language": "en", "text": "x", "title": "x".repeat(201)}),
            "title",
        ),
        (json!({"language": "en", "text": "x", "sign": "ophiuchus"}), "sign"),
        (json!({"language": "en", "text": "x", "active": "yes"}), "active"),
        (json!({"language": "en", "text": "x", "author": "x"}), "author"),
    ] {
        for (method, path) in [(Method::POST, LIBRARY), (Method::PUT, path.as_str())] {
            let refused = send(&root, method, path, &wrong).await;
            assert_eq!((refused.status, refused.error()), (422, "invalid_request"), "{wrong}");
            assert_eq!(refused.body["errors"][0]["field"], field, "{refused:?}");
        }
    }
    for (query, field) in [
        ("language=_", "language"),
        ("sign=cat", "sign"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let refused = root.get(&format!("{LIBRARY}?{query}")).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["field"]),
            (422, &json!(field))
        );
    }
    for path in [
        format!("{LIBRARY}/x"),
        format!("{LIBRARY}/0190a6c2-7f3e-7d7e-9c55-0f6d3f7f8f10"),
    ] {
        let missing = send(&root, Method::PUT, &path, &body).await;
        assert_eq!((missing.status, missing.error()), (404, "insight_text_not_found"));
    }

    for n in 0..4 {
        add(&root, json!({"language": "de", "sign": "leo", "text": format!("{n}")})).await;
    }
    let mut texts = Vec::new();
    let mut next = format!("{LIBRARY}?language=DE&sign=leo&active=true&limit=3");
    loop {
        let page = root.get(&next).await;
        assert_eq!(page.status, 200, "{page:?}");
        texts.extend(
            page.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|text| text["text"].clone()),
        );
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        next = format!("{LIBRARY}?language=de&sign=leo&active=true&limit=3&cursor={cursor}");
    }
    assert_eq!(texts, ["0", "1", "2", "3"]);
    assert_eq!(
        root.get(&format!("{LIBRARY}?sign=generic")).await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
