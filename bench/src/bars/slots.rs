//! Bar 7: the slot arithmetic alone.

#[path = "../../shapes.rs"]
mod shapes;

use crate::{
    measure::cpu,
    report::{Bar, Row},
};
use anyhow::Result;
use shapes::Month;
use std::hint::black_box;

const N: usize = 2_000;
const ROUNDS: usize = 5;

pub async fn run() -> Result<Vec<Row>> {
    let month = Month::new();
    let found = month.free();
    anyhow::ensure!(found > 0, "nothing is free");
    let pid = std::process::id();
    let mut micros = Vec::new();
    for round in 0..=ROUNDS {
        let before = cpu(pid)?;
        for _ in 0..N {
            black_box(month.free());
        }
        // The first one warms.
        if round > 0 {
            micros.push((cpu(pid)? - before) * 1e6 / N as f64);
        }
    }
    Ok(vec![
        Row::alone(
            "7",
            "slots: 30 days × 15 min × 8 specialists × 400 busy, CPU",
            "µs",
            &micros,
            Bar::AtMost(500.0, 50.0),
        )
        .note(format!("{found} free slots")),
    ])
}
