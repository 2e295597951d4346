//! Bar 10: a hundred who want one slot.

use super::{PAIRS, throughput::settled};
use crate::{
    http::Http,
    measure::{Pairs, ms},
    report::{Bar, Row},
    stack::{Stack, Wish},
};
use anyhow::Result;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Barrier;

const RACERS: usize = 100;

pub async fn run() -> Result<Vec<Row>> {
    let stack = Arc::new(Stack::new().await?);
    let _worker = stack.worker(&[])?;
    let (_api, port, _) = stack.api(&[]).await?;
    stack.first_booking(port).await?;
    race(&stack, port, free(&stack)).await?;
    stack.analyse().await?;
    let mut times = Pairs::default();
    for _ in 0..PAIRS {
        settled(&stack).await;
        let (one, won) = race(&stack, port, contested(&stack)).await?;
        anyhow::ensure!(won == 1, "{won} won one slot");
        settled(&stack).await;
        let (all, won) = race(&stack, port, free(&stack)).await?;
        anyhow::ensure!(won == RACERS, "{won} of {RACERS} free slots were booked");
        times.push(ms(one), ms(all));
    }
    Ok(vec![
        Row::ratio(
            "10",
            "100 for one slot ÷ 100 for 100 slots, until all are answered",
            "ms",
            &times,
            Bar::AtMost(1.0, 0.5),
        )
        .note("exactly one won, each time"),
    ])
}

fn free(stack: &Stack) -> Vec<Wish> {
    (0..RACERS).map(|_| stack.wish()).collect()
}

/// One slot, wanted by as many clients who have nothing else then.
fn contested(stack: &Stack) -> Vec<Wish> {
    let wished = stack.wish();
    let client = |n| Wish {
        client: n,
        specialist: wished.specialist,
        // Off the hours at which anybody has anything.
        starts_at: wished.starts_at + Duration::from_secs(3 * 3_600),
    };
    (0..RACERS as u64).map(client).collect()
}

/// Until all are answered, and how many won.
async fn race(stack: &Arc<Stack>, port: u16, wishes: Vec<Wish>) -> Result<(Duration, usize)> {
    let start = Arc::new(Barrier::new(RACERS + 1));
    let mut racers = Vec::new();
    for wish in wishes {
        let (stack, start) = (stack.clone(), start.clone());
        racers.push(tokio::spawn(async move {
            let mut http = Http::to(port).await?;
            let request = stack.post(&wish, &stack.token(wish.client), false);
            start.wait().await;
            loop {
                let reply = http.ask(&request).await?;
                match reply.status {
                    // Nobody knows yet: asking again by the same key tells.
                    503 => {}
                    409 | 422 => return anyhow::Ok(false),
                    status if status < 300 => return Ok(true),
                    status => anyhow::bail!("{status}: {}", String::from_utf8_lossy(&reply.body)),
                }
            }
        }));
    }
    start.wait().await;
    let began = Instant::now();
    let mut won = 0;
    for racer in racers {
        won += usize::from(racer.await??);
    }
    Ok((began.elapsed(), won))
}
