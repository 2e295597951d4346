//! A migrated database of its own for each test.

use entities::db::{Db, Options};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr};
use std::{env, fmt, path::PathBuf, thread, time::Duration};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A database of the server that `TEST_DATABASE_URL` names.
    Postgres,
    /// A file.
    Sqlite,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        })
    }
}

/// A migrated, empty database, dropped at the end of the test, also of a failed one.
pub struct TestDatabase {
    /// For assertions; processes under test connect by `url`.
    pub db: Db,
    /// Where it is.
    pub url: String,
    _guard: Guard,
}

enum Guard {
    Directory { _directory: TempDir },
    Postgres { admin: String, name: String },
}

static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();
static SQLITE_TEMPLATE: OnceCell<(PathBuf, TempDir)> = OnceCell::const_new();

impl TestDatabase {
    /// A fresh one.
    ///
    /// # Panics
    /// When there is no server or no disk.
    pub async fn new(kind: Kind) -> Self {
        let (url, guard) = match kind {
            Kind::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                let (template, _) = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
                let file = directory.path().join("aroti.db");
                std::fs::copy(template, &file).unwrap();
                (
                    format!("sqlite://{}", file.display()),
                    Guard::Directory { _directory: directory },
                )
            }
            Kind::Postgres => {
                let admin = admin_url();
                let template = POSTGRES_TEMPLATE.get_or_init(postgres_template).await;
                let name = format!("test_{}", Uuid::new_v4().simple());
                execute(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}"))
                    .await
                    .unwrap();
                (named(&admin, &name), Guard::Postgres { admin, name })
            }
        };
        let db = Db::connect(&url, &options()).await.unwrap();
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

/// Connections for a worker and an API of a test.
#[must_use]
pub fn options() -> Options {
    Options {
        pool_size: 10,
        max_overflow: 10,
        acquire_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(10),
        application_name: "test".to_owned(),
        ..Options::default()
    }
}

fn admin_url() -> String {
    env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL names no PostgreSQL server: `make test` starts one and says where it is")
}

fn named(admin: &str, name: &str) -> String {
    let (server, _) = admin.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

async fn postgres_template() -> String {
    let (admin, name) = (admin_url(), format!("template_{}", Uuid::new_v4().simple()));
    execute(&admin, &format!("CREATE DATABASE {name}")).await.unwrap();
    migrate(&named(&admin, &name)).await;
    name
}

async fn sqlite_template() -> (PathBuf, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("template.db");
    migrate(&format!("sqlite://{}", file.display())).await;
    (file, directory)
}

async fn migrate(url: &str) {
    let db = Db::connect(url, &options()).await.unwrap();
    migration::up(db.writer()).await.unwrap();
    db.close().await.unwrap();
}

async fn execute(url: &str, sql: &str) -> Result<(), DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
}
