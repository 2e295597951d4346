//! A token issuer for a developer's machine and for tests, with the claims of the real one. Never in production.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{
    digest,
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use poem::{
    EndpointExt, IntoResponse, Response, Route, Server, get, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::{Data, Json},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    env, fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::AbortHandle;
use uuid::Uuid;

/// The audience of the tokens.
pub const AUDIENCE: &str = "aroti-backend";
/// The namespace of subjects.
const SUBJECTS: Uuid = Uuid::from_u128(0x1d2c_84f0_7a3e_5b6d_8f19_c0de_5eed_0001);

/// The `sub` of `user`, where it has not been told another.
#[must_use]
pub fn subject_of(user: &str) -> Uuid {
    Uuid::new_v5(&SUBJECTS, user.as_bytes())
}

/// A running issuer; dropping the last copy stops it.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    url: String,
    server: AbortHandle,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    key: EncodingKey,
    pem: String,
    id: String,
    modulus: String,
    exponent: String,
    subjects: Mutex<HashMap<String, Uuid>>,
    fetches: AtomicUsize,
}

impl Issuer {
    /// Start one at `address` (port 0: any free one), with the key in the file `key`, made there when it is missing.
    ///
    /// # Errors
    /// When `APP_ENV` is `production`, the address is taken, or the file is no key.
    pub async fn start(address: SocketAddr, key: Option<&Path>) -> Result<Self> {
        ensure!(
            env::var("APP_ENV").as_deref() != Ok("production"),
            "the development issuer does not run in production"
        );
        let acceptor = TcpListener::bind(address)
            .into_acceptor()
            .await
            .context("cannot listen for the issuer")?;
        let address = acceptor
            .local_addr()
            .into_iter()
            .find_map(|local| local.as_socket_addr().copied());
        let url = format!("http://{}", address.context("the listener has no address")?);
        let shared = Arc::new(Shared::new(url.clone(), pem(key)?)?);
        let route = Route::new()
            .at("/.well-known/openid-configuration", get(discovery))
            .at("/protocol/openid-connect/certs", get(certs))
            .at("/token", post(token))
            .data(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = Server::new_with_acceptor(acceptor).run(route).await {
                tracing::error!(%error, "the issuer stopped");
            }
        });
        Ok(Self(Arc::new(Inner {
            url,
            server: server.abort_handle(),
            shared,
        })))
    }

    /// Its address, which is the `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Have `user` speak for `subject` from now on, rather than for one made of the name.
    pub fn name_subject(&self, user: &str, subject: Uuid) {
        self.0
            .shared
            .subjects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(user.to_owned(), subject);
    }

    /// The `sub` of `user`: the same always.
    #[must_use]
    pub fn subject(&self, user: &str) -> Uuid {
        self.0.shared.subject(user)
    }

    /// A token of `user`, good for `ttl_seconds` (expired when negative).
    #[must_use]
    pub fn token(&self, user: &str, roles: &[&str], ttl_seconds: i64) -> String {
        self.sign(&self.claims(user, roles, ttl_seconds), None)
    }

    /// The claims of such a token.
    #[must_use]
    pub fn claims(&self, user: &str, roles: &[&str], ttl_seconds: i64) -> Value {
        let roles: Vec<_> = roles.iter().map(|role| (*role).to_owned()).collect();
        self.0.shared.claims(user, &roles, ttl_seconds)
    }

    /// Any claims, signed under any key id (its own when none is given).
    #[must_use]
    pub fn sign(&self, claims: &Value, key_id: Option<&str>) -> String {
        self.0.shared.sign(claims, key_id)
    }

    /// The key as PEM, for what only a test would do with it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.0.shared.pem
    }

    /// How often its keys were fetched.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.0.shared.fetches.load(Ordering::Relaxed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn new(url: String, pem: String) -> Result<Self> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = BASE64_STANDARD.decode(body).context("the key is no PEM")?;
        let pair = KeyPair::from_pkcs8(&der).context("the key is no RSA key")?;
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let id = BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &modulus).as_ref());
        Ok(Self {
            url,
            key: EncodingKey::from_rsa_pem(pem.as_bytes()).context("the key cannot sign")?,
            pem,
            id,
            modulus: BASE64_URL_SAFE_NO_PAD.encode(modulus),
            exponent: BASE64_URL_SAFE_NO_PAD.encode(exponent),
            subjects: Mutex::default(),
            fetches: AtomicUsize::new(0),
        })
    }

    fn subject(&self, user: &str) -> Uuid {
        let named = self
            .subjects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(user)
            .copied();
        named.unwrap_or_else(|| subject_of(user))
    }

    fn claims(&self, user: &str, roles: &[String], ttl_seconds: i64) -> Value {
        let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap_or(i64::MAX);
        let (iat, exp) = if 0 <= ttl_seconds {
            (now, now + ttl_seconds)
        } else {
            (now + 2 * ttl_seconds, now + ttl_seconds)
        };
        json!({
            "iss": self.url,
            "aud": [AUDIENCE, "account"],
            "sub": self.subject(user),
            "typ": "Bearer",
            "jti": Uuid::new_v4(),
            "iat": iat,
            "nbf": iat,
            "exp": exp,
            "preferred_username": user,
            "name": user,
            "email": format!("{user}@example.test"),
            "email_verified": true,
            "realm_access": { "roles": roles },
        })
    }

    fn sign(&self, claims: &Value, key_id: Option<&str>) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(key_id.unwrap_or(&self.id).to_owned());
        encode(&header, claims, &self.key).expect("the key was tried when it was read")
    }
}

/// The key in the file, made when there is none.
fn pem(file: Option<&Path>) -> Result<String> {
    if let Some(file) = file.filter(|file| file.exists()) {
        return fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let pair = KeyPair::generate(KeySize::Rsa2048).context("cannot make a key")?;
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).context("cannot write the key")?;
    let body = BASE64_STANDARD.encode(der.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    );
    if let Some(file) = file {
        write_private(file, &pem).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(pem)
}

/// Write a file that only its owner reads.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

#[handler]
fn discovery(Data(shared): Data<&Arc<Shared>>) -> Json<Value> {
    let url = &shared.url;
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/protocol/openid-connect/certs"),
        "token_endpoint": format!("{url}/token"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
    }))
}

#[handler]
fn certs(Data(shared): Data<&Arc<Shared>>) -> Json<Value> {
    shared.fetches.fetch_add(1, Ordering::Relaxed);
    let key = json!({
        "kty": "RSA", "use": "sig", "alg": "RS256",
        "kid": shared.id, "n": shared.modulus, "e": shared.exponent,
    });
    Json(json!({ "keys": [key] }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    user: String,
    #[serde(default = "ordinary")]
    roles: Vec<String>,
    #[serde(default = "half_an_hour")]
    ttl_seconds: i64,
}

fn ordinary() -> Vec<String> {
    vec!["user".to_owned()]
}

fn half_an_hour() -> i64 {
    1_800
}

#[handler]
fn token(Data(shared): Data<&Arc<Shared>>, Json(wanted): Json<Wanted>) -> Response {
    let Wanted {
        user,
        roles,
        ttl_seconds,
    } = wanted;
    if user.is_empty() || !(-86_400 * 365..=86_400 * 365).contains(&ttl_seconds) {
        let message = json!({ "error": "invalid_request", "message": "a user, and a lifetime within a year" });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(message)).into_response();
    }
    let claims = shared.claims(&user, &roles, ttl_seconds);
    let token = shared.sign(&claims, None);
    let answer = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": ttl_seconds,
        "sub": shared.subject(&user),
    });
    Json(answer).into_response()
}
