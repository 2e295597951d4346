//! Answers that are kept, as the bytes that are sent.
//!
//! A read that may be kept names its place, which stands beside the table it copies, and gives what reads the database.
//! Where there is no Redis nothing is kept: a copy in one process could not be dropped by another.

use crate::{
    error::ApiError,
    http::{deadline::Deadline, reply::tag},
};
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use entities::{
    cache::{Cache, copies::Place},
    db::{self, Db},
    follow_up,
};
use sea_orm::DbErr;
use serde::Serialize;
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, PoisonError, RwLock, Weak},
    time::Duration,
};
use tokio::time::timeout_at;
use workflows::time::Instant;

/// How often it is looked whether copies should have been dropped and were not.
const ROUND: Duration = Duration::from_secs(1);
/// How long dropping may take before it counts so, in seconds.
const OVERDUE_SECONDS: i64 = 2;

/// The shape of everything that is kept, by the contract that a test keeps equal to the code: a release that shows
/// anything otherwise keeps its own.
static RELEASE: LazyLock<String> = LazyLock::new(|| short(include_bytes!("../openapi.json")));

/// An answer as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its tag.
    pub etag: String,
    /// Where the next page begins, if it is one of a list.
    pub next_cursor: Option<String>,
    /// Its JSON.
    pub body: Bytes,
}

impl Encoded {
    /// The bytes of `view`.
    pub fn new(view: &impl Serialize, next_cursor: Option<String>) -> Self {
        let body = serde_json::to_vec(view).expect("views are plain values with texts for keys");
        Self {
            etag: tag(&body),
            next_cursor,
            body: body.into(),
        }
    }

    /// Two lines and the body; neither tags nor cursors have line ends.
    fn encode(self) -> Bytes {
        let Self {
            etag,
            next_cursor,
            body,
        } = self;
        let mut bytes = format!("{etag}\n{}\n", next_cursor.unwrap_or_default()).into_bytes();
        bytes.extend_from_slice(&body);
        bytes.into()
    }

    fn decode(bytes: &Bytes) -> Option<Self> {
        let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
        let mut line = || std::str::from_utf8(lines.next()?).ok().map(str::to_owned);
        let (etag, cursor) = (line()?, line()?);
        Some(Self {
            etag,
            next_cursor: Some(cursor).filter(|cursor| !cursor.is_empty()),
            body: bytes.slice_ref(lines.next()?),
        })
    }
}

/// The answers that are kept, for all processes together.
#[derive(Default)]
pub struct Copies {
    cache: Option<Cache>,
    /// Keys whose copies were to be dropped and may be there: they are passed by. Without a set, every one may be.
    overdue: RwLock<Option<HashSet<String>>>,
}

impl Copies {
    /// Kept there; `db` knows which of them are overdue to be dropped.
    #[must_use]
    pub fn new(cache: Cache, db: Db) -> Arc<Self> {
        let copies = Arc::new(Self {
            cache: Some(cache),
            overdue: RwLock::default(),
        });
        // The task ends with the last handle.
        tokio::spawn(look_around(Arc::downgrade(&copies), db));
        copies
    }

    /// The answer kept at `place`, or what `load` reads, which is kept there from then on; nothing is not kept.
    ///
    /// # Errors
    /// Those of `load`, and [`ApiError::DatabaseUnavailable`] when time is up.
    pub async fn read(
        &self,
        place: Place,
        deadline: Deadline,
        load: impl Future<Output = Result<Option<Encoded>, ApiError>>,
    ) -> Result<Option<Encoded>, ApiError> {
        let Some(cache) = &self.cache else { return load.await };
        let place = place.of_release(&RELEASE);
        let load = async { Ok(load.await?.map(Encoded::encode)) };
        let read = async {
            if self.is_overdue(place.key()) {
                cache.read_past(&place, load).await
            } else {
                cache.read(&place, load).await
            }
        };
        let bytes = timeout_at(deadline.instant(), read)
            .await
            .unwrap_or(Err(ApiError::DatabaseUnavailable(None)))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let copy = Encoded::decode(&bytes).ok_or_else(|| ApiError::internal("a copy is none"))?;
        Ok(Some(copy))
    }

    fn is_overdue(&self, key: &str) -> bool {
        let overdue = self.overdue.read().unwrap_or_else(PoisonError::into_inner);
        overdue.as_ref().is_none_or(|keys| keys.contains(key))
    }
}

/// A text that stands for another one of any length.
#[must_use]
pub fn short(text: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, text);
    BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref().get(..16).unwrap_or_default())
}

/// Look for what should have been dropped, as long as anybody reads copies.
///
/// A process that cannot reach Redis drops nothing, while another that can would go on serving what is out of date. What
/// is to be dropped is written down with the change, so everybody can see it there. While the database does not answer,
/// what was seen last counts.
async fn look_around(copies: Weak<Copies>, db: Db) {
    loop {
        let seen = overdue(&db).await;
        let Some(copies) = copies.upgrade() else { return };
        match seen {
            Ok(keys) => *copies.overdue.write().unwrap_or_else(PoisonError::into_inner) = keys,
            Err(error) => tracing::debug!(error = %error, "what is to be dropped is not known anew"),
        }
        drop(copies);
        tokio::time::sleep(ROUND).await;
    }
}

async fn overdue(db: &Db) -> Result<Option<HashSet<String>>, DbErr> {
    let now = db::now(db.reader()).await?;
    let before = Instant::from_unix_seconds(now.unix_seconds() - OVERDUE_SECONDS);
    follow_up::overdue_copies(db.reader(), before).await
}

#[cfg(test)]
mod tests {
    use super::Encoded;

    #[test]
    fn a_copy_comes_back_as_it_was() {
        for cursor in [None, Some("abc".to_owned())] {
            let copy = Encoded::new(&["a\nb", "ü"], cursor);
            assert_eq!(Encoded::decode(&copy.clone().encode()), Some(copy));
        }
        assert_eq!(Encoded::decode(&"no copy".into()), None);
    }
}
