//! Opening the database, PostgreSQL or an SQLite file; write transactions, locks and its clock.

mod held;
mod statement;

pub use held::Held;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    prelude::DateTimeUtc,
    sqlx::{
        postgres::PgConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode},
    },
};
use std::time::{Duration, SystemTime};
use telemetry::metrics::Pool;
use uuid::Uuid;
use workflows::{
    ids::{SpecialistId, UserId},
    time::Instant,
};

/// How long a connection may have rested and still be used without a check; one that died while it rested longer is
/// replaced unseen. Long enough that under load nobody waits for checks: the pool's connections take turns.
pub const CHECKED_AFTER: Duration = Duration::from_millis(100);

/// How to talk to the database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections that the process is meant to need.
    pub pool_size: u32,
    /// Connections that it may open beyond those; each closes when it was idle for a while.
    pub max_overflow: u32,
    /// How long to wait for a connection, opening and checking it included.
    pub acquire_timeout: Duration,
    /// How long one statement may take (PostgreSQL).
    pub statement_timeout: Duration,
    /// How long to wait for a lock: of rows and sessions on PostgreSQL, of the file on SQLite.
    pub lock_timeout: Duration,
    /// What the server lists the connections under (PostgreSQL).
    pub application_name: String,
    /// A statement that takes longer is logged, by its name and without its values.
    pub slow_query: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pool_size: 10,
            max_overflow: 20,
            acquire_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            application_name: "aroti".to_owned(),
            slow_query: Duration::from_millis(200),
        }
    }
}

/// The database of this process; cheap to clone.
///
/// SQLite has one writer at a time. Its connection is a pool of one, so that the writers of this process queue in their
/// order instead of polling the file's lock; those of other processes wait for the file.
#[derive(Clone, Debug)]
pub struct Db {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    replica: Option<DatabaseConnection>,
    /// A statement that takes longer is logged.
    slow: Duration,
}

impl Db {
    /// Open the database at `url`, `postgres://…` or `sqlite://file`, which is created if missing.
    ///
    /// PostgreSQL is not asked for anything yet: a process may start before its database does, and see [`Db::ping`].
    ///
    /// # Errors
    /// A URL of neither kind, or a file that cannot be opened.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, DbErr> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The libraries' own messages repeat the URL, password and all.
            url.parse::<PgConnectOptions>()
                .map_err(|_| refused("the database's URL cannot be parsed"))?;
            let pool = watched(Database::connect(postgres(url, options)).await?, options);
            Ok(Self {
                reader: pool.clone(),
                writer: pool,
                replica: None,
                slow: options.slow_query,
            })
        } else if url.starts_with("sqlite:") {
            if url.contains(":memory:") || url.contains("mode=memory") {
                return Err(refused(
                    "every connection to a database in memory has its own: name a file",
                ));
            }
            let writer = watched(open_sqlite(url, options).await?, options);
            let mut readers = sqlite(url, options);
            readers.max_connections(options.pool_size.saturating_add(options.max_overflow).max(1));
            Ok(Self {
                reader: watched(Database::connect(readers).await?, options),
                writer,
                replica: None,
                slow: options.slow_query,
            })
        } else {
            Err(refused(
                "the database's URL begins with neither postgres:// nor sqlite://",
            ))
        }
    }

    /// The same, with a replica at `url` to read from what may lag behind.
    ///
    /// # Errors
    /// As [`Db::connect`].
    pub async fn with_replica(self, url: &str, options: &Options) -> Result<Self, DbErr> {
        let replica = Self::connect(url, options).await?;
        Ok(Self {
            replica: Some(replica.reader),
            ..self
        })
    }

    /// For reading what may lag behind: lists of reviews, reports, figures; the [reader](Self::reader) where there is no
    /// replica.
    ///
    /// Never for sessions, for anything that a caller has just written, nor for what fills a cache: a copy made of what is
    /// old would stay.
    #[must_use]
    pub fn replica(&self) -> &DatabaseConnection {
        self.replica.as_ref().unwrap_or(&self.reader)
    }

    /// How the pools are, by their names.
    #[must_use]
    pub fn pools(&self) -> Vec<(&'static str, Pool)> {
        let mut pools = Vec::new();
        // On PostgreSQL reader and writer are one pool.
        if self.writer.get_database_backend() == DbBackend::Sqlite {
            pools.push(("writer", pool(&self.writer)));
            pools.push(("reader", pool(&self.reader)));
        } else {
            pools.push(("primary", pool(&self.reader)));
        }
        if let Some(replica) = &self.replica {
            pools.push(("replica", pool(replica)));
        }
        pools
    }

    /// Have the metrics show the pools.
    pub fn show_pools(&self) {
        let db = self.clone();
        telemetry::metrics::look_at(move || {
            for (name, pool) in db.pools() {
                telemetry::metrics::pool(name, pool);
            }
        });
    }

    /// For reading outside of a transaction; every finder takes it.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The connections that write: for migrations. Everything else writes in [`Db::begin_write`].
    #[must_use]
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begin a transaction that writes: READ COMMITTED on PostgreSQL, IMMEDIATE on SQLite.
    ///
    /// Dropped without a commit, it is rolled back.
    ///
    /// # Errors
    /// No connection or, on SQLite, another writer for longer than the lock's time-out.
    pub async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        // The isolation level is set when a connection opens, which saves a round trip here.
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        self.writer.begin_with_options(immediate).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.reader.ping().await
    }

    /// Close every connection, when what runs has ended.
    ///
    /// # Errors
    /// Never as of now.
    pub async fn close(self) -> Result<(), DbErr> {
        if let Some(replica) = self.replica {
            replica.close().await?;
        }
        self.reader.close().await?;
        self.writer.close().await
    }
}

/// Wait until no other transaction holds `specialist`, and hold it until the end of this one.
///
/// A statement of its own before the first read, so that every read after it sees what the earlier holders committed.
/// Always before [`lock_client`]. On SQLite the transaction itself is alone already.
///
/// # Errors
/// The lock's time-out, see [`Options::lock_timeout`].
pub async fn lock_specialist(tx: &DatabaseTransaction, specialist: SpecialistId) -> Result<(), DbErr> {
    lock(tx, "specialist", specialist.0).await
}

/// Wait until no other transaction holds `client`, and hold it until the end of this one; see [`lock_specialist`].
///
/// # Errors
/// The lock's time-out, see [`Options::lock_timeout`].
pub async fn lock_client(tx: &DatabaseTransaction, client: UserId) -> Result<(), DbErr> {
    lock(tx, "client", client.0).await
}

/// [`lock_specialist`] and then [`lock_client`], in one round trip.
///
/// # Errors
/// The lock's time-out, see [`Options::lock_timeout`].
pub async fn lock_both(tx: &DatabaseTransaction, specialist: SpecialistId, client: UserId) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    // A list is evaluated from left to right. Nothing is read but the locks, so that the next statement is still the first
    // to see anything.
    let locks = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0)), pg_advisory_xact_lock(hashtextextended($2, 0))";
    let names = [
        space("specialist", specialist.0).into(),
        space("client", client.0).into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, locks, names))
        .await
        .map(drop)
}

/// What time it is: the server's clock on PostgreSQL, on SQLite that of this process, which is where it runs.
///
/// # Errors
/// Whatever the database says.
pub async fn now(db: &impl ConnectionTrait) -> Result<Instant, DbErr> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return Ok(SystemTime::now().into());
    }
    let query = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp()");
    let row = db
        .query_one_raw(query)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the time".to_owned()))?;
    row.try_get_by_index::<DateTimeUtc>(0).map(Instant::from)
}

/// What is hashed; the name of the space is part of it, as a person may be client and specialist under one id.
fn space(name: &str, id: Uuid) -> String {
    format!("{name}:{id}")
}

async fn lock(tx: &DatabaseTransaction, name: &str, id: Uuid) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        lock,
        [space(name, id).into()],
    ))
    .await
    .map(drop)
}

/// A connection whose statements are counted, traced and, when slow, logged.
fn watched(mut connection: DatabaseConnection, options: &Options) -> DatabaseConnection {
    let slow = options.slow_query;
    connection.set_metric_callback(move |info| statement::ended(info, slow));
    connection
}

fn pool(connection: &DatabaseConnection) -> Pool {
    let (size, idle, max) = if connection.get_database_backend() == DbBackend::Postgres {
        let pool = connection.get_postgres_connection_pool();
        (pool.size(), pool.num_idle(), pool.options().get_max_connections())
    } else {
        let pool = connection.get_sqlite_connection_pool();
        (pool.size(), pool.num_idle(), pool.options().get_max_connections())
    };
    let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(size);
    Pool {
        in_use: size - idle,
        idle,
        max,
    }
}

fn postgres(url: &str, options: &Options) -> ConnectOptions {
    let milliseconds = |time: Duration| time.as_millis().to_string();
    let settings = [
        ("lock_timeout", milliseconds(options.lock_timeout)),
        ("statement_timeout", milliseconds(options.statement_timeout)),
        // A process that hangs inside a transaction holds its locks no longer than this.
        (
            "idle_in_transaction_session_timeout",
            milliseconds(Duration::from_secs(10)),
        ),
        ("default_transaction_isolation", "read committed".to_owned()),
        // A plan for these very values costs more than most of our statements take. One for all values knows only what a
        // statement says itself, so states and flags that an index is limited to are written out and never bound.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
    ];
    let mut connect = common(url, options);
    connect
        .max_connections(options.pool_size.saturating_add(options.max_overflow).max(1))
        .connect_lazy(true)
        .set_application_name(options.application_name.clone())
        .map_sqlx_postgres_opts(move |postgres| postgres.options(settings.clone()));
    connect
}

fn sqlite(url: &str, options: &Options) -> ConnectOptions {
    let lock_timeout = options.lock_timeout;
    let mut connect = common(url, options);
    connect.map_sqlx_sqlite_opts(move |sqlite| with_pragmas(sqlite, lock_timeout));
    connect
}

fn common(url: &str, options: &Options) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url);
    connect
        .acquire_timeout(options.acquire_timeout)
        // A connection that was used a moment ago is alive: under load a check would double the round trips.
        .test_before_acquire_if_idle_for(CHECKED_AFTER)
        .sqlx_logging(false);
    connect
}

fn with_pragmas(sqlite: SqliteConnectOptions, lock_timeout: Duration) -> SqliteConnectOptions {
    sqlite
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(lock_timeout)
}

/// The writer of an SQLite file, which also switches the file to a write-ahead log.
///
/// That switch needs the file for itself and does not wait for it, so two processes that start at once may be in each
/// other's way: try again until the lock's time-out.
async fn open_sqlite(url: &str, options: &Options) -> Result<DatabaseConnection, DbErr> {
    let lock_timeout = options.lock_timeout;
    let mut connect = common(url, options);
    connect
        .max_connections(1)
        .map_sqlx_sqlite_opts(move |sqlite| with_pragmas(sqlite, lock_timeout).journal_mode(SqliteJournalMode::Wal));
    let deadline = tokio::time::Instant::now() + lock_timeout;
    loop {
        match Database::connect(connect.clone()).await {
            Err(error)
                if crate::fault::classify(&error) == crate::fault::Fault::Serialization
                    && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            result => return result,
        }
    }
}

fn refused(reason: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(reason.to_owned()))
}
