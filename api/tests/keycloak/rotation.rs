//! What is changed while people are logged in: their refresh tokens, and the keys of the realm.

use crate::{
    app::TestApp,
    keycloak::{Keycloak, Tokens, parts, published},
};
use activities::testing::{
    database::Kind,
    wait::until,
    world::{Setup, World},
};
use serde_json::json;

async fn app(keycloak: &Keycloak) -> TestApp {
    let setup = Setup::idle();
    let world = World::with(Kind::Sqlite, setup).await;
    TestApp::told(world, &[("KEYCLOAK_ISSUER_URI", &keycloak.issuer)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once() {
    let keycloak = Keycloak::alone().await;
    let app = app(&keycloak).await;
    let person = keycloak.person(&[]).await;
    let first = keycloak.login(&person).await;
    let (status, answer) = keycloak.refresh(&first.refresh).await;
    assert_eq!(status, 200, "{answer}");
    let second = Tokens::of(&answer);
    assert!(second.refresh != first.refresh && second.access != first.access);
    app.with_token(second.access).sign_in().await;

    let (status, answer) = keycloak.refresh(&first.refresh).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "{answer}");
    // The access token in hand stays good until it expires: nobody asks Keycloak about each request.
    app.with_token(first.access).sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_without_a_pause() {
    let keycloak = Keycloak::alone().await;
    let app = app(&keycloak).await;
    let (ada, bob) = (keycloak.person(&[]).await, keycloak.person(&[]).await);
    let (old, unseen) = (keycloak.login(&ada).await.access, keycloak.login(&bob).await.access);
    app.with_token(old.clone()).sign_in().await;
    let before = published(&keycloak.issuer).await;

    keycloak.rotate_keys().await;
    let new = keycloak.login(&ada).await.access;
    let key = |token: &str| parts(token).0["kid"].as_str().unwrap().to_owned();
    assert!(key(&new) != key(&old) && !before.contains(&key(&new)));
    assert!(
        published(&keycloak.issuer).await.contains(&key(&old)),
        "it judges what it signed"
    );

    // Unknown keys are looked up at most once in ten seconds, so that nobody can have us ask for nothing.
    until("the new key is known", async || {
        assert_eq!(app.with_token(old.clone()).get("/api/sessions").await.status, 200);
        let answer = app.with_token(new.clone()).get("/api/sessions").await;
        assert!(answer.status == 200 || answer.error() == "invalid_token", "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
    // One that was never shown, of the old key, is judged by the new set.
    app.with_token(unseen).sign_in().await;
    app.with_token(old).sign_in().await;
}
