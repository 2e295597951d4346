//! Reads the log of PostgreSQL, which tells every statement of one database, and the counts of a Redis.

use crate::processes::OwnRedis;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::{collections::HashMap, env, fs};

/// What a Redis is asked that no request asks for.
const OF_CONNECTIONS: [&str; 9] = [
    "info",
    "ping",
    "client",
    "hello",
    "config",
    "command",
    "subscribe",
    "psubscribe",
    "ssubscribe",
];

/// The statements of one database.
pub struct Watch {
    db: DatabaseConnection,
    name: String,
    log: String,
}

impl Watch {
    /// From now on every new connection to that database tells what it does.
    pub async fn new(url: &str) -> Self {
        let (server, name) = url.rsplit_once('/').unwrap();
        let mut options = ConnectOptions::new(format!("{server}/postgres"));
        options.max_connections(1).sqlx_logging(false);
        let db = Database::connect(options).await.unwrap();
        db.execute_unprepared(&format!("ALTER DATABASE {name} SET log_statement = 'all'"))
            .await
            .unwrap();
        Self {
            db,
            name: name.to_owned(),
            log: env::var("TEST_POSTGRES_LOG").expect("`make test` names the server's log"),
        }
    }

    /// How much has been told so far.
    pub fn mark(&self) -> u64 {
        fs::metadata(&self.log).unwrap().len()
    }

    /// How many statements a program has begun since then.
    pub async fn statements(&self, program: &str, mark: u64) -> u64 {
        self.told(program, mark).await.len() as u64
    }

    /// How many statements its shortest transaction with `part` in it has, beginning and end included.
    pub async fn transaction_with(&self, program: &str, part: &str) -> u64 {
        let mut open: HashMap<u32, Vec<String>> = HashMap::new();
        let mut least = None;
        for (pid, text) in self.told(program, 0).await {
            let lines = open.entry(pid).or_default();
            if text.starts_with("BEGIN") {
                lines.clear();
            }
            let ends = text.starts_with("COMMIT");
            lines.push(text);
            if ends && lines.iter().any(|line| line.contains(part)) {
                let n = lines.len() as u64;
                least = Some(least.map_or(n, |least: u64| least.min(n)));
            }
        }
        least.unwrap_or_else(|| panic!("no transaction with {part}"))
    }

    /// Who said what since then: `<time> <zone> [<pid>] <database> LOG:  execute <name>: <text>`.
    async fn told(&self, program: &str, mark: u64) -> Vec<(u32, String)> {
        let bytes = fs::read(&self.log).unwrap();
        let text = String::from_utf8_lossy(&bytes[usize::try_from(mark).unwrap()..]).into_owned();
        let pids = self.pids(program).await;
        let begins = format!("] {} LOG:  ", self.name);
        text.lines()
            .filter_map(|line| {
                let (head, said) = line.split_once(&begins)?;
                let pid = head.rsplit_once('[')?.1.parse().ok()?;
                let statement = said.strip_prefix("statement: ").or_else(|| {
                    let (_, text) = said.strip_prefix("execute ")?.split_once(": ")?;
                    Some(text)
                })?;
                pids.contains(&pid).then(|| (pid, statement.to_owned()))
            })
            .collect()
    }

    async fn pids(&self, program: &str) -> Vec<u32> {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND application_name = '{program}'",
            self.name
        );
        let rows = self
            .db
            .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await
            .unwrap();
        rows.iter()
            .map(|row| row.try_get_by_index::<i32>(0).unwrap().unsigned_abs())
            .collect()
    }

    /// How many commands that Redis has carried out for requests, those of scripts included.
    pub async fn commands(&self, url: &str) -> u64 {
        let told = OwnRedis::ask_all(url, "INFO commandstats").await;
        let count = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let name = name.split('|').next()?;
            let calls: u64 = rest.split(',').next()?.parse().ok()?;
            (!OF_CONNECTIONS.contains(&name)).then_some(calls)
        };
        told.lines().filter_map(count).sum()
    }
}
