//! The worker and the API as processes of their own, to be killed.

use crate::app::{Answer, Caller, TestApp};
use activities::testing::{
    port::free_port,
    wait::until,
    world::{DERIVE_KEY, MAIL_FROM, World},
};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A process that ends with the test.
pub struct Process(Child);

impl Process {
    /// A program of this workspace.
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program can be started"))
    }

    /// Ask it to end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Send it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.0.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// End it without a goodbye.
    pub fn kill(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A worker of that world; with `crash_at`, it dies at that point.
pub fn worker(world: &World, crash_at: Option<&str>, more: &[(&str, &str)]) -> Process {
    let mut command = worker_command(world);
    command.envs(more.iter().copied());
    if let Some(point) = crash_at {
        command.env("AROTI_CRASH_AT", point);
    }
    Process::start(&mut command)
}

/// The same, not yet started.
pub fn worker_command(world: &World) -> Command {
    worker_command_of(&binary("worker"), world)
}

/// The same, of a worker that may be another release's.
pub fn worker_command_of(program: &Path, world: &World) -> Command {
    let mut command = Command::new(program);
    command
        .env("DATABASE_URL", &world.database.url)
        .env("TEMPORAL_ADDRESS", &world.address)
        .env("TEMPORAL_TASK_QUEUE", &world.queue)
        .env("SMTP_URL", format!("smtp://{}", world.outbox.smtp_addr()))
        .env("MAIL_FROM", MAIL_FROM)
        .env("JITSI_URL", "https://meet.example.test")
        .env("DERIVE_KEY", DERIVE_KEY)
        .env("METRICS_PORT", "0")
        .env("LOG_LEVEL", "warn")
        .stdin(Stdio::null());
    command
}

/// An API of that app's world, beside the app's own.
pub struct Api {
    pub process: Process,
    pub url: String,
    http: reqwest::Client,
}

impl Api {
    /// One on a port of its own that is ready.
    pub async fn start(app: &TestApp, more: &[(&str, &str)]) -> Self {
        Self::start_as(app, |command| {
            command.envs(more.iter().copied());
        })
        .await
    }

    /// The same, as `set` wants it.
    pub async fn start_as(app: &TestApp, set: impl Fn(&mut Command)) -> Self {
        Self::start_of(&binary("api"), app, set).await
    }

    /// The same, of an API that may be another release's.
    pub async fn start_of(program: &Path, app: &TestApp, set: impl Fn(&mut Command)) -> Self {
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        loop {
            // Somebody else may take the port before the process does, which then ends.
            let port = free_port();
            let mut command = Command::new(program);
            command
                .env("DATABASE_URL", &app.database.url)
                .env("KEYCLOAK_ISSUER_URI", app.issuer.url())
                .env("TEMPORAL_ADDRESS", &app.address)
                .env("TEMPORAL_TASK_QUEUE", &app.queue)
                .env("DERIVE_KEY", DERIVE_KEY)
                .env("APP_PORT", port.to_string())
                .env("METRICS_PORT", "0")
                .env("LOG_LEVEL", "warn")
                // Whoever waits for something asks very often.
                .env("RATE_LIMIT_USER", "0")
                .env("RATE_LIMIT_IP", "0")
                .stdin(Stdio::null());
            set(&mut command);
            let mut process = Process::start(&mut command);
            let url = format!("http://127.0.0.1:{port}");
            let ready = until("the API is ready or has ended", async || {
                if process.has_ended() {
                    return Some(false);
                }
                let answer = http.get(format!("{url}/ready")).send().await.ok()?;
                answer.status().is_success().then_some(true)
            });
            if ready.await {
                return Self { process, url, http };
            }
        }
    }

    /// A request of `caller` to this one.
    pub fn request(&self, caller: &Caller<'_>, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&caller.token)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A booking of `caller` by this one.
    pub fn booking(&self, caller: &Caller<'_>, key: &str, wish: &Value) -> RequestBuilder {
        self.request(caller, Method::POST, "/api/sessions")
            .header("Idempotency-Key", key)
            .json(wish)
    }

    /// An answer of this one that is no 503.
    pub async fn answer(&self, request: impl Fn(&Self) -> RequestBuilder) -> Answer {
        until("an answer other than 503", async || {
            let answer = Answer::of(request(self)).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }
}

/// A Redis that belongs to one test.
pub struct OwnRedis {
    pub port: u16,
    pub process: Process,
    arguments: Vec<String>,
    /// Where it keeps a snapshot, if it is told to.
    folder: TempDir,
}

impl OwnRedis {
    /// An ordinary one.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// One with these options.
    pub fn with(options: &[&str]) -> Self {
        let plain = ["--save", "", "--appendonly", "no"];
        Self::serving(&[plain.as_slice(), options].concat())
    }

    /// One with these arguments.
    pub fn serving(arguments: &[&str]) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self {
            port,
            process: Self::serve(port, &folder, &arguments),
            arguments,
            folder,
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub fn start_again(&mut self) {
        self.process = Self::serve(self.port, &self.folder, &self.arguments);
    }

    /// The first line of what the Redis at `url` answers; empty where there is none.
    pub async fn ask(url: &str, command: &str) -> String {
        let all = Self::ask_all(url, command).await;
        all.lines().next().unwrap_or_default().to_owned()
    }

    /// The first kilobytes of what the Redis at `url` answers; empty where there is none.
    pub async fn ask_all(url: &str, command: &str) -> String {
        let asked = async {
            let mut redis = TcpStream::connect(url.strip_prefix("redis://").unwrap()).await.ok()?;
            redis.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
            let mut bytes = [0; 4_096];
            let n = redis.read(&mut bytes).await.ok()?;
            Some(String::from_utf8_lossy(&bytes[..n]).into_owned())
        };
        asked.await.unwrap_or_default()
    }

    fn serve(port: u16, folder: &TempDir, arguments: &[String]) -> Process {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/tool");
        let found = Command::new(tool).arg("redis-server").output().unwrap();
        let program = String::from_utf8(found.stdout).unwrap();
        let mut command = Command::new(program.trim());
        command
            .args(arguments)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Process::start(&mut command)
    }
}

/// A program of this workspace, as built for the tests.
pub fn binary(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join(name)
}
