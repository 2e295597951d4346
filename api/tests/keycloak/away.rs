//! Keycloak hangs, ends, and comes back.

use crate::{
    app::{Answer, TestApp},
    keycloak::{Keycloak, Tokens},
};
use activities::testing::{
    database::Kind,
    wait::until,
    world::{Setup, World},
};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

async fn app(keycloak: &Keycloak) -> TestApp {
    let setup = Setup::idle();
    let world = World::with(Kind::Sqlite, setup).await;
    TestApp::told(world, &[("KEYCLOAK_ISSUER_URI", &keycloak.issuer)]).await
}

/// Nobody new is let in, and nobody is told that their token is bad.
async fn cannot_judge(app: &TestApp, token: &str) {
    let began = Instant::now();
    let answer = Answer::of(app.request(Method::GET, "/api/sessions").bearer_auth(token)).await;
    assert_eq!(
        (answer.status, answer.error()),
        (503, "identity_unavailable"),
        "{answer:?}"
    );
    assert!(!answer.header("retry-after").is_empty());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn known_keys_go_on_without_keycloak() {
    let keycloak = Keycloak::alone().await;
    let (warm, cold) = (app(&keycloak).await, app(&keycloak).await);
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(keycloak.login(&keycloak.person(&[]).await).await);
    }
    let [remembered, hanging, gone] = &people[..] else {
        panic!()
    };
    warm.with_token(remembered.access.clone()).sign_in().await;
    // As Keycloak would have signed it with a key that nobody has seen.
    let mut claims = warm.issuer.claims("eve", &["user"], 600);
    claims["iss"] = json!(keycloak.issuer);
    let unknown = warm.issuer.sign(&claims, Some("unknown"));

    let suspended = keycloak.suspend();
    warm.with_token(remembered.access.clone()).sign_in().await;
    warm.with_token(hanging.access.clone()).sign_in().await;
    cannot_judge(&cold, &hanging.access).await;
    drop(suspended);

    keycloak.stop().await;
    warm.with_token(remembered.access.clone()).sign_in().await;
    warm.with_token(gone.access.clone()).sign_in().await;
    let answer = warm.with_token(unknown).get("/api/sessions").await;
    assert_eq!((answer.status, answer.error()), (401, "invalid_token"), "{answer:?}");
    cannot_judge(&cold, &gone.access).await;

    keycloak.start().await;
    until("the cold one has the keys", async || {
        let answer = cold.with_token(gone.access.clone()).get("/api/sessions").await;
        (answer.status == 200).then_some(())
    })
    .await;
    // Keys and logins outlive the process, so nobody has to log in anew.
    let (status, answer) = keycloak.refresh(&gone.refresh).await;
    assert_eq!(status, 200, "{answer}");
    cold.with_token(Tokens::of(&answer).access).sign_in().await;
}
