//! Bar 5, the cached list, and what a read costs (bar 6).

use super::PAIRS;
use crate::{
    http::{Http, get, repeat},
    measure::{Pairs, rss_mib},
    report::{Bar, Row},
    stack::{Process, Stack},
};
use anyhow::{Context, Result};
use std::{
    env,
    process::{Command, Stdio},
};
use tokio::io::{AsyncBufReadExt, BufReader};

const CONNECTIONS: usize = 16;
/// Requests of one side of a pair.
const N: usize = 8_000;
/// Of such as are ten times as dear.
const FEW: usize = N / 8;

/// The bare server, in a process of its own.
struct Hello {
    child: tokio::process::Child,
    port: u16,
}

impl Hello {
    async fn start() -> Result<Self> {
        let mut command = tokio::process::Command::from(Command::new(env::current_exe()?));
        let mut child = command.arg("hello").stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let out = child.stdout.take().context("no output")?;
        let line = BufReader::new(out).lines().next_line().await?.context("no port")?;
        Ok(Self {
            child,
            port: line.trim().parse()?,
        })
    }

    fn cpu(&self) -> Result<f64> {
        crate::measure::cpu(self.child.id().context("it has ended")?)
    }
}

/// CPU microseconds and requests a second.
struct Cost {
    cpu: f64,
    rate: f64,
}

pub async fn run() -> Result<Vec<Row>> {
    let stack = Stack::new().await?;
    let _worker = stack.worker(&[])?;
    let (api, port, _) = stack.api(&[]).await?;
    let (limited, limited_port, _) = stack
        .api(&[
            ("RATE_LIMIT_USER", "100000000"),
            ("RATE_LIMIT_IP", "100000000"),
            ("LOG_LEVEL", "info"),
        ])
        .await?;
    // Without a Redis nothing is kept.
    let (uncached, uncached_port, _) = stack.api(&[("REDIS_URL", "")]).await?;
    let hello = Hello::start().await?;
    let (session, client) = stack.first_booking(port).await?;
    let token = stack.token(client);
    let object = get(&format!("/api/sessions/{session}"), Some(&token));
    let list = get("/api/specialists?limit=100", Some(&token));
    let mut http = Http::to(port).await?;
    let (object_bytes, list_bytes) = (
        http.succeed(&object).await?.body.len(),
        http.succeed(&list).await?.body.len(),
    );
    let small = get(&format!("/hello?bytes={object_bytes}"), None);
    let large = get(&format!("/bytes?bytes={list_bytes}"), None);
    for _ in 0..2 {
        ours(&api, port, &object).await?;
        ours(&api, port, &list).await?;
        ours(&limited, limited_port, &object).await?;
        anew(&uncached, uncached_port, &list).await?;
        theirs(&hello, &small).await?;
        theirs(&hello, &large).await?;
    }
    let (mut one, mut many, mut rates, mut kept) =
        (Pairs::default(), Pairs::default(), Pairs::default(), Pairs::default());
    let mut admitted = Vec::new();
    for _ in 0..PAIRS {
        let (a, b) = (ours(&api, port, &object).await?, theirs(&hello, &small).await?);
        // More is better: how much of the baseline's speed is ours.
        one.push(1.0 / a.cpu, 1.0 / b.cpu);
        let (a, b) = (ours(&api, port, &list).await?, theirs(&hello, &large).await?);
        many.push(1.0 / a.cpu, 1.0 / b.cpu);
        rates.push(a.rate, b.rate);
        kept.push(a.cpu, anew(&uncached, uncached_port, &list).await?.cpu);
        admitted.push(ours(&limited, limited_port, &object).await?.cpu);
    }
    let micros = |per: f64| format!("{:.1} µs of CPU", 1.0 / per);
    let object_note = format!(
        "{} ÷ {}, {object_bytes} bytes",
        micros(one.ours()),
        micros(one.baseline())
    );
    let list_note = format!(
        "{} ÷ {}, {list_bytes} bytes",
        micros(many.ours()),
        micros(many.baseline())
    );
    Ok(vec![
        Row::ratio(
            "5",
            "GET a session ÷ hello, requests per CPU second",
            "1/µs",
            &one,
            Bar::AtLeast(0.12, 0.25),
        )
        .note(object_note),
        Row::ratio(
            "list",
            "GET cached specialists ÷ hello, requests per CPU second",
            "1/µs",
            &many,
            Bar::Shown,
        )
        .note(list_note),
        Row::ratio(
            "list",
            "GET cached specialists ÷ hello, requests/s",
            "1/s",
            &rates,
            Bar::AtLeast(0.5, 0.8),
        )
        .note("whoever asks shares the cores"),
        Row::ratio(
            "list",
            "CPU of GET specialists, cached ÷ read anew",
            "µs",
            &kept,
            Bar::Shown,
        ),
        Row::alone("6", "CPU of GET a session", "µs", &[1.0 / one.ours()], Bar::Shown),
        Row::alone(
            "6",
            "CPU of GET a session, limits counted and a line logged",
            "µs",
            &admitted,
            Bar::Shown,
        ),
        Row::alone(
            "6",
            "CPU of GET cached specialists",
            "µs",
            &[1.0 / many.ours()],
            Bar::Shown,
        ),
        Row::alone(
            "6",
            "RSS of the API after these reads",
            "MiB",
            &[rss_mib(api.pid())?],
            Bar::Shown,
        ),
    ])
}

async fn ours(api: &Process, port: u16, request: &[u8]) -> Result<Cost> {
    of(api, port, request, N).await
}

async fn anew(api: &Process, port: u16, request: &[u8]) -> Result<Cost> {
    of(api, port, request, FEW).await
}

async fn of(api: &Process, port: u16, request: &[u8], n: usize) -> Result<Cost> {
    let before = api.cpu()?;
    let (_, took) = repeat(port, request, CONNECTIONS, n).await?;
    Ok(Cost {
        cpu: (api.cpu()? - before) * 1e6 / n as f64,
        rate: n as f64 / took.as_secs_f64(),
    })
}

async fn theirs(hello: &Hello, request: &[u8]) -> Result<Cost> {
    // It is so much quicker that ticks would tell too little.
    let n = 4 * N;
    let before = hello.cpu()?;
    let (_, took) = repeat(hello.port, request, CONNECTIONS, n).await?;
    Ok(Cost {
        cpu: (hello.cpu()? - before) * 1e6 / n as f64,
        rate: n as f64 / took.as_secs_f64(),
    })
}
