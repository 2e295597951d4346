//! Bar 8: the query of the slots among a thousand sessions and among a million.

use super::PAIRS;
use crate::{
    measure::{Pairs, median},
    report::{Bar, Row},
    stack::Stack,
};
use anyhow::{Context, Result};
use entities::session;
use sea_orm::{ConnectionTrait, DbBackend, PartialModelTrait, QuerySelect, QueryTrait, Statement};
use std::{env, time::Instant};
use workflows::time;

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
/// Sessions of the one specialist who is asked about, in both.
const OWN: u64 = 300;
const N: usize = 200;

pub async fn run() -> Result<Vec<Row>> {
    let many = env::var("BENCH_SESSIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(MANY);
    let (small, large) = (filled(FEW).await?, filled(many).await?);
    for stack in [&small, &large] {
        for _ in 0..N {
            asked(stack).await?;
        }
    }
    let mut times = Pairs::default();
    for _ in 0..2 * PAIRS {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..N {
            a.push(asked(&large).await?);
            b.push(asked(&small).await?);
        }
        times.push(median(&a), median(&b));
    }
    let (few, plan) = pages(&small).await?;
    let (more, _) = pages(&large).await?;
    let note = format!("{few} pages among {FEW}, {more} among {many}; {plan}");
    Ok(vec![
        Row::ratio(
            "8",
            "slots query among 10⁶ sessions ÷ among 10³, p50",
            "µs",
            &times,
            Bar::AtMost(1.3, 1.1),
        )
        .note(note),
        Row::alone(
            "8",
            "more pages among 10⁶",
            "pages",
            &[more - few],
            Bar::AtMost(3.0, 3.0),
        ),
    ])
}

/// A database with so many sessions, of which the first specialist has always as many.
async fn filled(n: u64) -> Result<Stack> {
    let stack = Stack::new().await?;
    let db = stack.db.writer();
    // The net is of no use while rows are made that cannot meet; it is put back before anything is asked.
    let nets = "SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint \
                WHERE conrelid = 'session'::regclass AND contype = 'x'";
    let mut back = Vec::new();
    for row in db.query_all_raw(sql(nets)).await? {
        let (name, definition): (String, String) = (row.try_get("", "conname")?, row.try_get("", "definition")?);
        db.execute_unprepared(&format!("ALTER TABLE session DROP CONSTRAINT {name}"))
            .await?;
        back.push(format!("ALTER TABLE session ADD CONSTRAINT {name} {definition}"));
    }
    let first = stack.specialist(0).0;
    // Each has one session every two hours; where there are many, they reach back for years.
    let others = crate::stack::PEOPLE - 1;
    let make = |count: u64, who: &str| {
        format!(
            "INSERT INTO session (id, workflow_id, specialist_id, client_id, service_id, status, starts_at, ends_at, \
                buffer_before_minutes, buffer_after_minutes, blocks_from, blocks_until, seat_group, seat, time_zone, \
                request_hash, cancel_notice_minutes, reschedule_notice_minutes, reminder_offsets, created_at, updated_at) \
             SELECT made.id, 'session-' || made.id, who.id, gen_random_uuid(), service.id, 'confirmed', at, at + interval '1 hour', \
                0, 0, at, at + interval '1 hour', made.id, 1, 'UTC', 'h', 1440, 1440, '[1440,60]', now(), now() \
             FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(0, {count} - 1) n) made \
             JOIN LATERAL ({who}) who ON true \
             JOIN service ON service.specialist_id = who.id \
             JOIN LATERAL (SELECT date_trunc('day', now()) + interval '30 days' - who.round * interval '2 hours' AS at) \
                times ON true"
        )
    };
    let own = make(OWN, &format!("SELECT '{first}'::uuid AS id, made.n AS round"));
    let rest = "SELECT ('00000000-5ec1-0000-0000-' || lpad(to_hex(1 + made.n % @others), 12, '0'))::uuid AS id, \
                made.n / @others AS round"
        .replace("@others", &others.to_string());
    let shape = stack.specialist(1).0.to_string();
    anyhow::ensure!(
        shape == "00000000-5ec1-0000-0000-000000000001",
        "specialists have other ids: {shape}"
    );
    db.execute_unprepared(&own).await.context("own")?;
    let tx = stack.db.begin_write().await?;
    tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    tx.execute_unprepared(&make(n - OWN, &rest)).await.context("others")?;
    tx.commit().await?;
    let tx = stack.db.begin_write().await?;
    tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    tx.execute_unprepared("SET LOCAL maintenance_work_mem = '256MB'")
        .await?;
    for statement in back {
        tx.execute_unprepared(&statement).await?;
    }
    tx.commit().await?;
    db.execute_unprepared("VACUUM (ANALYZE) session").await?;
    Ok(stack)
}

/// Microseconds of one question: thirty days of the first specialist.
async fn asked(stack: &Stack) -> Result<f64> {
    let (from, to) = span();
    let began = Instant::now();
    let found = session::blocking(stack.db.reader(), stack.specialist(0), from, to).await?;
    let took = began.elapsed();
    anyhow::ensure!(found.len() > 200, "{} rows", found.len());
    Ok(took.as_secs_f64() * 1e6)
}

fn span() -> (time::Instant, time::Instant) {
    let now = time::Instant::new(jiff::Timestamp::now());
    (now, now.plus_minutes(30 * 24 * 60))
}

/// How many pages the query touches, and how it goes about it.
async fn pages(stack: &Stack) -> Result<(f64, String)> {
    let (from, to) = span();
    let query = session::blocking_query(stack.specialist(0), from, to).select_only();
    let statement = session::Blocking::select_cols(query).build(DbBackend::Postgres);
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT TEXT) {statement}");
    let mut lines = Vec::new();
    for row in stack.db.reader().query_all_raw(sql(&explain)).await? {
        lines.push(row.try_get_by_index::<String>(0)?);
    }
    let buffers = lines
        .iter()
        .find(|line| line.contains("Buffers:"))
        .context("no buffers")?;
    let number = |name: &str| -> f64 {
        let found = buffers
            .split(name)
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        found.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    let node = lines
        .iter()
        .find(|line| line.contains("Scan"))
        .cloned()
        .unwrap_or_default();
    Ok((
        number("hit=") + number("read="),
        node.trim().trim_start_matches("-> ").to_owned(),
    ))
}

fn sql(text: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, text)
}
