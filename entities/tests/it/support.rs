//! A migrated database of its own for each test, and rows to put into it.

use entities::{
    column::{OffsetsMinutes, Words},
    db::{Db, Options},
    fault::{Fault, classify},
    service, session, specialist,
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryResult, Statement,
};
use std::{env, thread, time::Duration};
use tempfile::TempDir;
use uuid::Uuid;
use workflows::{
    ids::{SeatGroup, ServiceId, SessionId, SpecialistId, UserId},
    sessions::state::SessionState,
    time::Instant,
};

/// A migrated database, dropped at the end of the test, also of a failed one.
pub struct Scratch {
    /// The database.
    pub db: Db,
    /// Where it is.
    pub url: String,
    _guard: Guard,
}

enum Guard {
    Directory { _directory: TempDir },
    Postgres { admin: String, name: String },
}

impl Scratch {
    /// A file in a directory of its own.
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", directory.path().display());
        Self::migrated(url, Guard::Directory { _directory: directory }).await
    }

    /// A database of the server that `TEST_DATABASE_URL` names.
    pub async fn postgres() -> Self {
        let admin = env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no PostgreSQL server: `make test` starts one and says where it is");
        let name = format!("entities_{}", Uuid::new_v4().simple());
        execute(&admin, &format!("CREATE DATABASE {name}")).await.unwrap();
        let (server, _) = admin.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        Self::migrated(url, Guard::Postgres { admin, name }).await
    }

    async fn migrated(url: String, guard: Guard) -> Self {
        let db = Db::connect(&url, &options()).await.unwrap();
        migration::up(db.writer()).await.unwrap();
        Self { db, url, _guard: guard }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Self::Postgres { admin, name } = self {
            let (admin, drop_it) = (admin.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            // A runtime of its own: this may be the unwinding of another's thread.
            let dropped = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map(|runtime| runtime.block_on(execute(&admin, &drop_it)))
            });
            drop(dropped.join());
        }
    }
}

/// Small limits, so that what must not wait fails soon.
pub fn options() -> Options {
    Options {
        pool_size: 4,
        max_overflow: 6,
        acquire_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(10),
        application_name: "entities-test".to_owned(),
        slow_query: Duration::from_secs(20),
    }
}

/// Run `test` on an SQLite database and on a PostgreSQL one.
pub async fn on_both(test: impl AsyncFn(&Db)) {
    eprintln!("on SQLite");
    test(&Scratch::sqlite().await.db).await;
    eprintln!("on PostgreSQL");
    test(&Scratch::postgres().await.db).await;
}

async fn execute(url: &str, sql: &str) -> Result<(), DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
}

/// The rows of a query without parameters.
pub async fn query(db: &impl ConnectionTrait, sql: &str) -> Vec<QueryResult> {
    db.query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await
        .unwrap()
}

/// The first column of its rows, as text.
pub async fn texts(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    query(db, sql)
        .await
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

/// Run a statement; what was wrong with it, if anything.
pub async fn attempt(db: &impl ConnectionTrait, sql: &str) -> Result<(), Fault> {
    db.execute_unprepared(sql)
        .await
        .map(drop)
        .map_err(|error| classify(&error))
}

/// Whether `db` is PostgreSQL.
pub fn is_postgres(db: &Db) -> bool {
    db.reader().get_database_backend() == DbBackend::Postgres
}

/// The refusal by the constraint called `name`.
pub fn refused_by(name: &str) -> Result<(), Fault> {
    Err(Fault::Constraint(name.to_owned()))
}

/// The instant of `text`, RFC 3339.
pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// The instant of a time of day, such as `09:00` or `09:00:00.5`, of an ordinary Monday.
pub fn on_monday(time: &str) -> Instant {
    let seconds = if time.len() == 5 { ":00" } else { "" };
    at(&format!("2026-06-01T{time}{seconds}Z"))
}

/// A person never seen before.
pub fn somebody() -> UserId {
    UserId(Uuid::now_v7())
}

/// A specialist as most are; nothing is stored.
pub fn a_specialist(name: &str) -> specialist::Model {
    specialist::Model {
        id: SpecialistId(Uuid::now_v7()),
        user_id: None,
        name: name.to_owned(),
        title: "Coach".to_owned(),
        bio: String::new(),
        email: format!("{}@example.test", name.to_lowercase()),
        specialties: Words(vec!["Sleep".to_owned()]),
        languages: Words(vec!["en".to_owned()]),
        time_zone: "Europe/Berlin".to_owned(),
        active: true,
        rating_sum: 0,
        review_count: 0,
        version: 1,
        created_at: on_monday("00:00"),
        updated_at: on_monday("00:00"),
    }
}

/// A service of theirs; nothing is stored.
pub fn a_service(specialist: SpecialistId) -> service::Model {
    service::Model {
        id: ServiceId(Uuid::now_v7()),
        specialist_id: specialist,
        position: 0,
        name: "Talk".to_owned(),
        duration_minutes: 60,
        slot_interval_minutes: 30,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        capacity: 1,
        price_minor: 5_000,
        currency: "EUR".to_owned(),
        active: true,
    }
}

/// A session of theirs without buffers, confirmed, with a seat group of its own; nothing is stored.
pub fn a_session(service: &service::Model, client: UserId, starts_at: Instant, ends_at: Instant) -> session::Model {
    let id = SessionId(Uuid::now_v7());
    session::Model {
        id,
        workflow_id: format!("session-{id}"),
        specialist_id: service.specialist_id,
        client_id: client,
        service_id: service.id,
        series_id: None,
        status: SessionState::Confirmed,
        starts_at,
        ends_at,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        blocks_from: starts_at,
        blocks_until: ends_at,
        seat_group: SeatGroup(id.0),
        seat: 1,
        hold_expires_at: None,
        time_zone: "Europe/Berlin".to_owned(),
        notes_id: None,
        cancel_reason_id: None,
        meeting_url: None,
        meeting_ref: None,
        meeting_key: None,
        late_cancel: None,
        failure: None,
        sequence: 0,
        version: 1,
        event_seq: 0,
        request_hash: "hash".to_owned(),
        cancel_notice_minutes: 0,
        reschedule_notice_minutes: 0,
        max_reschedules: None,
        reschedules: 0,
        reminder_offsets: OffsetsMinutes(vec![1_440, 60]),
        created_at: on_monday("00:00"),
        updated_at: on_monday("00:00"),
        closed_at: None,
    }
}

/// Store rows of any table.
pub async fn store<M, A>(db: &Db, rows: impl IntoIterator<Item = M>)
where
    M: IntoActiveModel<A>,
    A: sea_orm::ActiveModelTrait + Send,
{
    let tx = db.begin_write().await.unwrap();
    for row in rows {
        A::Entity::insert(row.into_active_model())
            .exec_without_returning(&tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

/// Store a specialist with one service.
pub async fn somebody_with_a_service(db: &Db) -> service::Model {
    let specialist = a_specialist("Ada");
    let service = a_service(specialist.id);
    store(db, [specialist]).await;
    store(db, [service.clone()]).await;
    service
}

/// Insert a session in a transaction of its own; what was wrong with it, if anything.
pub async fn insert(db: &Db, session: session::Model) -> Result<(), Fault> {
    in_a_transaction(db, async |tx| session::insert(tx, session.clone()).await).await
}

/// Run `body` in a transaction of its own and commit what it did, if it did.
pub async fn in_a_transaction<T>(
    db: &Db,
    body: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>,
) -> Result<T, Fault> {
    let tx = db.begin_write().await.unwrap();
    let result = body(&tx).await.map_err(|error| classify(&error))?;
    tx.commit().await.unwrap();
    Ok(result)
}
