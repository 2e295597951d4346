//! What looks like a token of the realm and is none for us.

use crate::{
    app::TestApp,
    keycloak::{Keycloak, parts},
};
use activities::testing::{
    database::Kind,
    world::{Setup, World},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn only_access_tokens_that_the_realm_signed_for_us_are_let_in() {
    let keycloak = Keycloak::alone().await;
    let setup = Setup::idle();
    let world = World::with(Kind::Sqlite, setup).await;
    let app = TestApp::told(world, &[("KEYCLOAK_ISSUER_URI", &keycloak.issuer)]).await;
    let tokens = keycloak.login(&keycloak.person(&[]).await).await;
    app.with_token(tokens.access.clone()).sign_in().await;

    let (header, claims) = parts(&tokens.access);
    let kid = header["kid"].as_str().unwrap();
    let certs = format!("{}/protocol/openid-connect/certs", keycloak.issuer);
    let set: Value = reqwest::get(certs).await.unwrap().json().await.unwrap();
    let public = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == kid)
        .unwrap();
    let hs256 = |secret: &[u8]| {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let words: Vec<&str> = tokens.access.split('.').collect();
    let mut raised = claims.clone();
    raised["realm_access"]["roles"] = json!(["user", "admin"]);
    for (what, token) in [
        (
            "alg none",
            format!("{}.{}.", part(&json!({"alg": "none", "kid": kid})), words[1]),
        ),
        ("no signature", format!("{}.{}.", words[0], words[1])),
        (
            "HS256 with the modulus",
            hs256(public["n"].as_str().unwrap().as_bytes()),
        ),
        (
            "HS256 with the certificate",
            hs256(public["x5c"][0].as_str().unwrap().as_bytes()),
        ),
        ("a role more", format!("{}.{}.{}", words[0], part(&raised), words[2])),
        ("the ID token", tokens.id.clone()),
        ("the refresh token", tokens.refresh.clone()),
        ("a key of our own under its id", app.issuer.sign(&claims, Some(kid))),
        ("the backend's own", keycloak.backend().await),
    ] {
        let answer = app.with_token(token).get("/api/sessions").await;
        assert_eq!(
            (answer.status, answer.error()),
            (401, "invalid_token"),
            "{what}: {answer:?}"
        );
    }
}
