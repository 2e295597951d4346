//! A database of its own for each test.

use sea_orm_migration::sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use std::{env, thread};
use tempfile::TempDir;
use uuid::Uuid;

/// An empty database, dropped at the end of the test, also of a failed one.
pub struct Scratch {
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
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db?mode=rwc", directory.path().display());
        Self {
            url,
            _guard: Guard::Directory { _directory: directory },
        }
    }

    /// A database of the server that `TEST_DATABASE_URL` names.
    pub async fn postgres() -> Self {
        let admin = env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no PostgreSQL server: `make test` starts one and says where it is");
        let name = format!("migration_{}", Uuid::new_v4().simple());
        execute(&admin, &format!("CREATE DATABASE {name}")).await.unwrap();
        let (server, _) = admin.rsplit_once('/').unwrap();
        Self {
            url: format!("{server}/{name}"),
            _guard: Guard::Postgres { admin, name },
        }
    }

    /// One of each.
    pub async fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres().await]
    }

    /// A pool of its own.
    pub async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(4).sqlx_logging(false);
        Database::connect(options).await.unwrap()
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

async fn execute(url: &str, sql: &str) -> Result<(), DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
}
