//! Whether what a booking costs stays the same as more are made: the slope that the capacity model relies on.

use super::throughput::{MAILS, Used, booked, settled, used};
use crate::{
    http::Http,
    measure::{Pairs, ms, quantile},
    report::{Bar, Row},
    stack::Stack,
};
use anyhow::Result;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, interval};

/// Bookings a second at the load of 1; far below what the engine takes here.
const RATE: u64 = 2;
/// Seconds of each load.
const SECONDS: u64 = 12;
/// How often all loads are measured.
const ROUNDS: usize = 3;

/// What a booking has cost, in milliseconds of CPU, and how long the callers waited.
struct Cost {
    all: f64,
    engine: f64,
    accepted: Vec<f64>,
}

pub async fn run() -> Result<Vec<Row>> {
    let stack = Arc::new(Stack::new().await?);
    let worker = stack.worker(&[])?;
    let (api, port, _) = stack.api(&[]).await?;
    stack.first_booking(port).await?;
    offer(&stack, port, RATE).await?;
    stack.analyse().await?;
    let (mut twice, mut four, mut engine) = (Pairs::default(), Pairs::default(), Pairs::default());
    let mut waits = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let mut costs = Vec::new();
        for (times, waits) in [1, 2, 4].into_iter().zip(&mut waits) {
            settled(&stack).await;
            let before = used(&stack, &api, &worker)?;
            let accepted = offer(&stack, port, times * RATE).await?;
            let cost = cost(&before, &used(&stack, &api, &worker)?, accepted);
            waits.extend(cost.accepted.iter().copied());
            costs.push(cost);
        }
        if let [one, two, most] = costs.as_slice() {
            twice.push(two.all, one.all);
            four.push(most.all, one.all);
            engine.push(most.engine, one.engine);
        }
    }
    let [one, two, most] = waits;
    let note = format!(
        "accepted, p50: {:.1}, {:.1} and {:.1} ms at {RATE}, {} and {} bookings/s",
        quantile(&one, 0.5),
        quantile(&two, 0.5),
        quantile(&most, 0.5),
        2 * RATE,
        4 * RATE
    );
    Ok(vec![
        Row::ratio("load", "CPU of a booking at 2 × load ÷ 1 ×", "ms", &twice, Bar::Shown),
        Row::ratio("load", "CPU of a booking at 4 × load ÷ 1 ×", "ms", &four, Bar::Shown).note(note),
        Row::ratio(
            "load",
            "CPU of a booking in the engine at 4 × load ÷ 1 ×",
            "ms",
            &engine,
            Bar::Shown,
        ),
    ])
}

fn cost(before: &Used, after: &Used, accepted: Vec<Duration>) -> Cost {
    let n = accepted.len() as f64;
    Cost {
        all: (after.sum() - before.sum()) * 1e3 / n,
        engine: (after.engine - before.engine) * 1e3 / n,
        accepted: accepted.into_iter().map(ms).collect(),
    }
}

/// Book so many a second, whether earlier ones are through or not, and wait for the mails.
async fn offer(stack: &Arc<Stack>, port: u16, rate: u64) -> Result<Vec<Duration>> {
    let n = rate * SECONDS;
    let mails = stack.sink.mails();
    let mut beat = interval(Duration::from_secs(1) / u32::try_from(rate)?);
    let mut bookings = Vec::new();
    for _ in 0..n {
        beat.tick().await;
        let stack = stack.clone();
        bookings.push(tokio::spawn(async move {
            let mut http = Http::to(port).await?;
            let wish = stack.wish();
            let request = stack.post(&wish, &stack.token(wish.client), false);
            let began = Instant::now();
            booked(&mut http, &request).await?;
            anyhow::Ok(began.elapsed())
        }));
    }
    let mut accepted = Vec::new();
    for booking in bookings {
        accepted.push(booking.await??);
    }
    stack.mails(mails + MAILS * n).await?;
    Ok(accepted)
}
