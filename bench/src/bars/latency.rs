//! Bars 1 and 2: how soon the first answer is there, and how soon the session is confirmed.
//!
//! Every call begins at rest: what an earlier one leaves behind, mails and the end of its workflow, would else be in the
//! way of whoever comes next, which is mostly the other side. A client has looked at what is free before, as people do.

use super::PAIRS;
use crate::{
    engine,
    http::{Http, get},
    measure::{Pairs, median, ms, timed},
    report::{Bar, Row},
    stack::Stack,
};
use anyhow::Result;
use std::time::Duration;

/// As many of each kind make one side of a pair.
const N: usize = 16;

pub async fn run() -> Result<Vec<Row>> {
    let stack = Stack::new().await?;
    let (_worker, _host) = (stack.worker(&[])?, stack.host()?);
    let (_api, port, _) = stack.api(&[]).await?;
    stack.first_booking(port).await?;
    let mut http = Http::to(port).await?;
    // Warm: both sides, for a few seconds.
    for _ in 0..2 * N {
        ours(&stack, &mut http, false).await?;
        noop(&stack).await?;
    }
    for _ in 0..N / 2 {
        ours(&stack, &mut http, true).await?;
        naive(&stack).await?;
    }
    stack.analyse().await?;
    let mut first = Pairs::default();
    for _ in 0..2 * PAIRS {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..N {
            a.push(ours(&stack, &mut http, false).await?);
            b.push(noop(&stack).await?);
        }
        first.push(median(&a), median(&b));
    }
    let mut confirmed = Pairs::default();
    for _ in 0..2 * PAIRS {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..N / 2 {
            a.push(ours(&stack, &mut http, true).await?);
            b.push(naive(&stack).await?);
        }
        confirmed.push(median(&a), median(&b));
    }
    Ok(vec![
        Row::ratio(
            "1",
            "first answer ÷ no-op update-with-start, p50",
            "ms",
            &first,
            Bar::AtMost(1.5, 1.15),
        ),
        Row::ratio(
            "2",
            "to confirmed ÷ check, record and link as regular activities, p50",
            "ms",
            &confirmed,
            Bar::AtMost(0.35, 0.19),
        ),
    ])
}

/// Milliseconds from the request to its answer.
async fn ours(stack: &Stack, http: &mut Http, wait: bool) -> Result<f64> {
    let wish = stack.wish();
    let token = stack.token(wish.client);
    // Who books has looked at what is free.
    let day = wish.starts_at + Duration::from_secs(24 * 3_600);
    let free = format!(
        "/api/specialists/{}/availability?duration_minutes=60&from={}&to={day}",
        stack.specialist(wish.specialist).0,
        wish.starts_at
    );
    http.succeed(&get(&free, Some(&token))).await?;
    stack.rest().await?;
    let request = stack.post(&wish, &token, wait);
    let (_, took) = timed(http.succeed(&request)).await?;
    Ok(ms(took))
}

async fn noop(stack: &Stack) -> Result<f64> {
    stack.rest().await?;
    let book = stack.book(&stack.wish());
    let (_, took) = timed(engine::noop(&stack.engine, &stack.baseline, book)).await?;
    Ok(ms(took))
}

async fn naive(stack: &Stack) -> Result<f64> {
    stack.rest().await?;
    let book = stack.book(&stack.wish());
    let (_, took) = timed(engine::naive(&stack.engine, &stack.baseline, book)).await?;
    Ok(ms(took))
}
