//! Who is let in.

use crate::app::{Answer, Caller, TestApp, on_both};
use activities::testing::database::Kind;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_token_of_our_issuer_for_us_is_let_in() {
    let app = TestApp::new(Kind::Sqlite).await;
    let good = app.issuer.claims("ada", &["user"], 600);
    let with = |field: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[field] = value;
        claims
    };
    let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(good.clone()));
    let public =
        Answer::of(reqwest::Client::new().get(format!("{}/protocol/openid-connect/certs", app.issuer.url()))).await;
    let modulus = public.body["keys"][0]["n"].as_str().unwrap();
    let confused = encode(
        &Header::new(Algorithm::HS256),
        &good,
        &EncodingKey::from_secret(modulus.as_bytes()),
    )
    .unwrap();
    let tokens = [
        ("expired", app.issuer.token("ada", &["user"], -60)),
        (
            "of another issuer",
            app.issuer.sign(&with("iss", json!("https://elsewhere.test")), None),
        ),
        (
            "for somebody else",
            app.issuer.sign(&with("aud", json!("another-service")), None),
        ),
        (
            "not yet valid",
            app.issuer.sign(&with("nbf", json!(4_102_444_800_u64)), None),
        ),
        ("unsigned", unsigned),
        ("signed with the public key", confused),
        ("of an unknown key", app.issuer.sign(&good, Some("unknown"))),
        ("garbage", "garbage".to_owned()),
        (
            "half",
            app.issuer.token("ada", &["user"], 600).split_at(40).0.to_owned(),
        ),
    ];
    for (what, token) in tokens {
        let answer = app.with_token(token).get("/api/sessions").await;
        assert_eq!(
            (answer.status, answer.error()),
            (401, "invalid_token"),
            "{what}: {answer:?}"
        );
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
    }
    let none = Answer::of(app.request(Method::GET, "/api/sessions")).await;
    assert_eq!((none.status, none.error()), (401, "invalid_token"));
    assert!(none.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(app.user("ada").get("/api/sessions").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_where_the_newest_token_says() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let old = app.user("ada");
        let profile = old.get("/api/user/profile").await;
        assert_eq!(
            (profile.status, profile.body["version"].as_i64()),
            (200, Some(1)),
            "{profile:?}"
        );
        let mut claims = app.issuer.claims("ada", &["user"], 600);
        claims["email"] = json!("ada@elsewhere.test");
        claims["iat"] = json!(claims["iat"].as_u64().unwrap() + 5);
        let new = app.with_token(app.issuer.sign(&claims, None));
        let told = async |caller: &Caller<'_>| caller.get("/api/user/profile").await.body;
        let moved = told(&new).await;
        assert_eq!(
            (&moved["email"], &moved["version"]),
            (&json!("ada@elsewhere.test"), &json!(2)),
            "{moved}"
        );
        // A token of before is still good, and says nothing new; neither does the same one again.
        assert_eq!(told(&old).await, moved);
        assert_eq!(told(&new).await, moved);
        assert_eq!(
            app.acts(app.id_of("ada")).await,
            ["profile.follow_address system email"]
        );
    })
    .await;
}
