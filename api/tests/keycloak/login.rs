//! Logging in, and being let in.

use crate::{
    app::{TestApp, hour, in_days},
    keycloak::{CALLBACK, Keycloak, PASSWORD, Pkce, parameter, parts, target},
};
use activities::testing::{
    database::Kind,
    world::{Setup, World},
};
use entities::{profile, user};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_code_and_proof_books_a_session() {
    let keycloak = Keycloak::alone().await;
    let world = World::new(Kind::Postgres).await;
    let app = TestApp::told(world, &[("KEYCLOAK_ISSUER_URI", &keycloak.issuer)]).await;
    let person = keycloak.person(&[]).await;
    let tokens = keycloak.login(&person).await;

    let (header, claims) = parts(&tokens.access);
    assert_eq!(header["alg"], "RS256");
    assert_eq!(
        (&claims["iss"], &claims["typ"]),
        (&json!(keycloak.issuer), &json!("Bearer"))
    );
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!(person.id.0), &json!("aroti-backend"))
    );
    assert_eq!(
        (&claims["email"], &claims["name"]),
        (&json!(person.email), &json!("Ada Lovelace"))
    );
    assert_eq!(claims["realm_access"]["roles"], json!(["user"]), "what everybody has");
    assert_eq!(lifetime(&claims), 30 * 60);
    let (_, refresh) = parts(&tokens.refresh);
    assert_eq!(lifetime(&refresh), 30 * 24 * 3600);

    let (reader, id) = (app.database.db.reader(), person.id);
    assert!(user::find(reader, id).await.unwrap().is_none());
    let caller = app.with_token(tokens.access);
    caller.sign_in().await;
    assert!(
        user::find(reader, id).await.unwrap().is_some(),
        "the first sight makes an account"
    );
    let profile = profile::of(reader, id).await.unwrap().expect("and a profile");
    assert_eq!((&*profile.email, &*profile.name), (&*person.email, "Ada Lovelace"));

    let specialist = app.specialist().create().await;
    let booked = caller.book("k", &hour(&specialist, in_days(3))).await;
    assert_eq!(
        (booked.status, &booked.body["user_id"]),
        (202, &json!(id.0)),
        "{booked:?}"
    );
    app.mail(&person.email, |_| true).await;
}

fn lifetime(claims: &Value) -> i64 {
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_for_whoever_asked_for_it() {
    let keycloak = Keycloak::alone().await;
    let person = keycloak.person(&[]).await;
    let refused = |answer: (u16, Value)| assert_eq!((answer.0, &answer.1["error"]), (400, &json!("invalid_grant")));

    let pkce = Pkce::new();
    let code = keycloak.code(&person, PASSWORD, &pkce).await.unwrap();
    refused(keycloak.redeem(&code, &Pkce::new().verifier).await);
    refused(keycloak.redeem(&code, &pkce.verifier).await);

    let pkce = Pkce::new();
    let code = keycloak.code(&person, PASSWORD, &pkce).await.unwrap();
    assert_eq!(keycloak.redeem(&code, &pkce.verifier).await.0, 200);
    refused(keycloak.redeem(&code, &pkce.verifier).await);

    assert!(keycloak.code(&person, "another password", &Pkce::new()).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_has_no_other_way_in() {
    let keycloak = Keycloak::alone().await;
    let person = keycloak.person(&[]).await;
    let pkce = Pkce::new();
    let ask = pkce.ask("code");
    let changed =
        |name: &str, value: &'static str| ask.map(|(key, old)| if key == name { (key, value) } else { (key, old) });
    let without_proof: Vec<_> = ask.into_iter().filter(|(name, _)| !name.starts_with("code_")).collect();
    for (what, parameters) in [
        ("no proof", without_proof),
        (
            "a proof that is none",
            changed("code_challenge_method", "plain").to_vec(),
        ),
        ("the implicit flow", changed("response_type", "token").to_vec()),
    ] {
        let answer = keycloak.page(&parameters).await;
        let location = target(&answer).unwrap_or_else(|| panic!("{what}: {answer:?}"));
        assert!(location.as_str().starts_with(CALLBACK), "{what}: {location}");
        let mut location = location;
        if let Some(fragment) = location.fragment().map(str::to_owned) {
            location.set_query(Some(&fragment));
        }
        assert!(parameter(&location, "error").is_some(), "{what}: {location}");
        assert!(
            parameter(&location, "code").is_none() && parameter(&location, "access_token").is_none(),
            "{what}: {location}"
        );
    }
    for elsewhere in [
        "https://elsewhere.test/callback",
        "aroti://oauth/callback/../other",
        "http://127.0.0.1:1/",
    ] {
        let answer = keycloak.page(&changed("redirect_uri", elsewhere)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{elsewhere}");
    }
    let (status, answer) = keycloak
        .token(&[
            ("grant_type", "password"),
            ("client_id", "aroti-ios"),
            ("username", &person.email),
            ("password", PASSWORD),
        ])
        .await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unauthorized_client")),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_locks_an_account_for_a_while() {
    let keycloak = Keycloak::alone().await;
    let (ada, bob) = (keycloak.person(&[]).await, keycloak.person(&[]).await);
    let lock = format!("/attack-detection/brute-force/users/{}", ada.id.0);
    let mut n_guesses = 0;
    loop {
        assert!(keycloak.code(&ada, "a guess", &Pkce::new()).await.is_none());
        n_guesses += 1;
        let status = keycloak.admin(Method::GET, &lock).await.send().await.unwrap();
        let status: Value = status.json().await.unwrap();
        if status["disabled"] == true {
            break;
        }
        assert!(n_guesses < 11, "{status}");
    }
    assert!(
        keycloak.code(&ada, PASSWORD, &Pkce::new()).await.is_none(),
        "not even the password opens it now"
    );
    assert!(keycloak.code(&bob, PASSWORD, &Pkce::new()).await.is_some());
    let freed = keycloak.admin(Method::DELETE, &lock).await.send().await.unwrap();
    assert!(freed.status().is_success());
    keycloak.login(&ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_the_realms() {
    let keycloak = Keycloak::alone().await;
    let world = World::with(Kind::Sqlite, Setup::idle()).await;
    let app = TestApp::told(world, &[("KEYCLOAK_ISSUER_URI", &keycloak.issuer)]).await;
    let own = keycloak.person(&["specialist"]).await;
    let (other, admin, user) = (
        keycloak.person(&["specialist"]).await,
        keycloak.person(&["admin"]).await,
        keycloak.person(&[]).await,
    );
    let specialist = app.specialist().login(own.id).create().await;
    let explain = format!(
        "/api/specialists/{}/availability/explain?at={}&duration_minutes=60",
        specialist.id,
        in_days(3)
    );
    for (who, person, status) in [
        ("its specialist", &own, 200),
        ("another specialist", &other, 403),
        ("an administrator", &admin, 200),
        ("a user", &user, 403),
    ] {
        let caller = app.with_token(keycloak.login(person).await.access);
        let answer = caller.get(&explain).await;
        assert_eq!(answer.status, status, "{who}: {answer:?}");
    }
}
