//! A database of its own, the processes before it, and people who book.

use crate::{
    engine,
    http::{Http, get, request},
    issuer::Issuer,
    measure::{cpu, cpu_of_family, rss_mib},
    port::free_port,
    sink::Sink,
};
use activities::{config::Meetings, meetings::provider::MeetingProvider};
use anyhow::{Context, Result, bail};
use entities::db::{Db, Options};
use jiff::Timestamp;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};
use temporalio_client::Client;
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId, UserId},
    sessions::contract::{Book, CURRENT_FLOW, ServiceChoice, session_id},
};

/// As many specialists there are, and as many clients.
pub const PEOPLE: u64 = 400;
/// Hours from one session of a specialist to the next.
const APART: u64 = 7;
/// Where sessions take place.
pub const MEET: &str = "https://meet.example.test";
const DERIVE_KEY: &str = "a key for benches, and for benches only";

/// A process that ends with the bench.
pub struct Process {
    child: Child,
}

impl Process {
    /// Start it.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Self { child })
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> Result<f64> {
        cpu(self.pid())
    }

    /// Memory in use, in MiB.
    ///
    /// # Errors
    /// When it is gone.
    pub fn rss(&self) -> Result<f64> {
        rss_mib(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The servers that `scripts/services` has started, and a database on them.
pub struct Stack {
    /// Our own connections to that database.
    pub db: Db,
    /// Where it is.
    pub database: String,
    /// Where the engine is.
    pub address: String,
    /// A client of it.
    pub engine: Client,
    /// Who signs the tokens.
    pub issuer: Issuer,
    /// Who takes the mails.
    pub sink: Sink,
    /// The queue of the bookings.
    pub queue: String,
    /// The queue of the baselines.
    pub baseline: String,
    redis: String,
    folder: PathBuf,
    booked: AtomicU64,
    first_start: Timestamp,
}

/// What a PostgreSQL has written.
#[derive(Clone, Copy)]
pub struct Written {
    /// Transactions that write.
    pub transactions: i64,
    /// Bytes of its log.
    pub bytes: i64,
}

impl Written {
    async fn to(url: &str) -> Result<Self> {
        let db = open(url).await?;
        // Numbers are given to those transactions only.
        let sql = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, \
                   pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
        let row = db
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
        let row = row.context("no row")?;
        let written = Self {
            transactions: row.try_get_by_index(0)?,
            bytes: row.try_get_by_index(1)?,
        };
        db.close().await?;
        Ok(written)
    }
}

/// A booking to be.
pub struct Wish {
    /// Whose, by number.
    pub client: u64,
    /// With whom, by number.
    pub specialist: u64,
    /// When.
    pub starts_at: Timestamp,
}

impl Stack {
    /// A fresh one, with people.
    ///
    /// # Errors
    /// When a server is not there.
    pub async fn new() -> Result<Self> {
        let admin = variable("TEST_DATABASE_URL")?;
        let name = format!("bench_{}", Uuid::new_v4().simple());
        execute(&admin, &format!("CREATE DATABASE {name}")).await?;
        let (server, _) = admin.rsplit_once('/').context("no database in the URL")?;
        let database = format!("{server}/{name}");
        let migrated = Command::new(binary("migration")?)
            .arg("up")
            .env("DATABASE_URL", &database)
            .stdout(Stdio::null())
            .status()?;
        anyhow::ensure!(migrated.success(), "the migration failed");
        let options = Options {
            pool_size: 20,
            max_overflow: 0,
            ..Options::default()
        };
        let db = Db::connect(&database, &options).await?;
        let address = variable("TEST_TEMPORAL_ADDRESS")?;
        let log = PathBuf::from(variable("TEST_POSTGRES_LOG")?);
        let id = Uuid::new_v4().simple();
        let day = Duration::from_secs(24 * 3_600);
        let midnight = Timestamp::now().as_second() / 86_400 * 86_400;
        let stack = Self {
            db,
            database,
            engine: engine::connect(&address).await?,
            address,
            issuer: Issuer::start("127.0.0.1:0".parse()?, None).await?,
            sink: Sink::start().await?,
            queue: format!("bookings-{id}"),
            baseline: format!("bookings-baseline-{id}"),
            redis: variable("TEST_REDIS_URL")?,
            folder: log.parent().map(Path::to_owned).unwrap_or_default(),
            booked: AtomicU64::new(0),
            first_start: Timestamp::from_second(midnight)?.checked_add(day * 4)?,
        };
        stack.people().await?;
        Ok(stack)
    }

    /// Specialists who are open day and night, and clients.
    async fn people(&self) -> Result<()> {
        let day = r#"[["00:00","24:00"]]"#;
        let weekly: String = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
            .map(|name| format!(r#""{name}":{day}"#))
            .join(",");
        let mut sql = String::new();
        for n in 0..PEOPLE {
            let (specialist, service) = (self.specialist(n).0, self.service(n).0);
            let client = self.client(n).0;
            // As their tokens have it.
            let email = format!("{}@example.test", client_name(n));
            sql.push_str(&format!(
                "INSERT INTO specialist (id, name, title, bio, email, specialties, languages, time_zone, active, created_at, \
                    updated_at) VALUES ('{specialist}', 'Specialist {n:04}', 'Coach', 'For benches, and for nothing else.', \
                    '{n}@specialists.test', '[\"coaching\"]', '[\"en\"]', 'Europe/Berlin', true, now(), now()); \
                 INSERT INTO service (id, specialist_id, position, name, duration_minutes, slot_interval_minutes, \
                    buffer_before_minutes, buffer_after_minutes, capacity, price_minor, currency, active) \
                    VALUES ('{service}', '{specialist}', 0, 'Session', 60, 15, 0, 0, 1, 5000, 'EUR', true); \
                 INSERT INTO schedule (specialist_id, weekly, minimum_notice_minutes, cancel_notice_minutes, \
                    reschedule_notice_minutes, hold_minutes, updated_at) \
                    VALUES ('{specialist}', '{{{weekly}}}', 0, 1440, 1440, 10, now()); \
                 INSERT INTO \"user\" (id, created_at) VALUES ('{client}', now()); \
                 INSERT INTO profile (user_id, name, email, time_zone, locale, reminder_offsets, channels, version, \
                    updated_at) VALUES ('{client}', 'Client {n}', '{email}', 'UTC', 'en', '[1440,60]', \
                    '[\"email\"]', 1, now());"
            ));
        }
        // All at once, in one transaction.
        self.db.writer().execute_unprepared(&sql).await?;
        self.db.writer().execute_unprepared("ANALYZE").await?;
        Ok(())
    }

    /// Have plans made for what is in the tables by now, as autovacuum does within a minute where it runs.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn analyse(&self) -> Result<()> {
        self.db.writer().execute_unprepared("ANALYZE").await?;
        Ok(())
    }

    /// The specialist of that number.
    #[must_use]
    pub fn specialist(&self, n: u64) -> SpecialistId {
        SpecialistId(Uuid::from_u128((0x5ec1_0000 << 64) | u128::from(n)))
    }

    fn service(&self, n: u64) -> ServiceId {
        ServiceId(Uuid::from_u128((0x5e41_0000 << 64) | u128::from(n)))
    }

    /// The client of that number.
    #[must_use]
    pub fn client(&self, n: u64) -> UserId {
        UserId(self.issuer.subject(&client_name(n)))
    }

    /// A token of that client's.
    #[must_use]
    pub fn token(&self, n: u64) -> String {
        self.issuer.token(&client_name(n), &["user"], 3_600 * 6)
    }

    /// A start that is free, for a client who is.
    #[must_use]
    pub fn wish(&self) -> Wish {
        let n = self.booked.fetch_add(1, Relaxed);
        let (who, round) = (n % PEOPLE, n / PEOPLE);
        let seconds = i64::try_from(round * APART * 3_600).unwrap_or_default();
        Wish {
            client: who,
            specialist: who,
            starts_at: Timestamp::from_second(self.first_start.as_second() + seconds).unwrap_or(self.first_start),
        }
    }

    /// The command of a wish, as the API would make it.
    #[must_use]
    pub fn book(&self, wish: &Wish) -> Book {
        let client = self.client(wish.client);
        let now = Timestamp::now();
        Book {
            flow: CURRENT_FLOW,
            session: session_id(client, &Uuid::new_v4().to_string()),
            specialist: self.specialist(wish.specialist),
            client,
            service: ServiceChoice::Minutes(60),
            starts_at: workflows::time::Instant::new(wish.starts_at),
            time_zone: None,
            notes: None,
            hold: false,
            request_hash: "0".repeat(43),
            not_after: workflows::time::Instant::new(now + Duration::from_secs(3_600)),
            request_id: Some(Uuid::new_v4().to_string()),
        }
    }

    /// The request of a wish; with `wait`, for the confirmation.
    #[must_use]
    pub fn post(&self, wish: &Wish, token: &str, wait: bool) -> Vec<u8> {
        let body = json!({
            "specialist_id": self.specialist(wish.specialist).0, "starts_at": wish.starts_at.to_string(),
            "duration_minutes": 60,
        });
        let key = Uuid::new_v4().to_string();
        let mut headers = vec![("idempotency-key", key.as_str())];
        if wait {
            headers.push(("prefer", "wait=10"));
        }
        request("POST", "/api/sessions", Some(token), &headers, Some(&body))
    }

    /// What every process of ours is told.
    fn told(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("DATABASE_URL", &self.database)
            .env("TEMPORAL_ADDRESS", &self.address)
            .env("TEMPORAL_TASK_QUEUE", &self.queue)
            .env("KEYCLOAK_ISSUER_URI", self.issuer.url())
            .env("REDIS_URL", &self.redis)
            .env("DERIVE_KEY", DERIVE_KEY)
            .env("SMTP_URL", format!("smtp://{}", self.sink.address))
            .env("MAIL_FROM", "Aroti <no-reply@aroti.test>")
            .env("JITSI_URL", MEET)
            .env("METRICS_PORT", "0")
            .env("LOG_LEVEL", "error")
            .env("RATE_LIMIT_USER", "0")
            .env("RATE_LIMIT_IP", "0")
            // As in the image.
            .env("MIMALLOC_ALLOW_THP", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// The worker, told more.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn worker(&self, more: &[(&str, &str)]) -> Result<Process> {
        Process::start(self.told(&binary("worker")?).envs(more.iter().copied()))
    }

    /// The same worker with so many slots for what leaves the house.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn narrow_worker(&self, slots: usize) -> Result<Process> {
        Process::start(
            self.told(&env::current_exe()?)
                .args(["worker", slots.to_string().as_str()]),
        )
    }

    /// The API, told more, once it answers; also how long that took.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn api(&self, more: &[(&str, &str)]) -> Result<(Process, u16, Duration)> {
        let port = free_port();
        let began = Instant::now();
        let process = Process::start(
            self.told(&binary("api")?)
                .env("APP_PORT", port.to_string())
                .envs(more.iter().copied()),
        )?;
        let ready = get("/ready", None);
        while began.elapsed() < Duration::from_secs(30) {
            if let Ok(mut http) = Http::to(port).await
                && http.succeed(&ready).await.is_ok()
            {
                return Ok((process, port, began.elapsed()));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the API is not ready")
    }

    /// The worker of the baselines.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn host(&self) -> Result<Process> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["host", self.address.as_str(), self.baseline.as_str()]);
        // Like ours, whose password is not among its arguments.
        Process::start(command.env("DATABASE_URL", &self.database))
    }

    /// What has been written so far: to our database, and then to the engine's where it has one of its own.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn written(&self) -> Result<Vec<Written>> {
        let mut written = vec![Written::to(&self.database).await?];
        if let Ok(port) = fs::read_to_string(self.folder.join("persistence.port")) {
            let url = format!("postgres://postgres@127.0.0.1:{}/postgres", port.trim());
            written.push(Written::to(&url).await?);
        }
        Ok(written)
    }

    /// CPU seconds of the engine so far, and of the database of its own that it may have.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_of_engine(&self) -> Result<f64> {
        let persistence = match self.pid("persistence") {
            Ok(pid) => cpu_of_family(pid)?,
            Err(_) => 0.0,
        };
        Ok(cpu(self.pid("temporal")?)? + persistence)
    }

    /// CPU seconds of PostgreSQL so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_of_database(&self) -> Result<f64> {
        cpu_of_family(self.pid("postgres")?)
    }

    fn pid(&self, name: &str) -> Result<u32> {
        let text = fs::read_to_string(self.folder.join(format!("{name}.pid")))?;
        Ok(text.trim().parse()?)
    }

    /// Wait until the engine has next to nothing to do any more, which is when everything that was begun is through.
    ///
    /// # Errors
    /// When it is gone, or busy for twenty seconds.
    pub async fn rest(&self) -> Result<()> {
        // CPU time is told in hundredths of a second, and one of them it takes for itself now and then.
        const LOOK: Duration = Duration::from_millis(60);
        const NOTHING: f64 = 0.015;
        let began = Instant::now();
        let mut before = self.cpu_of_engine()?;
        while began.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(LOOK).await;
            let now = self.cpu_of_engine()?;
            if now - before < NOTHING {
                return Ok(());
            }
            before = now;
        }
        bail!("the engine does not come to rest")
    }

    /// Wait until so many mails have gone.
    ///
    /// # Errors
    /// When they do not.
    pub async fn mails(&self, n: u64) -> Result<()> {
        let began = Instant::now();
        while self.sink.mails() < n {
            if began.elapsed() > Duration::from_secs(120) {
                bail!("{} of {n} mails after two minutes", self.sink.mails());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Book once, from nothing to `confirmed`, so that everybody is awake; the session's id, and whose it is.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn first_booking(&self, port: u16) -> Result<(String, u64)> {
        let began = Instant::now();
        let mut http = Http::to(port).await?;
        loop {
            let wish = self.wish();
            let reply = http.ask(&self.post(&wish, &self.token(wish.client), true)).await?;
            if (200..300).contains(&reply.status) {
                let id = reply.json()?.get("id").and_then(Value::as_str).map(str::to_owned);
                return Ok((id.context("a session without an id")?, wish.client));
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
            }
        }
    }
}

/// Links as the processes make them.
///
/// # Errors
/// When the key is none.
pub fn links() -> Result<MeetingProvider> {
    let meetings = Meetings::Jitsi {
        url: MEET.parse()?,
        app_id: None,
        key: None,
    };
    MeetingProvider::new(&meetings, DERIVE_KEY)
}

fn client_name(n: u64) -> String {
    format!("client-{n}")
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: `make bench` starts the servers"))
}

/// A program of this workspace, as it is shipped.
///
/// # Errors
/// When it was not built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let folder = match env::var_os("BENCH_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let program = folder.join(name);
    anyhow::ensure!(program.exists(), "{} was not built", program.display());
    Ok(program)
}

/// One connection.
async fn open(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

async fn execute(url: &str, sql: &str) -> Result<()> {
    let db = open(url).await?;
    db.execute_unprepared(sql).await?;
    db.close().await?;
    Ok(())
}
