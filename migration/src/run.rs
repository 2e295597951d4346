//! Running the migrations: one run at a time, however many pods start at once.

use crate::{
    m20261121_000001_create_people, m20261121_000002_create_specialist, m20261121_000003_create_schedule,
    m20261121_000004_create_session, m20261121_000005_create_session_event, m20261121_000006_create_session_text,
    m20261121_000007_create_review, m20261121_000008_create_audit, m20261121_000009_add_session_life,
    m20261121_000010_create_calendar_feed, m20261121_000014_create_follow_up, m20261121_000015_create_series,
    m20261121_000016_create_waitlist, m20261121_000017_index_texts, m20261121_000018_create_device,
    m20261121_000019_add_erasure, m20261121_000020_index_audit_of_actor, m20261121_000021_index_audit,
    m20261121_000022_create_feature_flag, m20261121_000026_create_busy_feed, m20261121_000029_create_webhook,
    m20261121_000034_create_insights, m20261121_000035_create_daily_report, m20261121_000036_index_events,
    m20261121_000037_add_address_as_of, m20261121_000040_index_unclosed_sessions,
};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationTrait, MigratorTrait, SchemaManager, async_trait,
    sea_orm::{
        ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QueryOrder, RuntimeErr,
        SqliteTransactionMode, TransactionOptions, TransactionTrait,
        sqlx::{self, postgres::PgPoolOptions},
    },
    seaql_migrations,
};
use std::{collections::HashSet, time::Duration};

/// The migrations, in the order of their making.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_people::Migration),
            Box::new(m20261121_000002_create_specialist::Migration),
            Box::new(m20261121_000003_create_schedule::Migration),
            Box::new(m20261121_000004_create_session::Migration),
            Box::new(m20261121_000005_create_session_event::Migration),
            Box::new(m20261121_000006_create_session_text::Migration),
            Box::new(m20261121_000007_create_review::Migration),
            Box::new(m20261121_000008_create_audit::Migration),
            Box::new(m20261121_000009_add_session_life::Migration),
            Box::new(m20261121_000010_create_calendar_feed::Migration),
            Box::new(m20261121_000014_create_follow_up::Migration),
            Box::new(m20261121_000015_create_series::Migration),
            Box::new(m20261121_000016_create_waitlist::Migration),
            Box::new(m20261121_000017_index_texts::Migration),
            Box::new(m20261121_000026_create_busy_feed::Migration),
            Box::new(m20261121_000021_index_audit::Migration),
            Box::new(m20261121_000022_create_feature_flag::Migration),
            Box::new(m20261121_000034_create_insights::Migration),
            Box::new(m20261121_000035_create_daily_report::Migration),
            Box::new(m20261121_000036_index_events::Migration),
            Box::new(m20261121_000037_add_address_as_of::Migration),
            Box::new(m20261121_000018_create_device::Migration),
            Box::new(m20261121_000019_add_erasure::Migration),
            Box::new(m20261121_000020_index_audit_of_actor::Migration),
            Box::new(m20261121_000029_create_webhook::Migration),
            Box::new(m20261121_000040_index_unclosed_sessions::Migration),
        ]
    }

    async fn get_migration_models<C: ConnectionTrait>(db: &C) -> Result<Vec<seaql_migrations::Model>, DbErr> {
        Self::install(db).await?;
        applied(db).await
    }
}

/// A migration and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The migration's name, which is its file's.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// Apply what is pending.
///
/// Safe when several processes do it at once: one runs, the others wait and then find nothing to do.
///
/// # Errors
/// Whatever the database says; what a failed migration had begun is rolled back.
pub async fn up(db: &DatabaseConnection) -> Result<(), DbErr> {
    alone(db, Direction::Up).await
}

/// Take back the last `steps` migrations, or all of them.
///
/// # Errors
/// Whatever the database says; what a failed migration had begun is rolled back.
pub async fn down(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
    alone(db, Direction::Down(steps)).await
}

/// Take everything back and apply it again: every row is lost.
///
/// # Errors
/// Whatever the database says.
pub async fn fresh(db: &DatabaseConnection) -> Result<(), DbErr> {
    alone(db, Direction::Fresh).await
}

/// Every migration and whether it has been applied; changes nothing.
///
/// # Errors
/// Whatever the database says.
pub async fn status(db: &DatabaseConnection) -> Result<Vec<Step>, DbErr> {
    // Not the library's question, which creates its table first: the application's role, which owns no schema, may ask.
    let applied = if SchemaManager::new(db).has_table("seaql_migrations").await? {
        applied(db).await?
    } else {
        Vec::new()
    };
    Ok(Migrator::migrations()
        .iter()
        .map(|migration| Step {
            name: migration.name().to_owned(),
            applied: applied.iter().any(|model| model.version == migration.name()),
        })
        .collect())
}

/// What the database has of the migrations known here.
///
/// A release that was rolled back meets the schema of the one after it. That is what additive migrations are for, so what
/// it does not know is left out; the library would refuse to run at all, and its pods would never start.
async fn applied<C: ConnectionTrait>(db: &C) -> Result<Vec<seaql_migrations::Model>, DbErr> {
    let known: HashSet<_> = Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect();
    let applied = seaql_migrations::Entity::find()
        .order_by_asc(seaql_migrations::Column::Version)
        .all(db)
        .await?;
    Ok(applied
        .into_iter()
        .filter(|model| known.contains(&model.version))
        .collect())
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down(Option<u32>),
    Fresh,
}

impl Direction {
    async fn run<'c, C>(self, db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        match self {
            Self::Up => Migrator::up(db, None).await,
            Self::Down(steps) => Migrator::down(db, steps).await,
            // Not the library's `fresh`, which drops every table of the schema, ours or not.
            Self::Fresh => Migrator::refresh(db).await,
        }
    }
}

/// Run the migrations while nobody else does.
async fn alone(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    match db.get_database_backend() {
        DbBackend::Postgres => alone_in_postgres(db, direction).await,
        _ => alone_in_sqlite(db, direction).await,
    }
}

/// A pool of one connection, which takes the lock when it is opened: what runs in it runs under the lock, and a
/// connection that breaks lets the lock go and takes it anew. A pool of several would run some of it elsewhere.
async fn alone_in_postgres(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    // The time-outs are the application's; waiting for another pod's run, or building an index, may take longer.
    let patient = [
        ("lock_timeout", "0"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ];
    let options = db
        .get_postgres_connection_pool()
        .connect_options()
        .as_ref()
        .clone()
        .options(patient);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(600))
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query("SELECT pg_advisory_lock(hashtextextended('aroti:migration', 0))")
                    .execute(connection)
                    .await
                    .map(drop)
            })
        })
        .connect_with(options)
        .await
        .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    let result = direction.run(&DatabaseConnection::from(pool.clone())).await;
    // The lock ends with the connection.
    pool.close().await;
    result
}

/// One immediate transaction around the whole run: there is one writer, and the others wait for it.
async fn alone_in_sqlite(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let tx = db.begin_with_options(immediate).await?;
    direction.run(&tx).await?;
    tx.commit().await
}
