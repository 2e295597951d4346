//! A server of somebody else's on this machine, which says what a test tells it to, hostile things too.

use settings::Reach;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use url::Url;

/// What the stranger says to a request.
#[derive(Clone, Debug)]
pub enum Says {
    /// Status, headers, body.
    This(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The head of a 200, then a byte now and then for as long as anybody listens.
    Drip(Vec<u8>),
    /// The head of a 200 without a length, then this again and again for as long as anybody listens.
    Endless(Vec<u8>),
    /// Nothing, for as long as anybody waits.
    Nothing,
    /// Half of the body that was announced.
    Half(Vec<u8>),
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The head as it came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

type Script = Box<dyn FnMut(&Asked) -> Says + Send>;

/// The server; it ends with the value.
pub struct Stranger {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    _served: JoinSet<()>,
}

impl Stranger {
    /// One on a free port of this machine that follows `script`.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn new(script: impl FnMut(&Asked) -> Says + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut served = JoinSet::new();
        let (follows, notes) = (Arc::clone(&script), Arc::clone(&asked));
        served.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, Arc::clone(&follows), Arc::clone(&notes)));
            }
        });
        Self {
            address,
            script,
            asked,
            _served: served,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The public internet and this server.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach::PublicAnd(self.address)
    }

    /// An address of it.
    ///
    /// # Panics
    /// When `path` is none.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// Have it say something else from now on.
    pub fn script(&self, script: impl FnMut(&Asked) -> Says + Send + 'static) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(script);
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>, notes: Arc<Mutex<Vec<Asked>>>) {
    let Some(asked) = request(&mut stream).await else {
        return;
    };
    let says = (script.lock().unwrap_or_else(PoisonError::into_inner))(&asked);
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    // Whoever asked may be gone at any time.
    answer(&mut stream, says).await.ok();
}

async fn request(stream: &mut TcpStream) -> Option<Asked> {
    let mut read = Vec::new();
    let end = loop {
        let mut buffer = [0; 4_096];
        let n = stream.read(&mut buffer).await.ok().filter(|n| 0 < *n)?;
        read.extend_from_slice(&buffer[..n]);
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut words = head.lines().next()?.split(' ').map(str::to_owned);
    let mut asked = Asked {
        method: words.next()?,
        path: words.next()?,
        head,
        body: read.split_off(end + 4),
    };
    let length: usize = asked
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while asked.body.len() < length {
        let mut buffer = [0; 4_096];
        let n = stream.read(&mut buffer).await.ok().filter(|n| 0 < *n)?;
        asked.body.extend_from_slice(&buffer[..n]);
    }
    Some(asked)
}

async fn answer(stream: &mut TcpStream, says: Says) -> std::io::Result<()> {
    const WITHOUT_LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    match says {
        Says::This(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n");
            // An answer without a body has no length either.
            if ![204, 304].contains(&status) {
                head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            }
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(b"\r\n").await?;
            stream.write_all(&body).await?;
        }
        Says::Drip(bytes) => {
            stream.write_all(WITHOUT_LENGTH).await?;
            for byte in bytes.iter().cycle() {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Says::Endless(bytes) => {
            stream.write_all(WITHOUT_LENGTH).await?;
            loop {
                stream.write_all(&bytes).await?;
            }
        }
        Says::Nothing => {
            // Until the other side closes.
            let _n_heard = stream.read(&mut [0; 1]).await?;
        }
        Says::Half(bytes) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len() * 2);
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&bytes).await?;
        }
    }
    stream.shutdown().await
}
