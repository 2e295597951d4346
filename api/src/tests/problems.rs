//! Everything that is refused has one shape.

use super::{bearer, fields, problem, specialist, start, start_with, told};
use crate::{config::Cors, edge::Edge};
use poem::{Request, Response, endpoint::make, http::StatusCode, test::TestClient};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn addresses_and_methods() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/api/sessions/1/nothing",
        "/health/x",
        "/api/%ff",
    ] {
        let (status, code, body) = problem(app.client.get(path).send().await).await;
        assert_eq!((status, code.as_str()), (404, "not_found"), "{path}");
        assert_eq!(body["instance"], path);
    }
    for (method, path, allow) in [
        ("PATCH", "/api/sessions", "GET, HEAD, POST"),
        (
            "POST",
            "/api/sessions/0190a6c2-7f3e-7d7e-9c55-0f6d3f7f8f10",
            "DELETE, GET, HEAD, PUT",
        ),
        ("DELETE", "/health", "GET, HEAD"),
        ("PUT", "/api/openapi.json", "GET, HEAD"),
        ("OPTIONS", "/api/sessions", "GET, HEAD, POST"),
    ] {
        let response = app.client.request(method.parse().unwrap(), path).send().await;
        assert_eq!(response.0.header("allow"), Some(allow), "{method} {path}");
        assert_eq!(problem(response).await.1, "method_not_allowed");
    }
    for (path, code) in [
        ("/api/sessions/1", "session_not_found"),
        (
            "/api/sessions/0190a6c27f3e7d7e9c550f6d3f7f8f10/progress",
            "session_not_found",
        ),
        ("/api/specialists/x", "specialist_not_found"),
        ("/api/reviews/x", "specialist_not_found"),
        (
            "/api/sessions/0190a6c2-7f3e-7d7e-9c55-0f6d3f7f8f10",
            "session_not_found",
        ),
        (
            "/api/specialists/0190a6c2-7f3e-7d7e-9c55-0f6d3f7f8f10",
            "specialist_not_found",
        ),
        (
            "/api/reviews/0190a6c2-7f3e-7d7e-9c55-0f6d3f7f8f10",
            "specialist_not_found",
        ),
    ] {
        let (status, told, _) = problem(app.client.get(path).header("authorization", &token).send().await).await;
        assert_eq!((status, told.as_str()), (404, code), "{path}");
    }
    let head = app
        .client
        .head("/api/sessions/x")
        .header("authorization", &token)
        .send()
        .await;
    assert_eq!(head.0.status(), StatusCode::NOT_FOUND);
    assert!(head.0.into_body().is_empty());
}

#[tokio::test]
async fn queries() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let id = specialist(&app.state, "Grace", None).await;
    let span = "from=2031-06-02T00:00:00Z&to=2031-06-03T00:00:00Z";
    for (path, field) in [
        ("/api/sessions?limit=0".to_owned(), "limit"),
        ("/api/sessions?limit=x".to_owned(), "limit"),
        ("/api/sessions?status=gone".to_owned(), "status"),
        ("/api/sessions?from=yesterday".to_owned(), "from"),
        ("/api/sessions?cursor=x".to_owned(), "cursor"),
        ("/api/specialists?min_rating=6".to_owned(), "min_rating"),
        ("/api/specialists?min_rating=NaN".to_owned(), "min_rating"),
        ("/api/specialists?max_price=-1".to_owned(), "max_price"),
        ("/api/specialists?sort=luck".to_owned(), "sort"),
        ("/api/specialists?q=%00".to_owned(), "q"),
        ("/api/specialists?available_on=tomorrow".to_owned(), "available_on"),
        ("/api/specialists?cursor=WyJzZXNzaW9ucyIsWzEsMl1d".to_owned(), "cursor"),
        (format!("/api/specialists/{id}/availability?{span}"), "duration_minutes"),
        (
            format!("/api/specialists/{id}/availability?{span}&duration_minutes=30&service_id={id}"),
            "service_id",
        ),
        (
            format!("/api/specialists/{id}/availability?{span}&duration_minutes=30&time_zone=Mars"),
            "time_zone",
        ),
        (
            format!("/api/specialists/{id}/availability?to=2031-06-03T00:00:00Z&duration_minutes=30"),
            "from",
        ),
        (
            format!(
                "/api/specialists/{id}/availability?from=2031-06-02T00:00:00Z&to=2031-06-01T00:00:00Z&duration_minutes=30"
            ),
            "to",
        ),
        (
            format!(
                "/api/specialists/{id}/availability?from=2031-06-02T00:00:00Z&to=2031-09-01T00:00:00Z&duration_minutes=30"
            ),
            "to",
        ),
        (
            format!("/api/specialists/{id}/availability/explain?duration_minutes=30"),
            "at",
        ),
        (format!("/api/reviews/{id}?limit=101"), "limit"),
    ] {
        let (status, code, body) = problem(app.client.get(&path).header("authorization", &token).send().await).await;
        assert_eq!((status, code.as_str()), (422, "invalid_request"), "{path}");
        assert_eq!(body["errors"][0]["field"], field, "{path}: {body}");
    }
}

#[tokio::test]
async fn bodies() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let post = |body: Vec<u8>, content_type: &'static str| {
        let request = app.client.post("/api/sessions").header("authorization", &token);
        let request = if content_type.is_empty() {
            request
        } else {
            request.content_type(content_type)
        };
        request.body(body).send()
    };
    let json = "application/json";
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (body, content_type, status, code) in [
        ("{".to_owned(), json, 400, "invalid_json"),
        (String::new(), json, 400, "invalid_json"),
        (deep, json, 400, "invalid_json"),
        (r#"{"notes": "\ud800"}"#.to_owned(), json, 400, "invalid_json"),
        ("[]".to_owned(), json, 422, "invalid_request"),
        ("{}".to_owned(), json, 422, "invalid_request"),
        (
            "{}".to_owned(),
            "application/json; charset=utf-8",
            422,
            "invalid_request",
        ),
        ("{}".to_owned(), "text/plain", 415, "unsupported_media_type"),
        ("{}".to_owned(), "", 415, "unsupported_media_type"),
        (" ".repeat(1024 * 1024 + 1), json, 413, "payload_too_large"),
        (
            format!(r#"{{"notes": "{}"}}"#, "n".repeat(5_000_000)),
            json,
            413,
            "payload_too_large",
        ),
    ] {
        let shown: String = body.chars().take(20).collect();
        let (got, told, _) = problem(post(body.into_bytes(), content_type).await).await;
        assert_eq!((got, told.as_str()), (status, code), "{shown}");
    }
    let wrong = json!({"specialist_id": "x", "notes": "a\u{0}b", "holds": true, "duration_minutes": 30});
    let (_, _, body) = problem(post(wrong.to_string().into_bytes(), json).await).await;
    assert_eq!(
        fields(&body),
        [
            "notes invalid",
            "starts_at missing",
            "specialist_id invalid",
            "holds unknown"
        ]
    );
}

#[tokio::test]
async fn keys_are_visible_ascii() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    for key in ["", "two words", "schlüssel", &"k".repeat(256)] {
        let request = app
            .client
            .post("/api/sessions")
            .header("authorization", &token)
            .header("idempotency-key", key);
        let (status, _, body) = problem(request.body_json(&json!({})).send().await).await;
        assert_eq!(
            (status, fields(&body)),
            (422, vec!["Idempotency-Key invalid".to_owned()]),
            "{key:?}"
        );
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_too() {
    let edge = Edge::new(make(panic_now), Cors::None, Vec::new());
    let (status, code, body) = problem(TestClient::new(edge).get("/").send().await).await;
    assert_eq!((status, code.as_str()), (500, "internal_error"));
    assert!(!body.to_string().contains("secret"), "{body}");
}

async fn panic_now(_: Request) -> Response {
    panic!("secret")
}

#[tokio::test]
async fn ids_and_headers() {
    let app = start().await;
    let theirs = app.client.get("/health").header("x-request-id", "abc-123").send().await;
    theirs.assert_header("x-request-id", "abc-123");
    for bad in ["", "two words", &"x".repeat(129)] {
        let made = app.client.get("/health").header("x-request-id", bad).send().await;
        assert!(
            Uuid::parse_str(made.0.header("x-request-id").unwrap()).is_ok(),
            "{bad:?}"
        );
    }
    let health = app.client.get("/health").send().await;
    for (name, value) in [
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        health.assert_header(name, value);
    }
    let (status, ready) = told(app.client.get("/ready").send().await).await;
    assert_eq!(status, 200);
    assert_eq!((&ready["database"], &ready["redis"]), (&json!("ok"), &json!("off")));
}

#[tokio::test]
async fn origins() {
    let ours = "https://app.example.com";
    let app = start_with(|mut config| {
        config.cors = Cors::Origins(vec![ours.to_owned()]);
        config
    })
    .await;
    let preflight = |origin: &'static str| {
        app.client
            .request(poem::http::Method::OPTIONS, "/api/sessions")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .send()
    };
    let allowed = preflight(ours).await;
    allowed.assert_status(StatusCode::NO_CONTENT);
    allowed.assert_header("access-control-allow-origin", ours);
    assert!(
        allowed
            .0
            .header("access-control-allow-headers")
            .unwrap()
            .contains("Idempotency-Key")
    );
    let refused = preflight("https://elsewhere.example").await;
    assert_eq!(refused.0.header("access-control-allow-origin"), None);
    let simple = app.client.get("/health").header("origin", ours).send().await;
    simple.assert_header("access-control-allow-origin", ours);
    assert!(
        simple
            .0
            .header("access-control-expose-headers")
            .unwrap()
            .contains("ETag")
    );
    // A problem reaches the page as well.
    let missing = app.client.get("/api/nothing").header("origin", ours).send().await;
    missing.assert_header("access-control-allow-origin", ours);
}

#[tokio::test]
async fn a_database_that_is_away() {
    let issuer = crate::auth::issuer::Issuer::start(([127, 0, 0, 1], 0).into(), None)
        .await
        .unwrap();
    let mut config = crate::config::Config::for_test();
    config.database_url = "postgres://nobody@127.0.0.1:1/nothing".to_owned().into();
    config.issuer = issuer.url().parse().unwrap();
    config.jwks = format!("{}/protocol/openid-connect/certs", issuer.url())
        .parse()
        .unwrap();
    let client = TestClient::new(crate::app(crate::state::State::connect(&config).await.unwrap()));
    let begun = std::time::Instant::now();
    let response = client
        .get("/api/specialists")
        .header("authorization", bearer(&issuer, "ada", &[]))
        .send()
        .await;
    assert!(begun.elapsed().as_millis() < 2_500, "{:?}", begun.elapsed());
    assert!(response.0.header("retry-after").is_some());
    let (status, code, _) = problem(response).await;
    assert_eq!((status, code.as_str()), (503, "database_unavailable"));
    let (status, ready) = told(client.get("/ready").send().await).await;
    assert_eq!((status, &ready["database"]), (503, &json!("down")));
    client.get("/health").send().await.assert_status_is_ok();
}
