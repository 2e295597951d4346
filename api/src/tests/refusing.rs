//! Commands without an engine: what a read refuses, what a row answers, and what nobody can tell.

use super::{bearer, day_off, monday, problem, session, specialist, start, told};
use crate::http::body::canonical;
use entities::{session as rows, session_text};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId},
    sessions::{contract::session_id, state::SessionState},
};

#[tokio::test]
async fn what_a_read_shows_to_be_refused_is_refused_with_starts_that_would_do() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let anna = specialist(&app.state, "Anna", None).await;
    let other = UserId(Uuid::now_v7());
    session(
        &app.state,
        SessionId(Uuid::now_v7()),
        other,
        anna,
        monday(),
        SessionState::Held,
        "",
    )
    .await;
    day_off(&app.state, anna, "2031-06-03").await;
    for (at, minutes, status, code, next) in [
        ("2031-06-02T10:00:00Z", 30, 409, "slot_taken", "2031-06-02T10:30:00Z"),
        (
            "2031-06-02T10:10:00Z",
            30,
            422,
            "outside_schedule",
            "2031-06-02T10:30:00Z",
        ),
        (
            "2031-06-01T10:00:00Z",
            30,
            422,
            "outside_schedule",
            "2031-06-02T09:00:00Z",
        ),
        ("2031-06-03T10:00:00Z", 30, 422, "day_off", "2031-06-04T09:00:00Z"),
        (
            "2031-06-02T11:00:00Z",
            45,
            422,
            "unknown_duration",
            "2031-06-02T11:00:00Z",
        ),
    ] {
        let body = json!({"specialist_id": anna, "starts_at": at, "duration_minutes": minutes});
        let request = app
            .client
            .post("/api/sessions")
            .header("authorization", &token)
            .body_json(&body);
        let (got, told, body) = problem(request.send().await).await;
        assert_eq!((got, told.as_str()), (status, code), "{at}");
        assert_eq!(body["next_slots"][0]["starts_at"], next, "{body}");
        assert_eq!(body["next_slots"].as_array().unwrap().len(), 5);
    }
    let past = json!({"specialist_id": anna, "starts_at": "2020-06-01T10:00:00Z", "duration_minutes": 30});
    let request = app
        .client
        .post("/api/sessions")
        .header("authorization", &token)
        .body_json(&past);
    assert_eq!(problem(request.send().await).await.1, "too_soon");
    let nobody = json!({"specialist_id": Uuid::now_v7(), "starts_at": "2031-06-02T10:00:00Z", "duration_minutes": 30});
    let request = app
        .client
        .post("/api/sessions")
        .header("authorization", &token)
        .body_json(&nobody);
    let (status, code, _) = problem(request.send().await).await;
    assert_eq!((status, code.as_str()), (404, "specialist_not_found"));
}

#[tokio::test]
async fn a_wall_clock_that_skips_the_time_refuses_it() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let anna = specialist(&app.state, "Anna", None).await;
    let ask = async |date: &str, time: &str, zone: Value| {
        let body =
            json!({"specialist_id": anna, "date": date, "time": time, "time_zone": zone, "duration_minutes": 30});
        problem(
            app.client
                .post("/api/sessions")
                .header("authorization", &token)
                .body_json(&body)
                .send()
                .await,
        )
        .await
    };
    let (status, code, body) = ask("2031-03-30", "02:30", json!("Europe/Berlin")).await;
    assert_eq!(
        (status, code.as_str(), &body["errors"][0]["field"]),
        (422, "invalid_request", &json!("time"))
    );
    // Without a zone it is the specialist's clock, by which Sunday has no hours.
    assert_eq!(ask("2031-03-30", "02:30", json!(null)).await.1, "outside_schedule");
    // Ten in Berlin is eight in the specialist's zone: too early.
    assert_eq!(
        ask("2031-06-02", "10:00", json!("Europe/Berlin")).await.1,
        "outside_schedule"
    );
}

#[tokio::test]
async fn without_an_engine_nothing_is_booked() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let anna = specialist(&app.state, "Anna", None).await;
    let body =
        json!({"specialist_id": anna, "starts_at": "2031-06-02T10:00:00Z", "duration_minutes": 30, "notes": "hi"});
    let response = app
        .client
        .post("/api/sessions")
        .header("authorization", &token)
        .body_json(&body)
        .send()
        .await;
    assert!(response.0.header("retry-after").is_some());
    let (status, code, _) = problem(response).await;
    assert_eq!((status, code.as_str()), (503, "engine_unavailable"));
    let texts = session_text::Entity::find().all(app.state.db.reader()).await.unwrap();
    assert_eq!(
        (texts.len(), texts[0].text.as_str()),
        (1, "hi"),
        "stored before the command"
    );
}

#[tokio::test]
async fn the_row_of_a_key_answers_for_it() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let ada = UserId(app.issuer.subject("ada"));
    let anna = specialist(&app.state, "Anna", None).await;
    let body = json!({"specialist_id": anna, "starts_at": "2031-06-02T10:00:00Z", "duration_minutes": 30});
    let hash = app.state.hasher.hash(&canonical(&body));
    for (key, status, expected) in [
        ("a", SessionState::Confirmed, 201),
        ("b", SessionState::Cancelled, 202),
        ("c", SessionState::Failed, 202),
    ] {
        let id = session_id(ada, key);
        session(&app.state, id, ada, anna, monday(), status, &hash).await;
        let request = app
            .client
            .post("/api/sessions")
            .header("authorization", &token)
            .header("idempotency-key", key);
        let response = request.header("prefer", "wait=1").body_json(&body).send().await;
        response.assert_header("location", format!("/api/sessions/{id}"));
        response.assert_header("idempotency-key", key);
        response.assert_header("preference-applied", "wait");
        let (status, told) = told(response).await;
        assert_eq!((status, &told["id"]), (expected, &json!(id)), "{key}");
    }
    let reordered =
        format!(r#"{{ "duration_minutes": 30, "starts_at": "2031-06-02T10:00:00Z", "specialist_id": "{anna}" }}"#);
    let request = app
        .client
        .post("/api/sessions")
        .header("authorization", &token)
        .header("idempotency-key", "a");
    let (status, _) = told(request.content_type("application/json").body(reordered).send().await).await;
    assert_eq!(status, 201, "the same body in another order");
    let mut another = body.clone();
    another["duration_minutes"] = json!(60);
    let request = app
        .client
        .post("/api/sessions")
        .header("authorization", &token)
        .header("idempotency-key", "a");
    let (status, code, _) = problem(request.body_json(&another).send().await).await;
    assert_eq!((status, code.as_str()), (422, "idempotency_key_reused"));
    let eve = bearer(&app.issuer, "eve", &["user"]);
    let request = app
        .client
        .post("/api/sessions")
        .header("authorization", eve)
        .header("idempotency-key", "a");
    let (status, code, _) = problem(request.body_json(&body).send().await).await;
    assert_eq!(
        (status, code.as_str()),
        (409, "slot_taken"),
        "another user's equal key is another key"
    );
}

#[tokio::test]
async fn cancelling() {
    let app = start().await;
    let (ada, grace) = (UserId(app.issuer.subject("ada")), UserId(app.issuer.subject("grace")));
    let anna = specialist(&app.state, "Anna", Some(grace)).await;
    let row = async |status, at: &str| {
        let id = SessionId(Uuid::now_v7());
        session(&app.state, id, ada, anna, at.parse().unwrap(), status, "").await;
        id
    };
    let delete = async |id: SessionId, user: &str| {
        let request = app.client.delete(format!("/api/sessions/{id}"));
        request
            .header("authorization", bearer(&app.issuer, user, &["user"]))
            .send()
            .await
    };
    let cancelled = row(SessionState::Cancelled, "2031-06-02T09:00:00Z").await;
    let (status, body) = told(delete(cancelled, "ada").await).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &json!("cancelled")),
        "cancelling twice answers the same"
    );
    let (status, code, _) = problem(delete(cancelled, "eve").await).await;
    assert_eq!((status, code.as_str()), (404, "session_not_found"));
    for state in [
        SessionState::Completed,
        SessionState::NoShow,
        SessionState::Expired,
        SessionState::Failed,
    ] {
        let id = row(state, "2031-06-02T09:30:00Z").await;
        let (status, code, _) = problem(delete(id, "ada").await).await;
        assert_eq!((status, code.as_str()), (409, "wrong_state"), "{state:?}");
        session_gone(&app.state, id).await;
    }
    let begun = row(SessionState::Confirmed, "2020-06-01T10:00:00Z").await;
    assert_eq!(
        problem(delete(begun, "ada").await).await.1,
        "wrong_state",
        "from the start on"
    );
    assert_eq!(
        problem(delete(begun, "grace").await).await.1,
        "engine_unavailable",
        "its specialist may"
    );
    let ahead = row(SessionState::Confirmed, "2031-06-02T11:00:00Z").await;
    let request = app.client.delete(format!("/api/sessions/{ahead}"));
    let request = request.header("authorization", bearer(&app.issuer, "ada", &["user"]));
    let (status, code, _) = problem(request.body_json(&json!({"reason": "ill"})).send().await).await;
    assert_eq!((status, code.as_str()), (503, "engine_unavailable"));
    let request = app.client.delete(format!("/api/sessions/{ahead}"));
    let request = request.header("authorization", bearer(&app.issuer, "ada", &["user"]));
    let (status, code, _) = problem(request.body_json(&json!({"cause": "ill"})).send().await).await;
    assert_eq!((status, code.as_str()), (422, "invalid_request"));
    let (status, code, _) = problem(
        app.client
            .get(format!("/api/sessions/{ahead}/progress"))
            .header("authorization", bearer(&app.issuer, "ada", &["user"]))
            .send()
            .await,
    )
    .await;
    assert_eq!((status, code.as_str()), (503, "engine_unavailable"));
}

/// Make room for the next one.
async fn session_gone(state: &crate::state::State, id: SessionId) {
    rows::Entity::delete_by_id(id).exec(state.db.writer()).await.unwrap();
}
