//! The whole service in one process, and a client for it.

pub use activities::testing::days::in_days;
use activities::testing::{
    database::{Kind, options},
    people::TestSpecialist,
    wait::until,
    world::{DERIVE_KEY, MAIL_FROM, PUBLIC_URL, Setup, World},
};
use api::{app, auth::issuer::Issuer, config::Config, state::State};
use entities::audit;
use poem::{
    Server,
    listener::{Acceptor, Listener, TcpListener},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use settings::Reach;
use std::{ops::Deref, time::Duration};
use tokio::task::JoinHandle;
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId},
    time::Instant,
};

/// A world and an API in front of it.
pub struct TestApp {
    pub world: World,
    pub issuer: Issuer,
    pub url: String,
    people: Uuid,
    http: reqwest::Client,
    server: JoinHandle<()>,
}

impl Deref for TestApp {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl TestApp {
    pub async fn new(kind: Kind) -> Self {
        Self::with(kind, Setup::default()).await
    }

    pub async fn with(kind: Kind, setup: Setup) -> Self {
        let world = World::with(kind, setup).await;
        Self::before(world).await
    }

    /// An API before that world.
    pub async fn before(world: World) -> Self {
        Self::told(world, &[]).await
    }

    /// An API before that world, with variables that go before ours.
    pub async fn told(world: World, variables: &[(&str, &str)]) -> Self {
        let issuer = Issuer::start("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let config = Config::from_map(&|name| {
            if let Some((_, value)) = variables.iter().find(|(variable, _)| *variable == name) {
                return Some((*value).to_owned());
            }
            Some(match name {
                "DATABASE_URL" => world.database.url.clone(),
                "DATABASE_POOL_SIZE" => options().pool_size.to_string(),
                "KEYCLOAK_ISSUER_URI" => issuer.url().to_owned(),
                "TEMPORAL_ADDRESS" => world.address.clone(),
                "TEMPORAL_TASK_QUEUE" => world.queue.clone(),
                "DERIVE_KEY" => DERIVE_KEY.to_owned(),
                "MAIL_FROM" => MAIL_FROM.to_owned(),
                "PUBLIC_URL" => PUBLIC_URL.to_owned(),
                "WEBHOOK_ALLOW_PRIVATE" => match world.reach {
                    Reach::Public => "false".to_owned(),
                    Reach::PublicAnd(listener) => listener.to_string(),
                    Reach::Everywhere => "true".to_owned(),
                },
                "FEATURE_FLAGS_SECONDS" => "1".to_owned(),
                // Whoever waits for something asks very often.
                "RATE_LIMIT_USER" | "RATE_LIMIT_IP" => "0".to_owned(),
                _ => return None,
            })
        })
        .unwrap();
        let state = State::connect(&config).await.unwrap();
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let url = format!("http://{}", acceptor.local_addr()[0].as_socket_addr().unwrap());
        let server = tokio::spawn(async move {
            Server::new_with_acceptor(acceptor).run(app(state)).await.ok();
        });
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let people = Uuid::new_v4();
        Self {
            world,
            issuer,
            url,
            people,
            http,
            server,
        }
    }

    /// A caller with that name: the same person all through this test, and nobody that another test knows, for a
    /// session's id is made of its client and key and tests share one engine.
    pub fn user(&self, name: &str) -> Caller<'_> {
        self.user_with(name, &["user"])
    }

    /// The same, with these roles.
    pub fn user_with(&self, name: &str, roles: &[&str]) -> Caller<'_> {
        self.issuer.name_subject(name, self.id_of(name).0);
        Caller {
            app: self,
            token: self.issuer.token(name, roles, 3600),
        }
    }

    /// The same person in a role of theirs.
    pub fn role(&self, name: &str, role: &str) -> Caller<'_> {
        let caller = self.user(name);
        Caller {
            token: self.issuer.token(name, &["user", role], 3600),
            ..caller
        }
    }

    /// What is on record about a thing, oldest first: each as `action role fields`.
    pub async fn acts(&self, target_id: impl std::fmt::Display) -> Vec<String> {
        let rows = audit::Entity::find()
            .filter(audit::Column::TargetId.eq(target_id.to_string()))
            .order_by_asc(audit::Column::At)
            .order_by_asc(audit::Column::Id)
            .all(self.database.db.reader())
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| format!("{} {} {}", row.action, row.actor_role, row.fields.0.join(",")))
            .collect()
    }

    /// Who has that name.
    pub fn id_of(&self, name: &str) -> UserId {
        UserId(Uuid::new_v5(&self.people, name.as_bytes()))
    }

    /// A caller nobody has seen before.
    pub fn somebody(&self) -> Caller<'_> {
        self.user(&Uuid::new_v4().to_string())
    }

    /// Whoever that token speaks for.
    pub fn with_token(&self, token: String) -> Caller<'_> {
        Caller { app: self, token }
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .timeout(Duration::from_secs(60))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Somebody with a token.
#[derive(Clone)]
pub struct Caller<'a> {
    app: &'a TestApp,
    pub token: String,
}

impl Caller<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Book under `key` as a client does: an outcome that nobody knows is asked for again.
    ///
    /// A machine that is busy with other tests may take more than the two seconds in which an answer is owed.
    pub async fn book(&self, key: &str, body: &Value) -> Answer {
        let mut n_asked = 0;
        let mut answer = until("an answer other than 503", async || {
            n_asked += 1;
            let answer = self.book_once(key, body).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        // A repeat is 201 where the session has been confirmed meanwhile; a first answer would have been 202.
        if 1 < n_asked && answer.status == 201 {
            answer.status = 202;
        }
        answer
    }

    /// Book under `key`, whatever the answer.
    pub async fn book_once(&self, key: &str, body: &Value) -> Answer {
        Answer::of(
            self.request(Method::POST, "/api/sessions")
                .header("Idempotency-Key", key)
                .json(body),
        )
        .await
    }

    /// Cancel, asked again like [`book`](Self::book).
    pub async fn cancel(&self, id: &str) -> Answer {
        until("an answer other than 503", async || {
            let answer = self.cancel_once(id).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    /// Cancel, whatever the answer.
    pub async fn cancel_once(&self, id: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, &format!("/api/sessions/{id}"))).await
    }

    /// Give a command, asked again like [`book`](Self::book).
    pub async fn give(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        until("an answer other than 503", async || {
            let request = self.request(method.clone(), path);
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            let answer = Answer::of(request).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    /// Change a session.
    pub async fn change(&self, id: &str, body: Value) -> Answer {
        self.give(Method::PUT, &format!("/api/sessions/{id}"), Some(body)).await
    }

    /// Confirm a hold.
    pub async fn confirm(&self, id: &str) -> Answer {
        self.give(Method::POST, &format!("/api/sessions/{id}/confirm"), None)
            .await
    }

    /// Say that the client did not come.
    pub async fn no_show(&self, id: &str) -> Answer {
        self.give(Method::POST, &format!("/api/sessions/{id}/no-show"), None)
            .await
    }

    /// Their own id, made known by a first request.
    pub async fn sign_in(&self) {
        // A hundred at once may keep the database busy for longer than a request waits.
        until("a first request is answered", async || {
            let answer = self.get("/api/sessions").await;
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            (answer.status == 200).then_some(())
        })
        .await;
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response: Response = request.send().await.expect("the service answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.expect("the answer is whole");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Self { status, headers, body };
        if 400 <= status && status != StatusCode::NOT_MODIFIED.as_u16() {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
            assert_eq!(answer.body["status"], status, "{answer:?}");
            assert!(answer.body["request_id"].is_string(), "{answer:?}");
        }
        answer
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("a session, not {self:?}"))
    }

    pub fn session(&self) -> SessionId {
        self.id().parse().unwrap()
    }
}

/// A booking of an hour.
pub fn hour(specialist: &TestSpecialist, starts_at: Instant) -> Value {
    json!({"specialist_id": specialist.id, "starts_at": starts_at, "duration_minutes": 60})
}

/// The same, held.
pub fn hold(specialist: &TestSpecialist, starts_at: Instant) -> Value {
    let mut body = hour(specialist, starts_at);
    body["hold"] = json!(true);
    body
}

/// Run `test` on both databases.
pub async fn on_both(test: impl AsyncFn(Kind)) {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        eprintln!("on {kind}");
        test(kind).await;
    }
}

/// Wait until the session stands so, by its own resource.
pub async fn until_status(caller: &Caller<'_>, id: &str, status: &str) -> Value {
    until(&format!("session {id} is {status}"), async || {
        let answer = caller.get(&format!("/api/sessions/{id}")).await;
        (answer.body["status"] == status).then_some(answer.body)
    })
    .await
}
