//! As little of an HTTP client as can be, so that what asks takes nothing from what answers.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection that is kept.
pub struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A request as it goes out.
#[must_use]
pub fn request(method: &str, path: &str, token: Option<&str>, more: &[(&str, &str)], body: Option<&Value>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if let Some(token) = token {
        text.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    for (name, value) in more {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    match body.map(Value::to_string) {
        Some(body) => {
            text.push_str(&format!(
                "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
        None => text.push_str("\r\n"),
    }
    text.into_bytes()
}

/// A reading request of `token`.
#[must_use]
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    request("GET", path, token, &[], None)
}

impl Http {
    /// To whoever listens on that port of this machine.
    ///
    /// # Errors
    /// When nobody does.
    pub async fn to(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Ask, and wait for the answer.
    ///
    /// # Errors
    /// When there is none, or none of a length that is told.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Reply> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, head, length) = loop {
            self.read().await?;
            if let Some(head) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let (status, length) = head_of(self.buffer.get(..head).unwrap_or_default())?;
                break (status, head + 4, length);
            }
        };
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        let body = self.buffer.get(head..head + length).unwrap_or_default().to_vec();
        Ok(Reply { status, body })
    }

    /// As [`ask`](Self::ask), of what must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn succeed(&mut self, request: &[u8]) -> Result<Reply> {
        let reply = self.ask(request).await?;
        if !(200..300).contains(&reply.status) {
            bail!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        }
        Ok(reply)
    }

    async fn read(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection was closed");
        }
        Ok(())
    }
}

fn head_of(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head)?;
    let status = text.split(' ').nth(1).context("no status")?.parse()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    match length {
        Some(length) => Ok((status, length)),
        None if status == 204 || status == 304 => Ok((status, 0)),
        None => bail!("an answer without a length"),
    }
}

/// Ask `n` times over `connections`, the same request again and again; how long each took, and all together.
///
/// # Errors
/// When one does not succeed.
pub async fn repeat(port: u16, request: &[u8], connections: usize, n: usize) -> Result<(Vec<Duration>, Duration)> {
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let request = request.to_vec();
        tasks.push(tokio::spawn(async move {
            let mut http = Http::to(port).await?;
            let mut times = Vec::new();
            for _ in 0..n / connections {
                let began = Instant::now();
                http.succeed(&request).await?;
                times.push(began.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok((times, began.elapsed()))
}
