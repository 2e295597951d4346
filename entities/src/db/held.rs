//! A connection for reads that follow each other closely.

use super::{Db, statement};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
    metric::Info,
    prelude::async_trait::async_trait,
    sea_query::Values,
    sqlx::{self, AssertSqlSafe, Postgres, pool::PoolConnection},
};
use sea_query_sqlx::SqlxValues;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A connection that is kept from one read to the next.
///
/// The pool checks what it is given back, and again what has rested before it gives it out: two trips to the server for
/// each read. Whoever reads again and again holds a connection instead, and gives it back, by dropping it, after a read
/// that failed or was cut off. On SQLite, where there are no trips, it stands for the pool of readers.
///
/// It reads only.
#[derive(Debug)]
pub struct Held {
    by: By,
    slow: Duration,
}

#[derive(Debug)]
enum By {
    Connection(Mutex<PoolConnection<Postgres>>),
    Pool(DatabaseConnection),
}

impl Db {
    /// Hold a connection for reading.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn hold(&self) -> Result<Held, DbErr> {
        let by = match self.reader.get_database_backend() {
            DbBackend::Postgres => {
                let pool = self.reader.get_postgres_connection_pool();
                By::Connection(Mutex::new(pool.acquire().await.map_err(not_acquired)?))
            }
            _ => By::Pool(self.reader.clone()),
        };
        Ok(Held { by, slow: self.slow })
    }
}

#[async_trait]
impl ConnectionTrait for Held {
    fn get_database_backend(&self) -> DbBackend {
        match &self.by {
            By::Connection(_) => DbBackend::Postgres,
            By::Pool(pool) => pool.get_database_backend(),
        }
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(reads_only())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(reads_only())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let connection = match &self.by {
            By::Connection(connection) => connection,
            By::Pool(pool) => return pool.query_all_raw(statement).await,
        };
        let began = Instant::now();
        let values = statement.values.clone().unwrap_or_else(|| Values(Vec::new()));
        let query = sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values));
        let found = query.fetch_all(&mut **connection.lock().await).await;
        let info = Info {
            elapsed: began.elapsed(),
            statement: &statement,
            failed: found.is_err(),
        };
        statement::ended(&info, self.slow);
        match found {
            Ok(rows) => Ok(rows.into_iter().map(QueryResult::from).collect()),
            Err(error) => Err(DbErr::Query(RuntimeErr::SqlxError(error.into()))),
        }
    }
}

fn reads_only() -> DbErr {
    DbErr::Custom("a held connection only reads".to_owned())
}

/// As the pool's own errors are.
fn not_acquired(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
    }
}
