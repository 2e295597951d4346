use super::{
    issuer::{AUDIENCE, Issuer},
    jwks::{Keys, Patience},
    verifier::Verifier,
};
use crate::error::ApiError;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use poem::{
    EndpointExt, IntoResponse, Response, Server,
    endpoint::make,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use url::Url;

async fn issuer() -> Issuer {
    Issuer::start(SocketAddr::from(([127, 0, 0, 1], 0)), None)
        .await
        .unwrap()
}

fn keys(url: &str, patience: Patience) -> Keys {
    Keys::new(Url::parse(url).unwrap(), patience)
}

fn verifier(issuer: &Issuer) -> Verifier {
    let certs = format!("{}/protocol/openid-connect/certs", issuer.url());
    Verifier::new(keys(&certs, Patience::default()), issuer.url(), AUDIENCE)
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn now() -> i64 {
    i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap()
}

#[tokio::test]
async fn a_good_token_speaks_for_its_subject() {
    let issuer = issuer().await;
    let identity = verifier(&issuer)
        .verify(&issuer.token("ada", &["user", "admin"], 60))
        .await
        .unwrap();
    assert_eq!(identity.user.0, issuer.subject("ada"));
    assert_eq!(identity.roles, ["user", "admin"]);
    assert_eq!(identity.email.as_deref(), Some("ada@example.test"));
}

#[tokio::test]
async fn a_bad_token_speaks_for_nobody() {
    let issuer = issuer().await;
    let verifier = verifier(&issuer);
    let good = || issuer.claims("ada", &["user"], 600);
    let signed = |claims: Value| issuer.sign(&claims, None);
    let parts: Vec<String> = signed(good()).split('.').map(str::to_owned).collect();
    let other = self::issuer().await;
    let unsigned = |header: Value| {
        let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", encoded(&header), encoded(&good()))
    };
    let hs256 = {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("any".to_owned());
        encode(&header, &good(), &EncodingKey::from_secret(issuer.pem().as_bytes())).unwrap()
    };
    for (what, token) in [
        ("expired", signed(with(good(), "exp", json!(now() - 31)))),
        ("not yet valid", signed(with(good(), "nbf", json!(now() + 60)))),
        (
            "another issuer",
            signed(with(good(), "iss", json!("https://elsewhere.example"))),
        ),
        ("no issuer", signed(without(good(), "iss"))),
        ("another audience", signed(with(good(), "aud", json!(["account"])))),
        ("no audience", signed(without(good(), "aud"))),
        ("no expiry", signed(without(good(), "exp"))),
        ("no subject", signed(without(good(), "sub"))),
        ("a subject that is no id", signed(with(good(), "sub", json!("ada")))),
        ("an ID token", signed(with(good(), "typ", json!("ID")))),
        ("an unknown key", issuer.sign(&good(), Some("another"))),
        (
            "somebody else's signature",
            other.sign(&good(), Some(&key_id(&parts[0]))),
        ),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        (
            "a changed claim",
            format!(
                "{}.{}.{}",
                parts[0],
                BASE64_URL_SAFE_NO_PAD.encode(good().to_string()),
                parts[2]
            ),
        ),
        ("alg none", unsigned(json!({"alg": "none"}))),
        ("alg None", unsigned(json!({"alg": "None", "kid": key_id(&parts[0])}))),
        ("HS256 with the public key", hs256),
        ("garbage", "garbage".to_owned()),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("100 KB", "a".repeat(100_000)),
    ] {
        let refused = verifier.verify(&token).await;
        assert!(matches!(refused, Err(ApiError::InvalidToken(_))), "{what}: {refused:?}");
    }
}

fn key_id(header: &str) -> String {
    let header: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn clocks_may_differ_by_half_a_minute() {
    let issuer = issuer().await;
    let verifier = verifier(&issuer);
    let good = issuer.claims("ada", &["user"], 600);
    for claims in [
        with(good.clone(), "exp", json!(now() - 20)),
        with(good, "nbf", json!(now() + 20)),
    ] {
        assert!(verifier.verify(&issuer.sign(&claims, None)).await.is_ok(), "{claims}");
    }
}

#[tokio::test]
async fn keys_are_fetched_once_for_everybody() {
    let issuer = issuer().await;
    let verifier = verifier(&issuer);
    let tokens: Vec<_> = (0..20).map(|n| issuer.token(&n.to_string(), &["user"], 60)).collect();
    let verified = join_all(tokens.iter().map(|token| verifier.verify(token))).await;
    assert!(verified.iter().all(Result::is_ok));
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_at_most() {
    let issuer = issuer().await;
    let verifier = verifier(&issuer);
    verifier.verify(&issuer.token("ada", &["user"], 60)).await.unwrap();
    let tokens: Vec<_> = (0..100)
        .map(|n| issuer.sign(&issuer.claims("ada", &["user"], 60), Some(&n.to_string())))
        .collect();
    let refused = join_all(tokens.iter().map(|token| verifier.verify(token))).await;
    assert!(
        refused
            .iter()
            .all(|refused| matches!(refused, Err(ApiError::InvalidToken(_))))
    );
    assert_eq!(issuer.fetches(), 1, "the keys are a moment old");
}

#[tokio::test]
async fn a_new_key_is_found_when_it_is_first_used() {
    let fake = Fake::start().await;
    let (one, two) = (issuer().await, issuer().await);
    fake.answers(&certs(&one).await);
    let patience = Patience {
        between: Duration::ZERO,
        ..Patience::default()
    };
    let keys = keys(&fake.url, patience);
    let key_of = |issuer: &Issuer| key_id(issuer.token("ada", &[], 60).split('.').next().unwrap());
    assert!(keys.key(&key_of(&one)).await.is_ok());
    assert!(keys.key(&key_of(&two)).await.is_err());
    fake.answers(&certs(&two).await);
    assert!(keys.key(&key_of(&two)).await.is_ok());
    assert!(keys.key(&key_of(&one)).await.is_err(), "a key that the issuer withdrew");
}

#[tokio::test]
async fn keys_for_other_uses_are_left_out() {
    let (fake, issuer) = (Fake::start().await, issuer().await);
    let mut set: Value = serde_json::from_str(&certs(&issuer).await).unwrap();
    let signs = set["keys"][0].clone();
    let named =
        |name: &str, field: &str, value: &str| with(with(signs.clone(), "kid", json!(name)), field, json!(value));
    let encrypts = with(named("encrypts", "use", "enc"), "alg", json!("RSA-OAEP"));
    let stronger = named("stronger", "alg", "RS512");
    let strange = json!({"kty": "OKP", "kid": "strange", "crv": "X448", "x": "AA", "use": "sig"});
    set["keys"] = json!([encrypts, stronger, strange, signs]);
    fake.answers(&set.to_string());
    let keys = keys(&fake.url, Patience::default());
    assert!(keys.key(signs["kid"].as_str().unwrap()).await.is_ok());
    for name in ["encrypts", "stronger", "strange"] {
        assert!(keys.key(name).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn old_keys_serve_while_the_issuer_is_away() {
    let fake = Fake::start().await;
    let issuer = issuer().await;
    fake.answers(&certs(&issuer).await);
    let patience = Patience {
        fresh: Duration::ZERO,
        between: Duration::ZERO,
        ..Patience::default()
    };
    let keys = keys(&fake.url, patience);
    let id = key_id(issuer.token("ada", &[], 60).split('.').next().unwrap());
    keys.key(&id).await.unwrap();
    for broken in [
        Answer::Status(StatusCode::BAD_GATEWAY),
        Answer::Body("no keys".to_owned()),
        Answer::Body("x".repeat(300_000)),
    ] {
        let before = fake.fetches.load(Ordering::SeqCst);
        fake.set(broken);
        while fake.fetches.load(Ordering::SeqCst) == before {
            assert!(keys.key(&id).await.is_ok());
            tokio::task::yield_now().await;
        }
    }
    assert!(keys.key(&id).await.is_ok());
}

#[tokio::test]
async fn without_keys_nobody_can_be_judged() {
    let issuer = issuer().await;
    let fake = Fake::start().await;
    let verifier = Verifier::new(keys(&fake.url, Patience::default()), issuer.url(), AUDIENCE);
    let token = issuer.token("ada", &["user"], 60);
    for broken in [
        Answer::Status(StatusCode::BAD_GATEWAY),
        Answer::Body("{\"keys\": []}".to_owned()),
        Answer::Body("x".repeat(300_000)),
        Answer::Status(StatusCode::FOUND),
    ] {
        fake.set(broken);
        assert!(matches!(
            verifier.verify(&token).await,
            Err(ApiError::IdentityUnavailable)
        ));
    }
    fake.answers(&certs(&issuer).await);
    assert!(verifier.verify(&token).await.is_ok(), "and it heals by itself");
    let nobody = Verifier::new(keys("http://127.0.0.1:1/", Patience::default()), issuer.url(), AUDIENCE);
    assert!(matches!(
        nobody.verify(&token).await,
        Err(ApiError::IdentityUnavailable)
    ));
}

#[tokio::test]
async fn unknown_keys_are_refused_while_the_issuer_is_away_and_do_not_knock_on() {
    let (fake, issuer) = (Fake::start().await, issuer().await);
    fake.answers(&certs(&issuer).await);
    let keys = keys(&fake.url, Patience::default());
    let verifier = Verifier::new(keys, issuer.url(), AUDIENCE);
    verifier.verify(&issuer.token("ada", &["user"], 60)).await.unwrap();
    fake.set(Answer::Status(StatusCode::BAD_GATEWAY));
    let before = fake.fetches.load(Ordering::SeqCst);
    for n in 0..20 {
        let unknown = issuer.sign(&issuer.claims("eve", &["user"], 60), Some(&n.to_string()));
        let refused = verifier.verify(&unknown).await;
        assert!(
            matches!(refused, Err(ApiError::InvalidToken("unknown key"))),
            "{refused:?}"
        );
        assert!(
            verifier.verify(&issuer.token("ada", &["user"], 60)).await.is_ok(),
            "a known key goes on"
        );
    }
    assert_eq!(
        fake.fetches.load(Ordering::SeqCst),
        before,
        "the last answer is a moment old"
    );
}

#[tokio::test]
async fn a_failed_fetch_is_not_repeated_at_once() {
    let (fake, issuer) = (Fake::start().await, issuer().await);
    fake.answers(&certs(&issuer).await);
    let keys = keys(
        &fake.url,
        Patience {
            fresh: Duration::ZERO,
            ..Patience::default()
        },
    );
    let id = key_id(issuer.token("ada", &[], 60).split('.').next().unwrap());
    keys.key(&id).await.unwrap();
    fake.set(Answer::Status(StatusCode::BAD_GATEWAY));
    for _ in 0..50 {
        keys.key(&id).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(
        fake.fetches.load(Ordering::SeqCst),
        1,
        "stale keys are looked after every ten seconds"
    );
}

#[tokio::test]
async fn a_good_token_is_remembered_and_its_key_not_looked_up_again() {
    let fake = Fake::start().await;
    let (one, two) = (issuer().await, issuer().await);
    fake.answers(&certs(&one).await);
    let patience = Patience {
        between: Duration::ZERO,
        ..Patience::default()
    };
    let verifier = Verifier::new(keys(&fake.url, patience), one.url(), AUDIENCE);
    let (seen, unseen) = (one.token("ada", &["user"], 60), one.token("ada", &["user"], 60));
    let identity = verifier.verify(&seen).await.unwrap();
    fake.answers(&certs(&two).await);
    assert!(
        verifier.verify(&two.token("ada", &["user"], 60)).await.is_err(),
        "of another issuer"
    );
    assert!(verifier.verify(&unseen).await.is_err(), "its key has been withdrawn");
    assert_eq!(verifier.verify(&seen).await.unwrap(), identity);
    assert_eq!(verifier.n_remembered(), 1, "what was refused is not remembered");
}

#[tokio::test]
async fn a_remembered_token_is_refused_once_it_has_expired() {
    let issuer = issuer().await;
    let verifier = verifier(&issuer);
    // Within the leeway for two seconds more.
    let claims = with(issuer.claims("ada", &["user"], 600), "exp", json!(now() - 28));
    let token = issuer.sign(&claims, None);
    assert!(verifier.verify(&token).await.is_ok());
    while now() <= claims["exp"].as_i64().unwrap() + 30 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = verifier.verify(&token).await;
    assert!(matches!(refused, Err(ApiError::InvalidToken("expired"))), "{refused:?}");
}

#[tokio::test]
async fn no_more_tokens_are_remembered_than_there_is_room_for() {
    let issuer = issuer().await;
    let verifier = verifier(&issuer).remembering(3);
    let expiring = with(issuer.claims("ada", &["user"], 600), "exp", json!(now() - 29));
    for n in 0..10 {
        let token = match n {
            0 => issuer.sign(&expiring, None),
            _ => issuer.token("ada", &["user"], 60),
        };
        assert!(verifier.verify(&token).await.is_ok());
        assert!(verifier.verify(&token).await.is_ok(), "and again");
        assert!(
            (1..=3).contains(&verifier.n_remembered()),
            "{}",
            verifier.n_remembered()
        );
    }
}

#[tokio::test]
async fn an_issuer_that_hangs_is_given_up() {
    let fake = Fake::start().await;
    fake.set(Answer::Never);
    let patience = Patience {
        timeout: Duration::from_millis(50),
        ..Patience::default()
    };
    assert!(keys(&fake.url, patience).key("any").await.is_err());
}

#[tokio::test]
async fn an_issuer_keeps_its_key_and_its_subjects() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("issuer.pem");
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = Issuer::start(address, Some(&file)).await.unwrap();
    let second = Issuer::start(address, Some(&file)).await.unwrap();
    assert_eq!(first.pem(), second.pem());
    assert_eq!(first.subject("ada"), second.subject("ada"));
    second.name_subject("ada", uuid::Uuid::nil());
    assert_eq!(second.subject("ada"), uuid::Uuid::nil());
    std::fs::write(&file, "no key").unwrap();
    assert!(Issuer::start(address, Some(&file)).await.is_err());
}

#[tokio::test]
async fn the_issuer_gives_tokens_over_http() {
    let issuer = issuer().await;
    let http = reqwest::Client::new();
    let token = http
        .post(format!("{}/token", issuer.url()))
        .json(&json!({"user": "ada", "roles": ["user"]}));
    let token: Value = token.send().await.unwrap().json().await.unwrap();
    assert_eq!(token["sub"], json!(issuer.subject("ada")));
    assert_eq!(token["token_type"], "Bearer");
    let token = token["access_token"].as_str().unwrap();
    assert!(verifier(&issuer).verify(token).await.is_ok());
    let discovery = format!("{}/.well-known/openid-configuration", issuer.url());
    let discovery: Value = http.get(discovery).send().await.unwrap().json().await.unwrap();
    assert_eq!(discovery["issuer"], issuer.url());
}

async fn certs(issuer: &Issuer) -> String {
    let url = format!("{}/protocol/openid-connect/certs", issuer.url());
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// What stands where an issuer's keys should be.
struct Fake {
    url: String,
    fetches: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Clone)]
enum Answer {
    Body(String),
    Status(StatusCode),
    Never,
}

impl Fake {
    async fn start() -> Self {
        let fetches = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new(Answer::Never));
        let endpoint = {
            let (fetches, answer) = (Arc::clone(&fetches), Arc::clone(&answer));
            make(move |_| {
                let answer = answer.lock().unwrap().clone();
                fetches.fetch_add(1, Ordering::SeqCst);
                respond(answer)
            })
        };
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let url = format!("http://{}/", acceptor.local_addr().remove(0).as_socket_addr().unwrap());
        tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint.map_to_response().boxed()));
        Self { url, fetches, answer }
    }

    fn answers(&self, body: &str) {
        self.set(Answer::Body(body.to_owned()));
    }

    fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

async fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Body(body) => body.into_response(),
        Answer::Status(status) => status.into_response(),
        Answer::Never => std::future::pending().await,
    }
}
