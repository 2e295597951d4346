//! Who may call.

use super::{bearer, problem, start, start_with, told};
use entities::{profile, user};
use url::Url;
use workflows::ids::UserId;

#[tokio::test]
async fn a_token_is_needed() {
    let app = start().await;
    let response = app.client.get("/api/sessions").send().await;
    assert_eq!(response.0.header("www-authenticate"), Some("Bearer"));
    assert_eq!(problem(response).await.1, "invalid_token");
    for header in ["Basic YTpi", "Bearer", "Bearer nonsense", "Bearer a.b.c", ""] {
        let response = app
            .client
            .get("/api/sessions")
            .header("authorization", header)
            .send()
            .await;
        assert_eq!(
            response.0.header("www-authenticate"),
            Some(r#"Bearer error="invalid_token""#),
            "{header}"
        );
        let (status, code, _) = problem(response).await;
        assert_eq!((status, code.as_str()), (401, "invalid_token"), "{header}");
    }
    for open in ["/health", "/ready", "/api/openapi.json", "/api/docs"] {
        app.client.get(open).send().await.assert_status_is_ok();
    }
}

#[tokio::test]
async fn the_first_token_makes_user_and_profile() {
    let app = start().await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    for _ in 0..2 {
        app.client
            .get("/api/sessions")
            .header("authorization", &token)
            .send()
            .await
            .assert_status_is_ok();
    }
    let profile = profile::of(app.state.db.reader(), UserId(app.issuer.subject("ada")))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(profile.email, "ada@example.test");
}

#[tokio::test]
async fn a_deleted_account_stays_deleted() {
    let app = start().await;
    let (token, ada) = (bearer(&app.issuer, "ada", &["user"]), UserId(app.issuer.subject("ada")));
    app.client
        .get("/api/sessions")
        .header("authorization", &token)
        .send()
        .await
        .assert_status_is_ok();
    let tx = app.state.db.begin_write().await.unwrap();
    user::mark_deleted(&tx, ada, "2026-01-01T00:00:00Z".parse().unwrap())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let response = app
        .client
        .get("/api/sessions")
        .header("authorization", &token)
        .send()
        .await;
    let (status, code, _) = problem(response).await;
    assert_eq!((status, code.as_str()), (401, "invalid_token"));
}

#[tokio::test]
async fn without_the_issuer_no_token_can_be_judged() {
    let app = start_with(|mut config| {
        config.jwks = Url::parse("http://127.0.0.1:1/certs").unwrap();
        config
    })
    .await;
    let response = app
        .client
        .get("/api/sessions")
        .header("authorization", bearer(&app.issuer, "ada", &[]))
        .send()
        .await;
    assert!(response.0.header("retry-after").is_some());
    let (status, code, _) = problem(response).await;
    assert_eq!((status, code.as_str()), (503, "identity_unavailable"));
    let (status, health) = told(app.client.get("/health").send().await).await;
    assert_eq!((status, health["status"].as_str()), (200, Some("ok")));
}
