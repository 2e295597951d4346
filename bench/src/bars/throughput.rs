//! Bar 4: bookings per second, their mails sent; and what a booking costs in CPU (bar 6).

use super::PAIRS;
use crate::{
    engine,
    http::Http,
    measure::{Pairs, ms, quantile},
    report::{Bar, Row},
    stack::{Process, Stack},
};
use anyhow::Result;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

const CALLERS: usize = 32;
/// Of each kind, in one side of a pair.
const N: usize = 256;
/// Mails of a booking: the client's and the specialist's.
pub(super) const MAILS: u64 = 2;

/// What has been used so far.
pub(super) struct Used {
    api: f64,
    worker: f64,
    pub(super) engine: f64,
    database: f64,
}

impl Used {
    /// Of all processes.
    pub(super) fn sum(&self) -> f64 {
        self.api + self.worker + self.engine + self.database
    }
}

pub async fn run() -> Result<Vec<Row>> {
    let stack = Arc::new(Stack::new().await?);
    let (worker, host) = (stack.worker(&[])?, stack.host()?);
    let (api, port, _) = stack.api(&[]).await?;
    stack.first_booking(port).await?;
    book(&stack, port, N / 2).await?;
    stack.analyse().await?;
    noops(&stack, N / 2).await?;
    let mut rates = Pairs::default();
    let (mut accepted, mut shares): (Vec<f64>, [Vec<f64>; 4]) = Default::default();
    let mut noop_cpu = Vec::new();
    // Ours, the engine's: transactions and KiB.
    let mut written: [(Vec<f64>, Vec<f64>); 2] = Default::default();
    for _ in 0..PAIRS {
        let wrote = stack.written().await?;
        let before = used(&stack, &api, &worker)?;
        let (took, times) = book(&stack, port, N).await?;
        let after = used(&stack, &api, &worker)?;
        for (((transactions, kib), before), after) in written.iter_mut().zip(wrote).zip(stack.written().await?) {
            transactions.push((after.transactions - before.transactions) as f64 / N as f64);
            kib.push((after.bytes - before.bytes) as f64 / 1024.0 / N as f64);
        }
        accepted.extend(times.iter().map(|time| ms(*time)));
        for (share, used) in shares.iter_mut().zip([
            after.api - before.api,
            after.worker - before.worker,
            after.engine - before.engine,
            after.database - before.database,
        ]) {
            share.push(used * 1e3 / N as f64);
        }
        let before = stack.cpu_of_engine()? + host.cpu()?;
        let idle = noops(&stack, N).await?;
        noop_cpu.push((stack.cpu_of_engine()? + host.cpu()? - before) * 1e3 / N as f64);
        rates.push(N as f64 / took.as_secs_f64(), N as f64 / idle.as_secs_f64());
    }
    let [by_api, by_worker, by_engine, by_database] = &shares;
    let sum: Vec<f64> = (0..PAIRS)
        .map(|n| shares.iter().filter_map(|share| share.get(n)).sum())
        .collect();
    let p = |part: f64| format!("p{:.0} {:.0} ms", part * 100.0, quantile(&accepted, part));
    let mut rows = vec![
        Row::ratio(
            "4",
            "bookings/s, mails sent ÷ no-op workflows/s",
            "1/s",
            &rates,
            Bar::AtLeast(0.35, 0.55),
        )
        .note(format!("accepted with 32 callers: {}, {}", p(0.5), p(0.99))),
        Row::alone("6", "CPU of a booking: all processes", "ms", &sum, Bar::Shown),
        Row::alone("6", "CPU of a booking: API", "ms", by_api, Bar::Shown),
        Row::alone("6", "CPU of a booking: worker", "ms", by_worker, Bar::Shown),
        Row::alone("6", "CPU of a booking: engine", "ms", by_engine, Bar::Shown),
        Row::alone("6", "CPU of a booking: PostgreSQL", "ms", by_database, Bar::Shown),
        Row::alone(
            "6",
            "CPU of a no-op workflow: engine and worker",
            "ms",
            &noop_cpu,
            Bar::Shown,
        ),
        Row::alone("6", "RSS of the API after that", "MiB", &[api.rss()?], Bar::Shown),
        Row::alone("6", "RSS of the worker after that", "MiB", &[worker.rss()?], Bar::Shown),
    ];
    for (whose, (transactions, kib)) in ["PostgreSQL", "the engine's PostgreSQL"].into_iter().zip(&written) {
        if !transactions.is_empty() {
            let what = format!("{whose}: transactions that write, per booking");
            rows.push(Row::alone("6", &what, "", transactions, Bar::Shown));
            let what = format!("{whose}: its log, per booking");
            rows.push(Row::alone("6", &what, "KiB", kib, Bar::Shown));
        }
    }
    Ok(rows)
}

pub(super) fn used(stack: &Stack, api: &Process, worker: &Process) -> Result<Used> {
    Ok(Used {
        api: api.cpu()?,
        worker: worker.cpu()?,
        engine: stack.cpu_of_engine()?,
        database: stack.cpu_of_database()?,
    })
}

/// Book `n` sessions: how long until all are booked and their mails are sent, and how long each took to be accepted.
pub(super) async fn book(stack: &Arc<Stack>, port: u16, n: usize) -> Result<(Duration, Vec<Duration>)> {
    // What was booked before has been told of.
    settled(stack).await;
    let mails = stack.sink.mails();
    let began = Instant::now();
    let times = accept(stack, port, n).await?;
    stack.mails(mails + MAILS * n as u64).await?;
    Ok((began.elapsed(), times))
}

/// Wait until no mail has come for a while.
pub(super) async fn settled(stack: &Stack) {
    let mut before = u64::MAX;
    while before != stack.sink.mails() {
        before = stack.sink.mails();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

/// Book `n` sessions, however their mails go.
pub(super) async fn accept(stack: &Arc<Stack>, port: u16, n: usize) -> Result<Vec<Duration>> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (stack, all) = (stack.clone(), all.clone());
        callers.push(tokio::spawn(async move {
            let mut http = Http::to(port).await?;
            for _ in 0..n / CALLERS {
                let wish = stack.wish();
                let request = stack.post(&wish, &stack.token(wish.client), false);
                let began = Instant::now();
                booked(&mut http, &request).await?;
                all.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
            }
            anyhow::Ok(())
        }));
    }
    for caller in callers {
        caller.await??;
    }
    let times = all.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(times)
}

/// Book; where nobody knows yet, asking again by the same key tells.
pub(super) async fn booked(http: &mut Http, request: &[u8]) -> Result<()> {
    let mut reply = http.ask(request).await?;
    for _ in 0..20 {
        if reply.status != 503 {
            break;
        }
        reply = http.ask(request).await?;
    }
    anyhow::ensure!(
        reply.status < 300,
        "{}: {}",
        reply.status,
        String::from_utf8_lossy(&reply.body)
    );
    Ok(())
}

async fn noops(stack: &Arc<Stack>, n: usize) -> Result<Duration> {
    let began = Instant::now();
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let stack = stack.clone();
        callers.push(tokio::spawn(async move {
            for _ in 0..n / CALLERS {
                let book = stack.book(&stack.wish());
                engine::noop(&stack.engine, &stack.baseline, book).await?;
            }
            anyhow::Ok(())
        }));
    }
    for caller in callers {
        caller.await??;
    }
    Ok(began.elapsed())
}
