//! Bar 9: the reserving transaction against the one that every database is measured by.

use super::PAIRS;
use crate::{
    measure::Pairs,
    report::{Bar, Row},
    stack::{PEOPLE, Stack, links},
};
use activities::sessions::reserve;
use anyhow::{Context, Result};
use entities::db::{Db, Options};
use sea_orm::ConnectionTrait;
use std::{
    env,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use workflows::{
    sessions::contract::{Answer, Reserve},
    time,
};

const CLIENTS: u64 = 16;
const SCALE: &str = "50";
const SPELL: Duration = Duration::from_secs(4);

pub async fn run() -> Result<Vec<Row>> {
    let stack = Arc::new(Stack::new().await?);
    let options = Options {
        pool_size: CLIENTS.try_into()?,
        max_overflow: 0,
        ..Options::default()
    };
    let db = Db::connect(&stack.database, &options).await?;
    let server = env::var("TEST_DATABASE_URL")?;
    let tpc = server
        .rsplit_once('/')
        .map(|(server, _)| format!("{server}/postgres"))
        .context("no database")?;
    pgbench(&["-i", "-q", "-s", SCALE, &tpc])
        .await
        .context("filling pgbench's tables")?;
    reserved(&stack, &db).await?;
    // As pgbench has done with its tables: plans are made for what is there, and not for what was empty.
    db.writer().execute_unprepared("VACUUM (ANALYZE)").await?;
    spell(&tpc).await?;
    let mut rates = Pairs::default();
    let mut cpu = Pairs::default();
    for _ in 0..PAIRS {
        let before = stack.cpu_of_database()?;
        let ours = reserved(&stack, &db).await?;
        let between = stack.cpu_of_database()?;
        let theirs = spell(&tpc).await?;
        let after = stack.cpu_of_database()?;
        let seconds = SPELL.as_secs_f64();
        cpu.push(
            (between - before) * 1e6 / (ours * seconds),
            (after - between) * 1e6 / (theirs * seconds),
        );
        rates.push(ours, theirs);
    }
    Ok(vec![
        Row::ratio(
            "9",
            "reserve transactions/s ÷ TPC-B, 16 clients",
            "1/s",
            &rates,
            Bar::AtLeast(1.0, 1.5),
        )
        .note("our client's CPU is on the same cores; pgbench's is much less"),
        Row::ratio("9", "CPU of PostgreSQL: a reserve ÷ a TPC-B", "µs", &cpu, Bar::Shown),
    ])
}

/// Reservations a second.
async fn reserved(stack: &Arc<Stack>, db: &Db) -> Result<f64> {
    let meetings = Arc::new(links()?);
    let done = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + SPELL;
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let (stack, db, meetings, done) = (stack.clone(), db.clone(), meetings.clone(), done.clone());
        clients.push(tokio::spawn(async move {
            let _ = n;
            while Instant::now() < until {
                let book = stack.book(&stack.wish());
                let now = time::Instant::new(jiff::Timestamp::now());
                let answer = reserve::run(&db, &meetings, 3, Reserve { book, now }).await;
                let answer = answer.map_err(|error| anyhow::anyhow!("{error:?}"))?;
                anyhow::ensure!(matches!(answer, Answer::Done(_)), "{answer:?}");
                done.fetch_add(1, Relaxed);
            }
            anyhow::Ok(())
        }));
    }
    for client in clients {
        client.await??;
    }
    const { assert!(CLIENTS < PEOPLE) };
    Ok(done.load(Relaxed) as f64 / SPELL.as_secs_f64())
}

/// TPC-B transactions a second.
async fn spell(url: &str) -> Result<f64> {
    let (clients, seconds) = (CLIENTS.to_string(), SPELL.as_secs().to_string());
    let told = pgbench(&["-n", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds, url]).await?;
    let rate = told
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .context("no rate")?;
    Ok(rate.split_whitespace().next().context("no number")?.parse()?)
}

async fn pgbench(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("pgbench");
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
    let output = tokio::process::Command::from(command)
        .output()
        .await
        .context("pgbench")?;
    anyhow::ensure!(
        output.status.success(),
        "pgbench: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
