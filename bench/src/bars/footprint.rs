//! Memory at rest, the cold start, and the size of the programs.

use super::PAIRS;
use crate::{
    measure::ms,
    report::{Bar, Row},
    stack::{Stack, binary},
};
use anyhow::Result;
use std::time::Duration;

pub async fn run() -> Result<Vec<Row>> {
    let stack = Stack::new().await?;
    let (mut api, mut worker, mut start) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let serving = stack.worker(&[])?;
        let (process, _, took) = stack.api(&[]).await?;
        start.push(ms(took));
        tokio::time::sleep(Duration::from_secs(3)).await;
        api.push(process.rss()?);
        worker.push(serving.rss()?);
    }
    let mib = |name: &str| anyhow::Ok(std::fs::metadata(binary(name)?)?.len() as f64 / f64::from(1 << 20));
    Ok(vec![
        Row::alone("rest", "RSS of the API at rest", "MiB", &api, Bar::AtMost(25.0, 25.0)),
        Row::alone(
            "rest",
            "RSS of the worker at rest",
            "MiB",
            &worker,
            Bar::AtMost(40.0, 40.0),
        ),
        Row::alone(
            "start",
            "API: from its start to its first answer, ready",
            "ms",
            &start,
            Bar::AtMost(300.0, 100.0),
        ),
        Row::alone("rest", "program: api", "MiB", &[mib("api")?], Bar::Shown),
        Row::alone("rest", "program: worker", "MiB", &[mib("worker")?], Bar::Shown),
    ])
}
