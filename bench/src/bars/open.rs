//! Bar 12: what an open session costs, and one that was put aside.

use super::throughput::{accept, settled};
use crate::{
    http::{Http, request},
    measure::{Pairs, median, ms, timed},
    report::{Bar, Row},
    stack::Stack,
};
use anyhow::{Context, Result};
use serde_json::json;
use std::{env, sync::Arc};

/// As many are open; `BENCH_OPEN` says otherwise.
const OPEN: usize = 10_000;
/// Sessions that are changed, of which the small cache keeps a few.
const CHANGED: usize = 40;
const ROUNDS: usize = 6;

pub async fn run() -> Result<Vec<Row>> {
    let open = env::var("BENCH_OPEN").ok().and_then(|n| n.parse().ok()).unwrap_or(OPEN);
    let mut rows = changed().await?;
    let stack = Arc::new(Stack::new().await?);
    let worker = stack.worker(&[("WORKFLOW_CACHE", "10000")])?;
    let (_api, port, _) = stack.api(&[]).await?;
    // What a process needs once it has worked at all is not the sessions'.
    stack.first_booking(port).await?;
    accept(&stack, port, 64).await?;
    stack.analyse().await?;
    settled(&stack).await;
    let before = worker.rss()?;
    accept(&stack, port, open).await?;
    settled(&stack).await;
    let after = worker.rss()?;
    let each = (after - before) * 1024.0 / open as f64;
    rows.push(
        Row::alone(
            "12",
            "worker's memory for each open session",
            "KiB",
            &[each],
            Bar::AtMost(10.0, 3.0),
        )
        .note(format!(
            "{before:.1} MiB with 65 open, {after:.1} MiB with {open} more; one sample"
        )),
    );
    let mut memory = Pairs::default();
    memory.push(after, before);
    rows.push(Row::ratio(
        "12",
        "worker's memory with all of them open ÷ with 65",
        "MiB",
        &memory,
        Bar::AtMost(2.5, 1.4),
    ));
    Ok(rows)
}

/// The same change to a session that was put aside, and to one that was not.
async fn changed() -> Result<Vec<Row>> {
    let stack = Stack::new().await?;
    let _worker = stack.worker(&[("WORKFLOW_CACHE", "8")])?;
    let (_api, port, _) = stack.api(&[]).await?;
    let mut sessions = Vec::new();
    let mut http = Http::to(port).await?;
    stack.first_booking(port).await?;
    for _ in 0..CHANGED {
        let wish = stack.wish();
        let token = stack.token(wish.client);
        let reply = http.succeed(&stack.post(&wish, &token, true)).await?;
        let id = reply
            .json()?
            .get("id")
            .and_then(|id| id.as_str().map(str::to_owned))
            .context("no id")?;
        sessions.push((id, token));
    }
    settled(&stack).await;
    let mut times = Pairs::default();
    for round in 0..=ROUNDS {
        let (mut aside, mut cached) = (Vec::new(), Vec::new());
        for (id, token) in &sessions {
            for (n, times) in [&mut aside, &mut cached].into_iter().enumerate() {
                let body = json!({ "notes": format!("Round {round}, {n}.") });
                let change = request("PUT", &format!("/api/sessions/{id}"), Some(token), &[], Some(&body));
                let (_, took) = timed(http.succeed(&change)).await?;
                times.push(ms(took));
            }
        }
        if round > 0 {
            times.push(median(&aside), median(&cached));
        }
    }
    Ok(vec![Row::ratio(
        "12",
        "change of a session put aside ÷ a cached one, p50",
        "ms",
        &times,
        Bar::AtMost(2.0, 1.3),
    )])
}
