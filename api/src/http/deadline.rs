//! How long a request may take.

use crate::error::ApiError;
use entities::fault::{Fault, classify};
use poem::{FromRequest, Request, RequestBody, Result};
use sea_orm::DbErr;
use std::{future::Future, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Every answer is out this long after its request came in, but for one that was asked to wait.
pub const LIMIT: Duration = Duration::from_millis(2_300);

/// When a request must have been answered.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Default for Deadline {
    fn default() -> Self {
        Self::after(LIMIT)
    }
}

impl Deadline {
    /// When this request must have been answered.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        request.data::<Self>().copied().unwrap_or_default()
    }

    /// In a while from now.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The moment itself.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Let the database work until then.
    ///
    /// # Errors
    /// [`ApiError::DatabaseUnavailable`] when it is away or too slow.
    pub async fn database<T>(self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, ApiError> {
        match timeout_at(self.0, work).await {
            Ok(done) => done.map_err(ApiError::from),
            Err(_) => Err(ApiError::DatabaseUnavailable(None)),
        }
    }

    /// Let the database do one transaction until then, again where it lost against another one.
    ///
    /// # Errors
    /// As [`Deadline::database`].
    pub async fn transaction<T, F>(self, work: impl Fn() -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let attempts = async {
            for _ in 0..2 {
                match work().await {
                    Err(error) if classify(&error) == Fault::Serialization => {}
                    done => return done,
                }
            }
            work().await
        };
        self.database(attempts).await
    }
}

impl<'a> FromRequest<'a> for Deadline {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self::of(request))
    }
}
