//! The Keycloak that `scripts/services run --keycloak` started: an app that logs in, and its administrator.

use activities::{
    accounts::identity::Realm,
    testing::wait::{until, within},
};
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use std::{
    env,
    process::{Child, Command, Stdio},
    sync::Mutex as Blocking,
    time::Duration,
};
use tokio::sync::{Mutex, MutexGuard};
use url::{Url, form_urlencoded};
use uuid::Uuid;
use workflows::ids::UserId;

/// Where the app is told the code.
pub const CALLBACK: &str = "aroti://oauth/callback";
/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
/// The process that a test has started in place of the first.
static SUCCESSOR: Blocking<Option<Child>> = Blocking::new(None);

/// Keycloak, for one test alone.
pub struct Keycloak {
    /// The realm's address, which is the `iss` of its tokens.
    pub issuer: String,
    base: String,
    http: reqwest::Client,
    _alone: MutexGuard<'static, ()>,
}

/// Somebody with an account there.
pub struct Person {
    pub id: UserId,
    pub email: String,
}

/// What a login or a refresh gives.
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub id: String,
}

impl Keycloak {
    /// Wait for the tests before this one.
    pub async fn alone() -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let base = env::var("TEST_KEYCLOAK_URL").expect("TEST_KEYCLOAK_URL is set: use `make test-keycloak`");
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            issuer: format!("{base}/realms/aroti"),
            base,
            http,
            _alone: alone,
        }
    }

    // --- the administrator ---------------------------------------------------------------------------------------

    /// A request of the administrator, below `/admin/realms/aroti`.
    pub async fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "admin"),
            ("password", "admin"),
        ];
        let url = format!("{}/realms/master/protocol/openid-connect/token", self.base);
        let (status, answer) = self.post(&url, &form).await;
        assert_eq!(status, 200, "{answer}");
        self.request(method, path)
            .bearer_auth(answer["access_token"].as_str().unwrap())
    }

    /// A request below `/admin/realms/aroti`, without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/admin/realms/aroti{path}", self.base))
    }

    /// Somebody nobody has seen, with these roles beside everybody's.
    pub async fn person(&self, roles: &[&str]) -> Person {
        let email = format!("{}@clients.test", Uuid::new_v4().simple());
        let user = json!({
            "username": email, "email": email, "emailVerified": true, "enabled": true,
            "firstName": "Ada", "lastName": "Lovelace",
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": false}],
        });
        let made = self
            .admin(Method::POST, "/users")
            .await
            .json(&user)
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), StatusCode::CREATED, "{}", made.text().await.unwrap());
        let location = made.headers()[header::LOCATION].to_str().unwrap();
        let id: Uuid = location.rsplit('/').next().unwrap().parse().unwrap();
        let mut granted = Vec::new();
        for role in roles {
            let role = self.admin(Method::GET, &format!("/roles/{role}")).await;
            granted.push(json_of(role.send().await.unwrap()).await);
        }
        let grant = self
            .admin(Method::POST, &format!("/users/{id}/role-mappings/realm"))
            .await;
        let grant = grant.json(&granted).send().await.unwrap();
        assert_eq!(grant.status(), StatusCode::NO_CONTENT);
        Person { id: UserId(id), email }
    }

    /// Have a new key sign from now on.
    pub async fn rotate_keys(&self) {
        let realm = json_of(self.admin(Method::GET, "").await.send().await.unwrap()).await;
        let key = json!({
            "name": format!("rsa-{}", Uuid::new_v4()),
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": {
                "priority": ["1000"], "enabled": ["true"], "active": ["true"],
                "algorithm": ["RS256"], "keySize": ["2048"],
            },
        });
        let made = self
            .admin(Method::POST, "/components")
            .await
            .json(&key)
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), StatusCode::CREATED, "{}", made.text().await.unwrap());
    }

    // --- the app -------------------------------------------------------------------------------------------------

    /// Log in as the app does: a code, fetched by whoever knows the verifier.
    pub async fn login(&self, person: &Person) -> Tokens {
        let pkce = Pkce::new();
        let code = self.code(person, PASSWORD, &pkce).await.expect("the password is good");
        let (status, answer) = self.redeem(&code, &pkce.verifier).await;
        assert_eq!(status, 200, "{answer}");
        Tokens::of(&answer)
    }

    /// The page that asks for the password, or wherever it leads instead.
    pub async fn page(&self, parameters: &[(&str, &str)]) -> Response {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let url = format!("{}/protocol/openid-connect/auth?{query}", self.issuer);
        self.http.get(url).send().await.unwrap()
    }

    /// The code that a login gives; none for a password that is not good.
    pub async fn code(&self, person: &Person, password: &str, pkce: &Pkce) -> Option<String> {
        let page = self.page(&pkce.ask("code")).await;
        assert_eq!(page.status(), StatusCode::OK);
        // Its cookies are Secure, on plain HTTP too, so no jar would send them back.
        let cookies: Vec<String> = page
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.to_owned()))
            .collect();
        let page = page.text().await.unwrap();
        let action = page
            .split("action=\"")
            .skip(1)
            .find_map(|rest| {
                rest.split('"')
                    .next()
                    .filter(|url| url.contains("login-actions/authenticate"))
            })
            .unwrap_or_else(|| panic!("a form: {page}"))
            .replace("&amp;", "&");
        let answer = self
            .http
            .post(action)
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(&[
                ("username", &person.email),
                ("password", password),
                ("credentialId", ""),
            ]))
            .send()
            .await
            .unwrap();
        if answer.status() == StatusCode::OK {
            return None; // the page again
        }
        let location = target(&answer).unwrap_or_else(|| panic!("{answer:?}"));
        assert!(location.as_str().starts_with(CALLBACK), "{location}");
        assert_eq!(parameter(&location, "state").as_deref(), Some("the state"));
        Some(parameter(&location, "code").unwrap_or_else(|| panic!("{location}")))
    }

    /// Exchange a code.
    pub async fn redeem(&self, code: &str, verifier: &str) -> (u16, Value) {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "aroti-ios"),
            ("redirect_uri", CALLBACK),
            ("code", code),
            ("code_verifier", verifier),
        ])
        .await
    }

    /// Exchange a refresh token.
    pub async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", "aroti-ios"),
            ("refresh_token", token),
        ])
        .await
    }

    /// Ask for tokens.
    pub async fn token(&self, parameters: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/protocol/openid-connect/token", self.issuer);
        self.post(&url, parameters).await
    }

    /// How the workers reach it, to delete who leaves.
    pub fn realm(&self) -> Realm {
        Realm {
            url: self.issuer.parse().unwrap(),
            client_id: "aroti-backend".to_owned(),
            client_secret: env::var("KEYCLOAK_CLIENT_SECRET").unwrap().into(),
        }
    }

    /// A token of the backend itself.
    pub async fn backend(&self) -> String {
        let secret = env::var("KEYCLOAK_CLIENT_SECRET").unwrap();
        let (status, answer) = self
            .token(&[
                ("grant_type", "client_credentials"),
                ("client_id", "aroti-backend"),
                ("client_secret", &secret),
            ])
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn post(&self, url: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let answer = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(parameters))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), json_of(answer).await)
    }

    // --- the process ---------------------------------------------------------------------------------------------

    /// Have it neither answer nor end.
    pub fn suspend(&self) -> Suspended {
        signal("STOP", pid());
        Suspended
    }

    /// End it, and wait until nobody listens any more.
    pub async fn stop(&self) {
        signal("TERM", pid());
        within(Duration::from_secs(60), "Keycloak has ended", async || {
            if let Some(child) = SUCCESSOR.lock().unwrap().as_mut() {
                child.try_wait().unwrap();
            }
            self.http
                .get(&self.issuer)
                .send()
                .await
                .is_err_and(|error| error.is_connect())
                .then_some(())
        })
        .await;
    }

    /// Start it again with the data it had.
    pub async fn start(&self) {
        let command = env::var("TEST_KEYCLOAK_START").unwrap();
        let mut words = command.split(' ');
        let child = Command::new(words.next().unwrap())
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        *SUCCESSOR.lock().unwrap() = Some(child);
        within(Duration::from_secs(180), "Keycloak is there again", async || {
            let answer = self.http.get(&self.issuer).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }
}

/// Stands still until this is dropped.
pub struct Suspended;

impl Drop for Suspended {
    fn drop(&mut self) {
        signal("CONT", pid());
    }
}

fn pid() -> u32 {
    let first = || env::var("TEST_KEYCLOAK_PID").unwrap().parse().unwrap();
    SUCCESSOR.lock().unwrap().as_ref().map_or_else(first, Child::id)
}

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.unwrap().success(), "{name} to {pid}");
}

/// Proof that the one who redeems a code is the one who asked for it.
pub struct Pkce {
    pub verifier: String,
    pub challenge: String,
}

impl Pkce {
    pub fn new() -> Self {
        let verifier = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
        Self {
            challenge: BASE64_URL_SAFE_NO_PAD.encode(digest),
            verifier,
        }
    }

    /// What the app asks the login page for.
    pub fn ask<'a>(&'a self, response_type: &'a str) -> [(&'a str, &'a str); 7] {
        [
            ("client_id", "aroti-ios"),
            ("response_type", response_type),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("state", "the state"),
            ("code_challenge", &self.challenge),
            ("code_challenge_method", "S256"),
        ]
    }
}

impl Tokens {
    pub fn of(answer: &Value) -> Self {
        let token = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Self {
            access: token("access_token"),
            refresh: token("refresh_token"),
            id: token("id_token"),
        }
    }
}

/// Header and claims of a token, unchecked.
pub fn parts(token: &str) -> (Value, Value) {
    let part = |n: usize| {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// Where an answer leads.
pub fn target(answer: &Response) -> Option<Url> {
    Url::parse(answer.headers().get(header::LOCATION)?.to_str().ok()?).ok()
}

/// A parameter of a query.
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The keys that are published, by id.
pub async fn published(issuer: &str) -> Vec<String> {
    let url = format!("{issuer}/protocol/openid-connect/certs");
    let set = until("the keys", async || {
        let answer = reqwest::get(&url).await.ok()?;
        answer.json::<Value>().await.ok()
    })
    .await;
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null)
}

fn form(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}
