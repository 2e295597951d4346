//! Bar 11: two workers and four.

use super::{
    PAIRS,
    throughput::{accept, settled},
};
use crate::{
    measure::Pairs,
    report::{Bar, Row},
    stack::Stack,
};
use anyhow::Result;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Steps that leave the house at a time, of each worker. So few, that four workers together do not need all that the engine
/// on its own database of one connection can do.
const SLOTS: usize = 1;
/// What the mail server takes for each of its replies.
const REPLY: Duration = Duration::from_millis(20);
/// Bookings for each worker.
const EACH: usize = 32;

pub async fn run() -> Result<Vec<Row>> {
    let mut rates = [Pairs::default(), Pairs::default()];
    let mut costs = Pairs::default();
    measured(1).await?;
    for _ in 0..PAIRS {
        let one = measured(1).await?;
        let two = measured(2).await?;
        let four = measured(4).await?;
        let [half, full] = &mut rates;
        half.push(two.rate, one.rate);
        full.push(four.rate, one.rate);
        costs.push(four.cpu, one.cpu);
    }
    let note = format!(
        "{SLOTS} slots each, {} ms a reply of the mail server",
        REPLY.as_millis()
    );
    let [half, full] = &rates;
    Ok(vec![
        Row::ratio(
            "11",
            "mailed bookings/s: 2 workers ÷ 1",
            "1/s",
            half,
            Bar::AtLeast(1.9, 1.98),
        )
        .note(note),
        Row::ratio(
            "11",
            "mailed bookings/s: 4 workers ÷ 1",
            "1/s",
            full,
            Bar::AtLeast(3.6, 3.9),
        ),
        Row::ratio(
            "11",
            "CPU of the workers per booking: 4 ÷ 1",
            "ms",
            &costs,
            Bar::AtMost(1.1, 1.03),
        ),
    ])
}

struct Measured {
    rate: f64,
    cpu: f64,
}

async fn measured(workers: usize) -> Result<Measured> {
    let stack = Arc::new(Stack::new().await?);
    let (_api, port, _) = stack.api(&[]).await?;
    let workers = (0..workers)
        .map(|_| stack.narrow_worker(SLOTS))
        .collect::<Result<Vec<_>>>()?;
    // Everybody polls once somebody has been served.
    stack.first_booking(port).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    settled(&stack).await;
    let n = EACH * workers.len();
    stack.sink.delay(REPLY);
    let before: f64 = workers.iter().map(|worker| worker.cpu().unwrap_or_default()).sum();
    let (mails, began) = (stack.sink.mails(), Instant::now());
    accept(&stack, port, n).await?;
    stack.mails(mails + 2 * n as u64).await?;
    let took = began.elapsed().as_secs_f64();
    let after: f64 = workers.iter().map(|worker| worker.cpu().unwrap_or_default()).sum();
    Ok(Measured {
        rate: n as f64 / took,
        cpu: (after - before) * 1e3 / n as f64,
    })
}
