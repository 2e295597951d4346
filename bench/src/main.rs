//! How fast, as ratios: `make bench` starts the servers and runs this beside them.
//!
//! Every bar is a ratio of two things measured in one run, turn by turn, or a figure of ours alone. What it is compared
//! with is in [`baselines`]; [`stack`] starts our processes as they are shipped; a bar is a function of [`bars`].
//!
//! `bench` runs all bars, and with `BAR=3` one; `bench hello`, `bench host` and `bench worker` are what it starts itself.

mod bars;
mod baselines;
mod engine;
mod http;
// As it is: to depend on the API for it would be to build the API once more, with the issuer in it.
#[expect(dead_code, reason = "tests ask it for more")]
#[path = "../../api/src/auth/issuer.rs"]
mod issuer;
mod measure;
mod narrow;
mod plot;
#[path = "../../activities/src/testing/port.rs"]
mod port;
mod report;
mod sink;
mod stack;

use anyhow::{Context, Result};
use report::{Machine, Report, Row};
use std::{env, path::PathBuf, time::Instant};

/// The same as in the processes that are measured, so that the bare server has no worse one.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["hello"] => baselines::hello::serve().await,
        ["host", address, queue] => baselines::host::serve(address, queue, &env::var("DATABASE_URL")?).await,
        ["worker", slots] => narrow::serve(slots.parse()?).await,
        [] => run(env::var("BAR").ok().filter(|bar| !bar.is_empty())).await,
        _ => anyhow::bail!("usage: bench [hello | host ADDRESS QUEUE | worker SLOTS]; BAR=3 runs one bar"),
    }
}

async fn run(only: Option<String>) -> Result<()> {
    let wanted: Option<Vec<&str>> = only.as_deref().map(|bars| bars.split(',').map(str::trim).collect());
    let engine = env::var("BENCH_ENGINE").unwrap_or_else(|_| "the development server, SQLite".to_owned());
    let began = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = Vec::new();
    for bar in bars::ALL {
        if wanted
            .as_ref()
            .is_some_and(|wanted| !wanted.iter().any(|name| bar.names.contains(name)))
        {
            continue;
        }
        let at = Instant::now();
        eprintln!(
            "bench: {} ({}), load {:.1}",
            bar.title,
            bar.names.join(", "),
            measure::load()
        );
        match bar.run().await.with_context(|| bar.title) {
            Ok(found) => {
                for row in &found {
                    eprintln!(
                        "bench:   {}: {:.4} ({:.4} {})",
                        row.what, row.figure, row.ours, row.unit
                    );
                }
                rows.extend(found);
            }
            Err(error) => {
                eprintln!("bench:   {error:#}");
                failed.push(bar.title);
            }
        }
        eprintln!("bench:   took {:.0} s", at.elapsed().as_secs_f64());
    }
    println!("{}", report::table(&rows));
    println!("the engine: {engine}; took {:.0} s", began.elapsed().as_secs_f64());
    let folder = env::var_os("BENCH_RESULTS").map_or_else(|| PathBuf::from("target/bench"), PathBuf::from);
    let report = Report {
        machine: Machine::here(),
        engine: &engine,
        rows: &rows,
    };
    report::write(&folder, &report)?;
    println!("written: {0}/bench.json, {0}/bench.md, {0}/bench.svg", folder.display());
    anyhow::ensure!(failed.is_empty(), "could not be measured: {}", failed.join("; "));
    Ok(())
}
