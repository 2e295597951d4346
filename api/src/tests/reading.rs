//! What is read: specialists, reviews, sessions.

use super::{bearer, day_off, monday, problem, service, session, specialist, start, told};
use entities::{review, session as rows, session_event, session_text};
use poem::http::StatusCode;
use serde_json::json;
use uuid::Uuid;
use workflows::{
    ids::{ReviewId, SessionId, TextId, UserId},
    sessions::state::SessionState,
};

#[tokio::test]
async fn specialists_are_listed_page_by_page() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    for name in ["Carl", "Anna", "Bert"] {
        specialist(&app.state, name, None).await;
    }
    let list = async |query: &str| {
        let path = format!("/api/specialists?{query}");
        let (status, body) = told(app.client.get(path).header("authorization", &token).send().await).await;
        assert_eq!(status, 200, "{query}: {body}");
        body
    };
    let names = |body: &serde_json::Value| {
        let items = body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = list("limit=2").await;
    assert_eq!(names(&first), ["Anna", "Bert"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = list(&format!("limit=2&cursor={cursor}")).await;
    assert_eq!(
        (names(&second), &second["next_cursor"]),
        (vec!["Carl".to_owned()], &json!(null))
    );
    let anna = &first["items"][0];
    assert_eq!(anna["rating"], 4.33);
    assert_eq!(anna["minimum_notice_minutes"], 60);
    assert_eq!(
        anna["services"][0]["price"],
        json!({"amount_minor": 3_000, "currency": "EUR"})
    );
    for (query, n) in [
        ("specialty=Tarot", 3),
        ("specialty=chess", 0),
        ("language=de&q=ann", 1),
        ("min_rating=4.33", 3),
        ("min_rating=4.4", 0),
        ("max_price=2999", 0),
        ("max_price=3000&sort=price", 3),
        ("sort=rating", 3),
    ] {
        assert_eq!(list(query).await["items"].as_array().unwrap().len(), n, "{query}");
    }
    let cursor = list("sort=rating&limit=1").await["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/specialists?sort=price&cursor={cursor}");
    let (status, ..) = problem(app.client.get(path).header("authorization", &token).send().await).await;
    assert_eq!(status, 422, "a cursor of another order");
}

#[tokio::test]
async fn specialists_who_are_free_on_a_day() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let anna = specialist(&app.state, "Anna", None).await;
    for name in ["Bert", "Carl", "Dora"] {
        specialist(&app.state, name, None).await;
    }
    day_off(&app.state, anna, "2031-06-02").await;
    let list = async |query: &str| {
        let path = format!("/api/specialists?available_on={query}");
        told(app.client.get(path).header("authorization", &token).send().await)
            .await
            .1
    };
    let some = list("2031-06-02&limit=2").await;
    assert_eq!(
        (&some["items"][0]["name"], &some["items"][1]["name"]),
        (&json!("Bert"), &json!("Carl"))
    );
    let rest = list(&format!(
        "2031-06-02&limit=2&cursor={}",
        some["next_cursor"].as_str().unwrap()
    ))
    .await;
    assert_eq!(
        (&rest["items"][0]["name"], &rest["next_cursor"]),
        (&json!("Dora"), &json!(null))
    );
    assert_eq!(list("2031-06-01").await["items"], json!([]), "a Sunday");
}

#[tokio::test]
async fn a_specialist_has_a_tag() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let path = format!("/api/specialists/{}", specialist(&app.state, "Anna", None).await);
    let first = app.client.get(&path).header("authorization", &token).send().await;
    let tag = first.0.header("etag").unwrap().to_owned();
    let again = app
        .client
        .get(&path)
        .header("authorization", &token)
        .header("if-none-match", &tag)
        .send()
        .await;
    again.assert_status(StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn free_slots_by_day() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let anna = specialist(&app.state, "Anna", None).await;
    let hour = service(&app.state, anna, 1, 60).await;
    let client = UserId(Uuid::now_v7());
    session(
        &app.state,
        SessionId(Uuid::now_v7()),
        client,
        anna,
        monday(),
        SessionState::Confirmed,
        "",
    )
    .await;
    let ask = async |query: &str| {
        let path = format!("/api/specialists/{anna}/availability?{query}");
        told(app.client.get(path).header("authorization", &token).send().await).await
    };
    let (status, body) =
        ask("from=2031-06-02T09:30:00Z&to=2031-06-02T11:00:00Z&duration_minutes=30&time_zone=Asia/Kathmandu").await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"specialist_id": anna, "time_zone": "Asia/Kathmandu", "days": [{"date": "2031-06-02", "slots": [
            {"starts_at": "2031-06-02T09:30:00Z", "ends_at": "2031-06-02T10:00:00Z"},
            {"starts_at": "2031-06-02T10:30:00Z", "ends_at": "2031-06-02T11:00:00Z"},
        ]}]})
    );
    let (_, body) = ask(&format!(
        "from=2031-06-02T09:00:00Z&to=2031-06-02T11:00:00Z&service_id={hour}"
    ))
    .await;
    assert_eq!(body["days"][0]["slots"].as_array().unwrap().len(), 1, "{body}");
    let (status, body) = ask("from=2031-06-02T09:00:00Z&to=2031-06-02T11:00:00Z&duration_minutes=45").await;
    assert_eq!((status, &body["error"]), (422, &json!("unknown_duration")));
}

#[tokio::test]
async fn the_ends_of_time_are_answered() {
    let app = start().await;
    let token = bearer(&app.issuer, "root", &["admin"]);
    let anna = specialist(&app.state, "Anna", None).await;
    for query in [
        "availability?from=0000-01-01T00:00:00Z&to=0000-01-03T00:00:00Z&duration_minutes=30",
        "availability?from=9999-12-29T00:00:00Z&to=9999-12-30T00:00:00Z&duration_minutes=30&time_zone=Pacific/Apia",
        "availability/explain?at=9999-12-30T21:59:59Z&duration_minutes=30",
        "availability/explain?at=0000-01-01T00:00:00Z&duration_minutes=30",
    ] {
        let path = format!("/api/specialists/{anna}/{query}");
        let (status, body) = told(app.client.get(path).header("authorization", &token).send().await).await;
        assert_eq!(status, 200, "{query}: {body}");
    }
    for at in ["0000-01-01T00:00:00Z", "9999-12-30T10:00:00Z"] {
        let body = json!({"specialist_id": anna, "starts_at": at, "duration_minutes": 30});
        let request = app
            .client
            .post("/api/sessions")
            .header("authorization", &token)
            .body_json(&body);
        let (status, _) = told(request.send().await).await;
        assert!(status == 422 || status == 503, "{at}: {status}");
    }
    for date in ["0000-01-01", "9999-12-31"] {
        let path = format!("/api/specialists?available_on={date}");
        let (status, body) = told(app.client.get(path).header("authorization", &token).send().await).await;
        assert_eq!(status, 200, "{date}: {body}");
        let body = json!({"specialist_id": anna, "date": date, "time": "23:59", "duration_minutes": 30});
        let request = app
            .client
            .post("/api/sessions")
            .header("authorization", &token)
            .body_json(&body);
        assert_eq!(told(request.send().await).await.0, 422, "{date}");
    }
}

#[tokio::test]
async fn why_not() {
    let app = start().await;
    let grace = UserId(app.issuer.subject("grace"));
    let anna = specialist(&app.state, "Anna", Some(grace)).await;
    session(
        &app.state,
        SessionId(Uuid::now_v7()),
        grace,
        anna,
        monday(),
        SessionState::Held,
        "",
    )
    .await;
    let ask = async |user: &str, roles: &[&str], at: &str| {
        let path = format!("/api/specialists/{anna}/availability/explain?at={at}&duration_minutes=30");
        let token = bearer(&app.issuer, user, roles);
        told(app.client.get(path).header("authorization", token).send().await).await
    };
    let (status, body) = ask("grace", &["specialist"], "2031-06-02T10:00:00Z").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["bookable"], &body["because"]),
        (&json!(false), &json!(["slot_taken"]))
    );
    assert_eq!(body["blockers"][0]["starts_at"], "2031-06-02T10:00:00Z");
    let (_, body) = ask("root", &["admin"], "2031-06-02T10:30:00Z").await;
    assert_eq!((&body["bookable"], &body["because"]), (&json!(true), &json!([])));
    let (status, body) = ask("ada", &["user"], "2031-06-02T10:30:00Z").await;
    assert_eq!((status, &body["error"]), (403, &json!("insufficient_permissions")));
}

#[tokio::test]
async fn reviews_newest_first() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let anna = specialist(&app.state, "Anna", None).await;
    let tx = app.state.db.begin_write().await.unwrap();
    for (day, rating) in [(1, 5), (2, 4), (3, 5)] {
        let row = review::Model {
            id: ReviewId(Uuid::now_v7()),
            session_id: None,
            specialist_id: anna,
            client_id: None,
            author: "A.".to_owned(),
            rating,
            text: format!("day {day}"),
            created_at: format!("2026-01-0{day}T00:00:00Z").parse().unwrap(),
        };
        review::insert(&tx, row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let path = format!("/api/reviews/{anna}?limit=2");
    let (status, first) = told(app.client.get(&path).header("authorization", &token).send().await).await;
    assert_eq!((status, &first["items"][0]["text"]), (200, &json!("day 3")));
    assert_eq!((&first["average"], &first["count"]), (&json!(4.67), &json!(3)));
    assert_eq!(first["histogram"], json!({"1": 0, "2": 0, "3": 0, "4": 1, "5": 2}));
    let next = format!("{path}&cursor={}", first["next_cursor"].as_str().unwrap());
    let (_, second) = told(app.client.get(next).header("authorization", &token).send().await).await;
    assert_eq!(
        (&second["items"][0]["text"], &second["next_cursor"]),
        (&json!("day 1"), &json!(null))
    );
}

#[tokio::test]
async fn a_session_is_seen_by_those_it_concerns() {
    let app = start().await;
    let (ada, grace) = (UserId(app.issuer.subject("ada")), UserId(app.issuer.subject("grace")));
    let anna = specialist(&app.state, "Anna", Some(grace)).await;
    let id = SessionId(Uuid::now_v7());
    session(&app.state, id, ada, anna, monday(), SessionState::Confirmed, "").await;
    let tx = app.state.db.begin_write().await.unwrap();
    let event = session_event::NewEvent {
        at: monday(),
        step: "reservation".to_owned(),
        status: "done".to_owned(),
        detail: None,
        key: "k".to_owned(),
    };
    session_event::append(&tx, id, vec![event]).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/api/sessions/{id}");
    let get = |user: &str, roles: &[&str]| {
        app.client
            .get(&path)
            .header("authorization", bearer(&app.issuer, user, roles))
            .send()
    };
    for (user, roles) in [
        ("ada", vec!["user"]),
        ("grace", vec!["specialist"]),
        ("root", vec!["admin"]),
    ] {
        let response = get(user, &roles).await;
        response.assert_header("etag", "\"3\"");
        let (status, body) = told(response).await;
        assert_eq!((status, &body["status"]), (200, &json!("confirmed")), "{user}");
        assert_eq!(body["progress"][0]["step"], "reservation");
        assert_eq!((&body["user_id"], &body["notes"]), (&json!(ada), &json!(null)));
        assert!(body.get("series_id").is_none() && body.get("late_cancel").is_none());
    }
    let (status, code, _) = problem(get("eve", &["user"]).await).await;
    assert_eq!((status, code.as_str()), (404, "session_not_found"));
    let same = app
        .client
        .get(&path)
        .header("authorization", bearer(&app.issuer, "ada", &[]));
    same.header("if-none-match", "\"3\"")
        .send()
        .await
        .assert_status(StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn own_sessions_latest_first() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let ada = UserId(app.issuer.subject("ada"));
    let anna = specialist(&app.state, "Anna", None).await;
    for (n, status) in [
        (0, SessionState::Confirmed),
        (1, SessionState::Cancelled),
        (2, SessionState::Held),
    ] {
        let id = SessionId(Uuid::now_v7());
        session(&app.state, id, ada, anna, monday().plus_minutes(30 * n), status, "").await;
    }
    let page = app
        .client
        .get("/api/sessions?limit=1")
        .header("authorization", &token)
        .send()
        .await;
    let link = page.0.header("link").unwrap();
    assert!(
        link.starts_with("</api/sessions?limit=1&cursor=") && link.ends_with(">; rel=\"next\""),
        "{link}"
    );
    let list = async |query: &str| {
        let path = format!("/api/sessions?{query}");
        told(app.client.get(path).header("authorization", &token).send().await)
            .await
            .1
    };
    let first = list("limit=2").await;
    let starts = |body: &serde_json::Value| {
        let items = body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["starts_at"].as_str().unwrap().get(11..16).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(starts(&first), ["11:00", "10:30"]);
    let second = list(&format!("limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(
        (starts(&second), &second["next_cursor"]),
        (vec!["10:00".to_owned()], &json!(null))
    );
    assert_eq!(starts(&list("status=held&status=confirmed").await), ["11:00", "10:00"]);
    assert_eq!(
        starts(&list("from=2031-06-02T10:30:00Z&to=2031-06-02T11:00:00Z").await),
        ["10:30"]
    );
    let others = app
        .client
        .get("/api/sessions")
        .header("authorization", bearer(&app.issuer, "eve", &[]));
    assert_eq!(told(others.send().await).await.1["items"], json!([]));
}

#[tokio::test]
async fn notes_are_shown_with_the_session() {
    let app = start().await;
    let ada = UserId(app.issuer.subject("ada"));
    let anna = specialist(&app.state, "Anna", None).await;
    let (id, notes) = (SessionId(Uuid::now_v7()), TextId(Uuid::now_v7()));
    let text = session_text::Model {
        id: notes,
        author_id: ada,
        kind: session_text::Kind::Notes,
        text: "first time".to_owned(),
        created_at: monday(),
    };
    let tx = app.state.db.begin_write().await.unwrap();
    session_text::insert(&tx, text).await.unwrap();
    tx.commit().await.unwrap();
    let row = session(&app.state, id, ada, anna, monday(), SessionState::Held, "").await;
    let tx = app.state.db.begin_write().await.unwrap();
    let changes = rows::ActiveModel {
        notes_id: sea_orm::Set(Some(notes)),
        ..Default::default()
    };
    rows::change(&tx, row.id, changes, 0, monday()).await.unwrap();
    tx.commit().await.unwrap();
    let request = app
        .client
        .get(format!("/api/sessions/{id}"))
        .header("authorization", bearer(&app.issuer, "ada", &[]));
    let (status, body) = told(request.send().await).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["notes"], &body["version"]), (&json!("first time"), &json!(4)));
}
