//! Calls to addresses that strangers give us: calendars to read, receivers to tell.
//!
//! Whoever gives an address wants us to call what they cannot: services beside ours, the metadata of a cloud, an own
//! network. So an address is looked at before each call ([`Reach::check`]), and what its name resolves to is looked at by
//! the resolver of the very connection that is then made: there is no second resolution that could differ.
//! Redirects are followed here, each hop like a first call, or not at all. Nothing is decompressed, so that no answer
//! grows on its way; what it may have of bytes and time is bounded. Errors name no address: its path is often the secret.

use reqwest::{
    Client, Method, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{self, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use settings::{Reach, Refused};
use std::{error::Error, fmt, sync::Arc, time::Duration};
use url::Url;

/// Time to resolve a name and to connect, within that of the whole call.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// What a redirect to another origin still says of the first request.
const TO_ANYBODY: [HeaderName; 4] = [
    header::ACCEPT,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::USER_AGENT,
];

/// Calls addresses of strangers; cheap to clone.
#[derive(Clone)]
pub struct Outside {
    reach: Reach,
    names: Arc<dyn Resolve>,
    /// For the public internet, and for addresses to which more is allowed: a resolver does not know the port.
    public: Client,
    eased: Client,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// How.
    pub method: Method,
    /// With these, beside `Host` and what belongs to the body's length.
    pub headers: HeaderMap,
    /// With this.
    pub body: Vec<u8>,
}

/// What a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For everything: names, connections, redirects, the last byte of the body.
    pub total: Duration,
    /// So much of the answer's body.
    pub bytes: usize,
    /// What becomes of a longer one.
    pub beyond: Beyond,
    /// So many redirects, of `GET` and `HEAD` only; others are answers.
    pub redirects: u32,
}

/// What becomes of a body that is longer than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// The call has failed.
    Fail,
    /// The rest is not read: with no bytes at all, the answer is its status and headers.
    Cut,
}

/// What was answered.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Vec<u8>,
}

/// Why there is no answer. None of these names the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// It is not called.
    #[error("not called: the address {0}")]
    Refused(Refused),
    /// Its name is unknown, nobody listens, or the certificate is not good.
    #[error("not reached")]
    Unreachable,
    /// It took longer than it may.
    #[error("no whole answer in time")]
    TimedOut,
    /// Its body is longer than it may be.
    #[error("the answer is too long")]
    TooLong,
    /// It redirects more often than it may, or to nowhere.
    #[error("too many redirects, or one to nowhere")]
    Redirects,
    /// It is compressed, which was not asked for.
    #[error("the answer is compressed")]
    Compressed,
    /// It broke off, or is no HTTP.
    #[error("the answer broke off")]
    Broken,
}

impl OutsideError {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::TooLong => "too_long",
            Self::Redirects => "redirects",
            Self::Compressed => "compressed",
            Self::Broken => "broken_off",
        }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Outside {
    /// Calls as far as `reach`, with the names of the system.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(reach: Reach) -> anyhow::Result<Self> {
        Self::with_names(reach, Arc::new(System))
    }

    /// The same, with names from elsewhere: for tests.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn with_names(reach: Reach, names: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        Ok(Self {
            reach,
            public: client(Guard {
                reach: Reach::Public,
                names: Arc::clone(&names),
            })?,
            eased: client(Guard {
                reach,
                names: Arc::clone(&names),
            })?,
            names,
        })
    }

    /// The same names, as far as `reach`: a listener of a test is known after its worker is.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn reaching(&self, reach: Reach) -> anyhow::Result<Self> {
        Self::with_names(reach, Arc::clone(&self.names))
    }

    /// Call `url`.
    ///
    /// # Errors
    /// [`OutsideError`]; whatever status was answered is an answer.
    ///
    /// # Cost
    /// A connection each time: none is kept, so that each one has its name resolved and looked at.
    pub async fn call(&self, url: &Url, request: Request, limits: Limits) -> Result<Answer, OutsideError> {
        let call = self.follow(url.clone(), request, limits);
        tokio::time::timeout(limits.total, call)
            .await
            .unwrap_or(Err(OutsideError::TimedOut))
    }

    async fn follow(&self, mut url: Url, mut request: Request, limits: Limits) -> Result<Answer, OutsideError> {
        let may_follow = matches!(request.method, Method::GET | Method::HEAD);
        let mut left = limits.redirects;
        loop {
            let response = self.one(&url, &request).await?;
            let status = response.status();
            let moved = [301, 302, 303, 307, 308].contains(&status.as_u16());
            if !moved || !may_follow || limits.redirects == 0 {
                return read(response, limits).await;
            }
            left = left.checked_sub(1).ok_or(OutsideError::Redirects)?;
            let next = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
            let next = next.and_then(|at| url.join(at).ok()).ok_or(OutsideError::Redirects)?;
            if next.origin() != url.origin() {
                let kept = TO_ANYBODY.into_iter();
                request.headers = kept
                    .filter_map(|name| request.headers.remove(&name).map(|value| (name, value)))
                    .collect();
            }
            url = next;
        }
    }

    async fn one(&self, url: &Url, request: &Request) -> Result<Response, OutsideError> {
        self.reach.check(url).map_err(OutsideError::Refused)?;
        let client = if self.reach.eases(url) {
            &self.eased
        } else {
            &self.public
        };
        let mut headers = request.headers.clone();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let call = client
            .request(request.method.clone(), url.clone())
            .headers(headers)
            .body(request.body.clone());
        call.send().await.map_err(|error| failure(&error))
    }
}

/// As much of the body as may be.
async fn read(mut response: Response, limits: Limits) -> Result<Answer, OutsideError> {
    let encodings = response.headers().get_all(header::CONTENT_ENCODING);
    let unread = limits.beyond == Beyond::Cut && limits.bytes == 0;
    if !unread && encodings.iter().any(|encoding| encoding != "identity") {
        return Err(OutsideError::Compressed);
    }
    let announced = response.content_length().unwrap_or(0);
    if limits.beyond == Beyond::Fail && u64::try_from(limits.bytes).is_ok_and(|bytes| bytes < announced) {
        return Err(OutsideError::TooLong);
    }
    let mut body = Vec::new();
    while limits.beyond == Beyond::Fail || body.len() < limits.bytes {
        let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? else {
            break;
        };
        let room = limits.bytes - body.len();
        if room < chunk.len() && limits.beyond == Beyond::Fail {
            return Err(OutsideError::TooLong);
        }
        body.extend(chunk.iter().take(room));
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// The names of the system, as far as their addresses may be called.
struct Guard {
    reach: Reach,
    names: Arc<dyn Resolve>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach, self.names.resolve(name));
        Box::pin(async move {
            let mut found = found.await?.peekable();
            if found.peek().is_none() {
                return Err("the name has no address".into());
            }
            // Those of a name that has both are called where they are public.
            let public: Vec<_> = found.filter(|address| reach.includes(address.ip())).collect();
            if public.is_empty() {
                return Err(Refused::NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The resolver of the system.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn client(guard: Guard) -> anyhow::Result<Client> {
    Ok(Client::builder()
        .dns_resolver(Arc::new(guard))
        // A proxy of the environment would resolve names itself.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_LIMIT)
        .build()?)
}

/// What a failure of the library means; its own words have the address in them.
fn failure(error: &reqwest::Error) -> OutsideError {
    let mut source: Option<&dyn Error> = Some(error);
    while let Some(inner) = source {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return OutsideError::Refused(*refused);
        }
        source = inner.source();
    }
    if error.is_timeout() {
        OutsideError::TimedOut
    } else if error.is_connect() {
        OutsideError::Unreachable
    } else {
        OutsideError::Broken
    }
}

#[cfg(test)]
mod tests;
