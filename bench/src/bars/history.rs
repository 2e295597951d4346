//! Bar 3: what a life weighs in the engine.

use super::PAIRS;
use crate::{
    engine::{self, Weight, naive_id, skip, weigh},
    measure::Pairs,
    report::{Bar, Row},
    stack::Stack,
};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};
use workflows::{ids::SessionId, sessions::contract::workflow_id};

pub async fn run() -> Result<Vec<Row>> {
    let stack = Stack::new().await?;
    let (_worker, _host) = (stack.worker(&[])?, stack.host()?);
    let (_api, port, _) = stack.api(&[]).await?;
    stack.first_booking(port).await?;
    let mut mail = (Pairs::default(), Pairs::default());
    let mut life = (Pairs::default(), Pairs::default());
    let mut tasks = Pairs::default();
    for _ in 0..PAIRS {
        let (session, _) = stack.first_booking(port).await?;
        let session = SessionId(session.parse()?);
        let ours = lived(&stack, &workflow_id(session)).await?;
        let book = stack.book(&stack.wish());
        engine::naive(&stack.engine, &stack.baseline, book.clone()).await?;
        let naive = lived(&stack, &naive_id(&book)).await?;
        mail.0.push(ours.0.events as f64, naive.0.events as f64);
        mail.1.push(ours.0.bytes as f64, naive.0.bytes as f64);
        life.0.push(ours.1.events as f64, naive.1.events as f64);
        life.1.push(ours.1.bytes as f64, naive.1.bytes as f64);
        tasks.push(ours.1.tasks as f64, naive.1.tasks as f64);
    }
    Ok(vec![
        Row::ratio(
            "3",
            "events of a whole life ÷ naive",
            "events",
            &life.0,
            Bar::AtMost(0.75, 0.6),
        ),
        Row::ratio(
            "3",
            "bytes of a whole life ÷ naive",
            "bytes",
            &life.1,
            Bar::AtMost(0.75, 0.6),
        ),
        Row::ratio(
            "3",
            "events to the first mail ÷ naive",
            "events",
            &mail.0,
            Bar::AtMost(0.55, 0.4),
        ),
        Row::ratio(
            "3",
            "bytes to the first mail ÷ naive",
            "bytes",
            &mail.1,
            Bar::AtMost(0.55, 0.4),
        ),
        Row::ratio(
            "3",
            "workflow tasks of a whole life ÷ naive",
            "tasks",
            &tasks,
            Bar::Shown,
        ),
    ])
}

/// Let it live to its end, and weigh it.
async fn lived(stack: &Stack, id: &str) -> Result<(Weight, Weight)> {
    // Not before its first letters have gone: skipping would hurry them.
    tokio::time::sleep(Duration::from_secs(1)).await;
    skip(&stack.engine, id).await.context("skipping")?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if let Some(weight) = weigh(&stack.engine, id).await? {
            return Ok(weight);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{id} lives on")
}
