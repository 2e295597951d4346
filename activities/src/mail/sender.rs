//! Handing letters to a mail server.

use super::{
    message::{Letter, LetterError, Origin},
    notice::Notice,
};
use anyhow::{Context, bail};
use lettre::{
    Address, Message,
    address::Envelope,
    message::Mailbox,
    transport::smtp::{
        self,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Tls, TlsParameters},
        extension::ClientId,
    },
};
use percent_encoding::percent_decode_str;
use settings::Sender;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use telemetry::{metrics, trace::SPANS};
use tokio::{sync::Semaphore, time::timeout};
use tracing::{Instrument, error_span};
use url::{Host, Url};

/// How long a mail server may take to let us in, and to say that a connection still works.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take for a whole mail. What it takes after that it takes twice, so this is generous.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an unused connection is kept; servers close them after about a minute.
const IDLE: Duration = Duration::from_secs(30);
/// Connections at a time: a wave of reminders shall not look like an attack to the server.
const CONNECTIONS: usize = 16;

/// Sends letters by SMTP.
pub struct Mailer {
    server: Server,
    origin: Origin,
    allowed: Vec<String>,
    permits: Semaphore,
    /// Connections over which a mail has just been sent, the last one last.
    ///
    /// A pool of our own, because lettre's takes a connection back whose mail was given up in the middle (a time-out,
    /// a cancelled activity): the next mail then reads the answers to the last one, and a refusal looks like success.
    idle: Mutex<Vec<Idle>>,
}

/// What became of a letter that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it.
    Sent,
    /// The recipient is not among those that may be written to here.
    Skipped,
}

/// Why a letter was not sent. Nothing in it names the recipient.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server will never take this mail.
    #[error("the mail server refused the mail with {code}")]
    Refused {
        /// What it answered: 500 to 599.
        code: u16,
    },
    /// The recipient's address is none, or none that this server can write to.
    #[error("the recipient has no address that can be written to")]
    BadAddress,
    /// The server did not answer, or not now, or is set up wrongly: worth another try.
    #[error("the mail server is away: {reason}")]
    Unavailable {
        /// What happened, for the log.
        reason: String,
    },
    /// A bug in our own code.
    #[error("the letter could not be written")]
    Unwritable(#[source] LetterError),
}

impl Mailer {
    /// A mailer for the server at `smtp_url`, writing as `sender`.
    ///
    /// `smtps://user:password@host:port`, `smtp://host:port?tls=required` (or `opportunistic`) and, without encryption,
    /// `smtp://host:port`. `allowed_recipients` are addresses and domains; if there are any, nobody else gets a mail.
    ///
    /// # Errors
    /// When `smtp_url` is malformed, or the sender's address. The error never shows them, for the URL holds a password.
    pub fn new(smtp_url: &str, sender: &Sender, allowed_recipients: &[String]) -> anyhow::Result<Self> {
        let email: Address = sender.email().parse().context("the sender is no mail address")?;
        let name = Some(sender.name().to_owned()).filter(|name| !name.is_empty());
        let (from, host) = (Mailbox::new(name, email), sender.host().to_owned());
        let allowed = allowed_recipients
            .iter()
            .map(|entry| entry.trim().trim_start_matches('@').to_lowercase())
            .filter(|entry| !entry.is_empty())
            .collect();
        Ok(Self {
            server: Server::parse(smtp_url)?,
            origin: Origin { from, host },
            allowed,
            permits: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
        })
    }

    /// Who the letters are from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Send `letter`. May be dropped at any time; then it is unknown whether the server took it.
    ///
    /// A repeat after an error may be a second mail, with the same `Message-ID`, if only the answer was lost.
    ///
    /// # Errors
    /// See [`MailError`]; only [`MailError::Unavailable`] is worth another try.
    pub async fn send(&self, letter: &Letter) -> Result<Outcome, MailError> {
        let kind = letter.kind.as_str();
        let outcome = self.hand_over(kind, &letter.message(&self.origin)?).await?;
        if outcome == Outcome::Skipped {
            tracing::info!(
                session.id = %letter.session_id,
                mail.kind = letter.kind.as_str(),
                mail.role = letter.role.as_str(),
                "skipped a mail to an address outside the allowed ones"
            );
        }
        Ok(outcome)
    }

    /// Send a mail that is no letter about a session, as [`Mailer::send`] does; counted as `kind`.
    ///
    /// # Errors
    /// See [`Mailer::send`].
    pub async fn hand_over(&self, kind: &'static str, message: &Message) -> Result<Outcome, MailError> {
        let span = error_span!(target: SPANS, "mail", otel.name = format!("mail {kind}"), otel.kind = "client");
        let outcome = self.attempt(message).instrument(span).await;
        metrics::mail(
            kind,
            match &outcome {
                Ok(Outcome::Sent) => "sent",
                Ok(Outcome::Skipped) => "skipped",
                Err(MailError::Refused { .. } | MailError::BadAddress) => "refused",
                Err(MailError::Unavailable { .. } | MailError::Unwritable(_)) => "deferred",
            },
        );
        outcome
    }

    async fn attempt(&self, message: &Message) -> Result<Outcome, MailError> {
        if !message.envelope().to().iter().all(|address| self.allows(address)) {
            return Ok(Outcome::Skipped);
        }
        // It is never closed; a closed one would do no harm.
        let _permit = self.permits.acquire().await.ok();
        let mail = message.formatted();
        let delivery = self.deliver(message.envelope(), &mail);
        timeout(MAIL_TIMEOUT, delivery)
            .await
            .map_err(|_| away("no answer in time"))??;
        Ok(Outcome::Sent)
    }

    /// Send `notice`, as [`send`](Self::send) does letters.
    ///
    /// # Errors
    /// See [`MailError`]; only [`MailError::Unavailable`] is worth another try.
    pub async fn notify(&self, notice: &Notice) -> Result<Outcome, MailError> {
        let outcome = self.hand_over(notice.kind, &notice.message(&self.origin)?).await?;
        if outcome == Outcome::Skipped {
            tracing::info!(
                mail.kind = notice.kind,
                "skipped a mail to an address outside the allowed ones"
            );
        }
        Ok(outcome)
    }

    fn allows(&self, address: &Address) -> bool {
        let whole = address.to_string().to_lowercase();
        let domain = address.domain().to_lowercase();
        self.allowed.is_empty() || self.allowed.iter().any(|entry| *entry == whole || *entry == domain)
    }

    async fn deliver(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), MailError> {
        let mut connection = match self.reuse().await {
            Some(connection) => connection,
            None => timeout(CONNECT_TIMEOUT, self.server.connect())
                .await
                .map_err(|_| away("no connection in time"))?
                // Whatever it says before it has seen the mail, it is not about the mail.
                .map_err(|error| away(&error.to_string()))?,
        };
        connection
            .send(envelope, mail)
            .await
            .map_err(|error| judge(&error, envelope))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle {
            connection,
            since: Instant::now(),
        });
        Ok(())
    }

    /// A connection that was used just now and still works.
    async fn reuse(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut idle = {
                let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|idle| idle.since.elapsed() < IDLE);
                all.pop()?
            };
            if timeout(CONNECT_TIMEOUT, idle.connection.test_connected())
                .await
                .unwrap_or(false)
            {
                return Some(idle.connection);
            }
        }
    }
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// Where the mail server is and how it is spoken to.
struct Server {
    host: String,
    port: u16,
    tls: Tls,
    hello: ClientId,
    credentials: Option<Credentials>,
}

impl Server {
    /// The forms that `lettre::AsyncSmtpTransport::from_url` knows.
    fn parse(smtp_url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(smtp_url).map_err(|_| anyhow::anyhow!("the mail server's URL is malformed"))?;
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => bail!("the mail server's URL names no host"),
        };
        let parameters = || TlsParameters::new(host.clone()).context("TLS cannot be set up for the mail server");
        let tls = url
            .query_pairs()
            .find(|(name, _)| name == "tls")
            .map(|(_, value)| value.into_owned());
        let (tls, port) = match (url.scheme(), tls.as_deref()) {
            ("smtp", None) => (Tls::None, smtp::SMTP_PORT),
            ("smtp", Some("opportunistic")) => (Tls::Opportunistic(parameters()?), smtp::SUBMISSION_PORT),
            ("smtp", Some("required")) => (Tls::Required(parameters()?), smtp::SUBMISSION_PORT),
            ("smtps", None) => (Tls::Wrapper(parameters()?), smtp::SUBMISSIONS_PORT),
            _ => bail!(
                "the mail server's URL must be smtp:// or smtps://, the former with tls=required or opportunistic"
            ),
        };
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = url
            .password()
            .map(|password| Credentials::new(decode(url.username()), decode(password)));
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        Ok(Self {
            port: url.port().unwrap_or(port),
            host,
            tls,
            hello,
            credentials,
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        let wrapper = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let address = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), &self.hello, wrapper, None).await?;
        match &self.tls {
            Tls::Required(parameters) => connection.starttls(parameters.clone(), &self.hello).await?,
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &self.hello).await?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

impl From<LetterError> for MailError {
    fn from(error: LetterError) -> Self {
        match error {
            LetterError::Address => Self::BadAddress,
            LetterError::Template(_) | LetterError::Mail(_) => Self::Unwritable(error),
        }
    }
}

fn away(reason: &str) -> MailError {
    MailError::Unavailable {
        reason: reason.to_owned(),
    }
}

/// What an error while handing over a mail means. The server's own words stay out: they repeat the address.
fn judge(error: &smtp::Error, envelope: &Envelope) -> MailError {
    let is_ascii = envelope
        .to()
        .iter()
        .all(|address| AsRef::<str>::as_ref(address).is_ascii());
    match error.status().map(u16::from) {
        // Authentication required: our set-up is wrong, not the mail.
        Some(code @ 530) => away(&format!("answered {code}")),
        Some(code) if error.is_permanent() => MailError::Refused { code },
        Some(code) => away(&format!("answered {code}")),
        // Nothing was sent: this server takes ASCII only.
        None if error.is_client() && !is_ascii => MailError::BadAddress,
        None if error.is_response() => away("answered what is not SMTP"),
        None => away(&error.to_string()),
    }
}
