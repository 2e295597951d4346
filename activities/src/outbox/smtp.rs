//! The receiving side of SMTP (RFC 5321), as far as a client in the same house uses it.
//!
//! By hand, because the crates for it do not fit: `mailin-embedded` blocks one thread of a pool for each open
//! connection (a mailer keeps them open) and cannot be stopped, and the state machine below it, `mailin`, stays in the
//! data of a mail that was refused at its end, so that the client's next command is taken for text and never answered.

use super::{message::Envelope, store::Store};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};

/// The longest mail, in bytes.
const SIZE_BYTES: usize = 10 << 20;
/// The longest line of a command, in bytes: RFC 5321 asks for 512, long addresses and parameters need more.
const LINE_BYTES: u64 = 4_096;
/// Recipients of one mail.
const RECIPIENTS: usize = 1_000;
/// How long a silent client stays connected, RFC 5321 §4.5.3.2.7.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// Receive mails until the sender of `stop` is gone; then all connections are closed.
pub(super) async fn serve(listener: TcpListener, store: Arc<Store>, mut stop: watch::Receiver<()>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = sessions.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let store = store.clone();
                    sessions.spawn(async move {
                        if let Err(error) = receive(stream, &store).await {
                            tracing::debug!(%error, "an SMTP connection of the outbox broke");
                        }
                    });
                }
                Err(error) => {
                    // No more file handles, most likely: let some sessions end.
                    tracing::warn!(%error, "the outbox cannot accept a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    sessions.shutdown().await;
}

/// One connection, from greeting to goodbye.
async fn receive(stream: TcpStream, store: &Arc<Store>) -> io::Result<()> {
    // Answers are small and awaited.
    stream.set_nodelay(true)?;
    let mut client = Client {
        stream: BufReader::new(stream),
    };
    client.reply("220 outbox ESMTP").await?;
    let mut greeted = false;
    let mut mail: Option<Envelope> = None;
    loop {
        let line = match client.command().await? {
            Received::Whole(line) => line,
            Received::TooLong => return client.reply("500 5.5.2 line too long").await,
            Received::End => return Ok(()),
        };
        match (Command::parse(&line), &mut mail) {
            (Command::Hello { extended }, _) => {
                greeted = true;
                mail = None;
                if extended {
                    client
                        .reply("250-outbox\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8")
                        .await?;
                    client.reply(&format!("250 SIZE {SIZE_BYTES}")).await?;
                } else {
                    client.reply("250 outbox").await?;
                }
            }
            (Command::Mail { .. }, None) if !greeted => client.reply("503 5.5.1 say hello first").await?,
            (Command::Mail { size_bytes, .. }, None) if size_bytes > SIZE_BYTES => client.reply(TOO_LONG).await?,
            (Command::Mail { from, .. }, None) => {
                mail = Some(Envelope { from, to: Vec::new() });
                client.reply("250 2.1.0 ok").await?;
            }
            (Command::Rcpt { .. }, Some(mail)) if mail.to.len() >= RECIPIENTS => {
                client.reply("452 4.5.3 too many recipients").await?;
            }
            (Command::Rcpt { to }, Some(mail)) => {
                mail.to.push(to);
                client.reply("250 2.1.5 ok").await?;
            }
            (Command::Data, Some(envelope)) if !envelope.to.is_empty() => {
                client.reply("354 end with <CRLF>.<CRLF>").await?;
                let envelope = std::mem::take(envelope);
                mail = None;
                let (code, answer) = match client.data().await? {
                    Received::Whole(raw) => take(store, envelope, raw).await,
                    Received::TooLong => (552, TOO_LONG.to_owned()),
                    Received::End => return Ok(()),
                };
                client.reply(&answer).await?;
                if code == 421 {
                    return Ok(());
                }
            }
            (Command::Mail { .. } | Command::Rcpt { .. } | Command::Data, _) => {
                client.reply("503 5.5.1 not now").await?;
            }
            (Command::Reset, _) => {
                mail = None;
                client.reply("250 2.0.0 ok").await?;
            }
            (Command::Nothing, _) => client.reply("250 2.0.0 ok").await?,
            (Command::Verify, _) => client.reply("252 2.5.2 try it").await?,
            (Command::Quit, _) => return client.reply("221 2.0.0 goodbye").await,
            (Command::Malformed, _) => client.reply("501 5.5.4 not understood").await?,
            (Command::Unknown, _) => client.reply("502 5.5.1 not implemented").await?,
        }
    }
}

const TOO_LONG: &str = "552 5.3.4 more than 10 MiB";

/// What becomes of a mail that has come.
async fn take(store: &Arc<Store>, envelope: Envelope, raw: Vec<u8>) -> (u16, String) {
    if let Some(code) = store.refusal(&envelope.to) {
        return (code, format!("{code} {}.0.0 refused as it was asked for", code / 100));
    }
    let store = store.clone();
    // Parsing a long mail and writing its file would hold up the other connections.
    match spawn_blocking(move || store.keep(envelope, &raw)).await {
        Ok(Ok(())) => (250, "250 2.0.0 kept".to_owned()),
        Ok(Err(error)) => {
            tracing::error!(%error, "a mail of the outbox could not be written");
            (451, "451 4.3.0 could not be written".to_owned())
        }
        Err(_) => (451, "451 4.3.0 could not be read".to_owned()),
    }
}

struct Client {
    stream: BufReader<TcpStream>,
}

/// A command line, or a mail.
enum Received {
    Whole(Vec<u8>),
    TooLong,
    /// The client is gone.
    End,
}

impl Client {
    async fn reply(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await
    }

    /// The next line, its end included, of which at most `LINE_BYTES` are read.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_BYTES);
        timeout(IDLE, limited.read_until(b'\n', &mut line)).await??;
        Ok(line)
    }

    async fn command(&mut self) -> io::Result<Received> {
        let line = self.line().await?;
        Ok(match line.last() {
            Some(b'\n') => Received::Whole(line),
            Some(_) if line.len() as u64 == LINE_BYTES => Received::TooLong,
            _ => Received::End,
        })
    }

    /// The text of a mail, up to the line with a dot.
    async fn data(&mut self) -> io::Result<Received> {
        let mut data = Vec::new();
        let mut too_long = false;
        let mut at_start = true;
        loop {
            let piece = self.line().await?;
            match piece.as_slice() {
                [] => return Ok(Received::End),
                b".\r\n" | b".\n" if at_start && too_long => return Ok(Received::TooLong),
                b".\r\n" | b".\n" if at_start => return Ok(Received::Whole(data)),
                // A dot in front of a dot was put there by the client, RFC 5321 §4.5.2.
                [b'.', rest @ ..] if at_start => data.extend_from_slice(rest),
                all => data.extend_from_slice(all),
            }
            at_start = piece.ends_with(b"\n");
            if data.len() > SIZE_BYTES {
                too_long = true;
                data.clear();
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Command {
    Hello { extended: bool },
    Mail { from: String, size_bytes: usize },
    Rcpt { to: String },
    Data,
    Reset,
    Nothing,
    Verify,
    Quit,
    Malformed,
    Unknown,
}

impl Command {
    fn parse(line: &[u8]) -> Self {
        let Ok(line) = std::str::from_utf8(line) else {
            return Self::Malformed;
        };
        let line = line.trim_end();
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => Self::Hello { extended: true },
            "HELO" => Self::Hello { extended: false },
            "MAIL" => match path(argument, "FROM:") {
                Some((from, parameters)) => Self::Mail {
                    from: from.to_owned(),
                    size_bytes: announced(parameters),
                },
                None => Self::Malformed,
            },
            "RCPT" => match path(argument, "TO:") {
                Some((to, _)) if !to.is_empty() => Self::Rcpt { to: to.to_owned() },
                _ => Self::Malformed,
            },
            "DATA" => Self::Data,
            "RSET" => Self::Reset,
            "NOOP" => Self::Nothing,
            "VRFY" => Self::Verify,
            "QUIT" => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

/// The address between the angle brackets behind `keyword`, and the parameters behind it.
fn path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    let rest = rest
        .trim_start()
        .strip_prefix('<')
        .filter(|_| head.eq_ignore_ascii_case(keyword))?;
    // The last one: a quoted local part may hold others, a parameter none.
    rest.rsplit_once('>')
}

/// The value of `SIZE=` among the parameters of `MAIL`.
fn announced(parameters: &str) -> usize {
    parameters
        .split_ascii_whitespace()
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("SIZE"))
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}
