//! Busy feeds on the wire.

use crate::{
    error::{ApiError, FieldError},
    http::{
        body::{Fields, Strict},
        instant::Utc,
    },
};
use entities::busy_feed::{self, FeedUrl};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use settings::Reach;
use url::Url;
use uuid::Uuid;
use workflows::{ids::BusyFeedId, time::Instant};

/// How many a specialist has at most.
const AT_MOST: usize = 5;
/// The longest address, in bytes.
const LONGEST: usize = 2_048;
/// Without a word from its source for so long, a calendar is not fresh, whatever the reason: one day.
const FRESH_MINUTES: i64 = 24 * 60;

/// The calendars that are to block the caller's time.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct BusyFeedsRequest {
    /// All of them, at most five.
    #[oai(validator(max_items = 5))]
    pub feeds: Vec<BusyFeedRequest>,
}

/// A calendar that is in the list already, by its `id`, or one at an address.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct BusyFeedRequest {
    /// A feed that is in the list and stays.
    #[oai(nullable)]
    pub id: Option<Uuid>,
    /// The address of a calendar (iCalendar over HTTPS, on the public internet); `webcal://` means `https://`. It is a
    /// secret and never shown again.
    #[oai(nullable, validator(max_length = 2048))]
    pub url: Option<String>,
}

/// A feed as it is wanted.
#[derive(Clone, Debug)]
pub enum WantedFeed {
    /// One that is there.
    Kept(BusyFeedId),
    /// The calendar at that address.
    At(FeedUrl),
}

impl Strict for BusyFeedsRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let feeds: Option<Vec<BusyFeedRequest>> = fields.required("feeds");
        if feeds.as_ref().is_some_and(|feeds| AT_MOST < feeds.len()) {
            fields.refuse("feeds", "too_long", format!("has more than {AT_MOST}"));
        }
        Some(Self { feeds: feeds? })
    }
}

impl BusyFeedsRequest {
    /// The feeds that are meant, of calendars that are called.
    ///
    /// # Errors
    /// [`ApiError::InvalidRequest`] with every one that is not.
    pub fn wanted(self, reach: Reach) -> Result<Vec<WantedFeed>, ApiError> {
        let Self { feeds } = self;
        let (mut wanted, mut errors) = (Vec::new(), Vec::new());
        for (n, BusyFeedRequest { id, url }) in feeds.into_iter().enumerate() {
            let refused =
                |field: &str, code: &str, what: String| FieldError::new(format!("feeds.{n}{field}"), code, what);
            match (id, url) {
                (Some(id), None) => wanted.push(WantedFeed::Kept(BusyFeedId(id))),
                (None, Some(url)) => match address(&url, reach) {
                    Ok(url) => wanted.push(WantedFeed::At(url)),
                    Err(what) => errors.push(refused(".url", "invalid", what)),
                },
                _ => errors.push(refused("", "invalid", "must have either id or url".to_owned())),
            }
        }
        if errors.is_empty() {
            Ok(wanted)
        } else {
            Err(ApiError::InvalidRequest(errors))
        }
    }
}

fn address(text: &str, reach: Reach) -> Result<FeedUrl, String> {
    if LONGEST < text.len() {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    let text = text.trim();
    let scheme = text.get(..9).filter(|scheme| scheme.eq_ignore_ascii_case("webcal://"));
    let text = match scheme {
        Some(scheme) => format!("https://{}", text.trim_start_matches(scheme)),
        None => text.to_owned(),
    };
    let mut url = Url::parse(&text).map_err(|_| "must be an address such as https://example.com/calendar.ics")?;
    reach.check(&url).map_err(|refused| refused.to_string())?;
    // Nobody is sent a fragment; with and without it is the same calendar.
    url.set_fragment(None);
    Ok(FeedUrl(url.into()))
}

/// The calendars that block the caller's time.
#[derive(Debug, Object, Serialize)]
pub struct BusyFeedList {
    /// In their order.
    pub feeds: Vec<BusyFeedView>,
}

/// A calendar elsewhere.
#[derive(Debug, Object, Serialize)]
pub struct BusyFeedView {
    /// Its id.
    pub id: Uuid,
    /// Its address as far as it is no secret: without path and query.
    pub url: String,
    /// How it is doing.
    pub status: BusyFeedStatus,
    /// When it was asked for last.
    #[oai(nullable)]
    pub last_attempt_at: Option<Utc>,
    /// When its source said last how it is. What it said then blocks until it says something else.
    #[oai(nullable)]
    pub last_success_at: Option<Utc>,
    /// Since when it cannot be read.
    #[oai(nullable)]
    pub stale_since: Option<Utc>,
    /// What went wrong last, as a code: `unreachable`, `timed_out`, `too_long`, `not_public`, `source_gone`,
    /// `source_forbids`, `source_down`, `not_a_calendar`, `too_complex`, `too_many_events` and the like.
    #[oai(nullable)]
    pub failure: Option<String>,
}

/// How a calendar is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum BusyFeedStatus {
    /// It blocks what its source says.
    Fresh,
    /// It blocks what its source said last.
    Stale,
    /// It was never read and blocks nothing.
    NeverRead,
}

impl BusyFeedList {
    /// Those feeds, as they stand at `now`.
    #[must_use]
    pub fn new(feeds: Vec<busy_feed::Model>, now: Instant) -> Self {
        Self {
            feeds: feeds.into_iter().map(|feed| BusyFeedView::new(feed, now)).collect(),
        }
    }
}

impl BusyFeedView {
    fn new(feed: busy_feed::Model, now: Instant) -> Self {
        let busy_feed::Model {
            id,
            specialist_id: _,
            position: _,
            url,
            etag: _,
            last_modified: _,
            read_at: _,
            read_zone: _,
            last_attempt_at,
            last_success_at,
            stale_since,
            failure,
            created_at: _,
        } = feed;
        let is_old = |at: Instant| at.plus_minutes(FRESH_MINUTES) < now;
        let stale_since = stale_since.or(last_success_at.filter(|at| is_old(*at)));
        Self {
            id: id.0,
            url: Url::parse(&url.0).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization()),
            status: match (last_success_at, stale_since) {
                (None, _) => BusyFeedStatus::NeverRead,
                (Some(_), Some(_)) => BusyFeedStatus::Stale,
                (Some(_), None) => BusyFeedStatus::Fresh,
            },
            last_attempt_at: last_attempt_at.map(Utc::from),
            last_success_at: last_success_at.map(Utc::from),
            stale_since: stale_since.map(Utc::from),
            failure,
        }
    }
}
