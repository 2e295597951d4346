//! Reading one calendar once.

use super::{
    BusyFeedActivities,
    calendar::{self, Making, Unreadable},
};
use crate::{
    crash::{self, Point},
    error::StepError,
    outside::{Answer, Request},
};
use entities::{
    busy_feed::{self, Heard},
    db::lock_specialist,
    specialist,
};
use jiff::tz::TimeZone;
use reqwest::{
    StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use url::Url;
use uuid::Uuid;
use workflows::{
    busy_feeds::contract::{FeedRead, ReadFeed},
    slots::busy::Busy,
    time::Instant,
};

/// A day.
const DAY_MINUTES: i64 = 24 * 60;
/// How many days a copy goes back from today: a session that runs may have begun then.
const DAYS_BACK: i64 = 1;
/// How many days ahead: as far as the longest booking window reaches (1,095), and a day for zones.
const DAYS_AHEAD: i64 = 1_096;
/// A source that says that nothing has changed is asked for everything after so long: a copy does not reach further ahead
/// than when it was made.
const WHOLE_EVERY_MINUTES: i64 = DAY_MINUTES;
/// How long a calendar waits for others to be made out.
const TURN: Duration = Duration::from_secs(15);
/// Longer validators are not kept.
const VALIDATOR_BYTES: usize = 1_000;

/// Read the feed, put on record what was heard, and say when to read again.
pub(super) async fn run(steps: &BusyFeedActivities, input: ReadFeed) -> Result<FeedRead, StepError> {
    let gone = FeedRead { again_in_seconds: None };
    let ReadFeed { feed, now } = input;
    let db = steps.db.reader();
    let Some(feed) = busy_feed::by_id(db, feed).await? else {
        return Ok(gone);
    };
    let Some(found) = specialist::with_services(db, feed.specialist_id).await? else {
        return Ok(gone);
    };
    let zone = found.specialist.time_zone;
    let heard = hear(steps, &feed, &zone, now).await?;
    crash::point("busy_feeds.hear", Point::AfterEffect);
    if let Heard::Failed(code) = &heard {
        tracing::info!(feed.id = %feed.id, code, "a calendar could not be read; its last good copy stays");
    }
    let tx = steps.db.begin_write().await?;
    lock_specialist(&tx, feed.specialist_id).await?;
    // Removed meanwhile, perhaps: then nothing of it blocks.
    let Some(feed) = busy_feed::by_id(&tx, feed.id).await? else {
        return Ok(gone);
    };
    busy_feed::hear(&tx, &feed, heard, now).await?;
    tx.commit().await?;
    Ok(FeedRead {
        again_in_seconds: Some(next(steps.pace.every)),
    })
}

/// What the source says.
async fn hear(
    steps: &BusyFeedActivities,
    feed: &busy_feed::Model,
    zone: &str,
    now: Instant,
) -> Result<Heard, StepError> {
    let Ok(url) = Url::parse(&feed.url.0) else {
        return Ok(Heard::Failed("no_address"));
    };
    // What was read in another zone, or long ago, is not what it would be read as today.
    let whole_since = now.plus_minutes(-WHOLE_EVERY_MINUTES);
    let may_be_unchanged = feed.read_at.is_some_and(|at| whole_since < at) && feed.read_zone.as_deref() == Some(zone);
    let headers = headers(feed, may_be_unchanged);
    let asks_for_changes =
        headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MODIFIED_SINCE);
    let request = Request {
        headers,
        ..Request::default()
    };
    let Answer { status, headers, body } = match steps.outside.call(&url, request, steps.pace.call).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Heard::Failed(error.code())),
    };
    match status {
        StatusCode::NOT_MODIFIED if asks_for_changes => return Ok(Heard::Unchanged),
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(Heard::Failed("source_forbids")),
        StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Heard::Failed("source_gone")),
        StatusCode::TOO_MANY_REQUESTS => return Ok(Heard::Failed("source_busy")),
        status if status.is_server_error() => return Ok(Heard::Failed("source_down")),
        _ => return Ok(Heard::Failed("unexpected_answer")),
    }
    let validator = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= VALIDATOR_BYTES).then(|| value.to_owned())
    };
    Ok(match make_out(steps, body, zone, now).await? {
        Ok(busy) => Heard::Read {
            busy,
            zone: zone.to_owned(),
            etag: validator(header::ETAG),
            last_modified: validator(header::LAST_MODIFIED),
        },
        Err(unreadable) => Heard::Failed(unreadable.code()),
    })
}

fn headers(feed: &busy_feed::Model, may_be_unchanged: bool) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (header::ACCEPT, HeaderValue::from_static("text/calendar, */*;q=0.1")),
        (header::USER_AGENT, HeaderValue::from_static("Aroti-Calendar/1.0")),
    ]);
    if may_be_unchanged {
        for (name, value) in [
            (header::IF_NONE_MATCH, &feed.etag),
            (header::IF_MODIFIED_SINCE, &feed.last_modified),
        ] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
    headers
}

/// What the text blocks, made out on a thread that nothing waits for longer than it may take.
async fn make_out(
    steps: &BusyFeedActivities,
    body: Vec<u8>,
    zone: &str,
    now: Instant,
) -> Result<Result<Vec<Busy>, Unreadable>, StepError> {
    let busy = |source: anyhow::Error| StepError::Passing {
        code: "calendars_queue",
        source,
    };
    let zone = TimeZone::get(zone).map_err(|error| StepError::Passing {
        code: "zone_unknown",
        source: error.into(),
    })?;
    let turn = tokio::time::timeout(TURN, Arc::clone(&steps.making_out).acquire_owned());
    let turn = turn.await.map_err(|late| busy(late.into()))?;
    let turn = turn.map_err(|closed| busy(closed.into()))?;
    // By whole days, so that a calendar that does not change makes no other copy at every reading.
    let today = Instant::from_unix_seconds(now.unix_seconds().div_euclid(DAY_MINUTES * 60) * DAY_MINUTES * 60);
    let given_up = Arc::new(AtomicBool::new(false));
    let (is_given_up, own_host) = (Arc::clone(&given_up), steps.own_host.clone());
    let work = tokio::task::spawn_blocking(move || {
        // Kept until the end, late as it may be: what was given up still has a thread.
        let _turn = turn;
        // Names that are not quite UTF-8 are no reason not to see the times.
        let text = String::from_utf8_lossy(&body);
        calendar::busy(&Making {
            text: &text,
            zone,
            from: today.plus_minutes(-DAYS_BACK * DAY_MINUTES),
            to: today.plus_minutes(DAYS_AHEAD * DAY_MINUTES),
            own_host: &own_host,
            given_up: &is_given_up,
        })
    });
    match tokio::time::timeout(steps.pace.making_out, work).await {
        Ok(Ok(made_out)) => Ok(made_out),
        // The library panicked: another attempt would as well.
        Ok(Err(_)) => Ok(Err(Unreadable::NoCalendar)),
        Err(_) => {
            given_up.store(true, Ordering::Relaxed);
            Ok(Err(Unreadable::TooComplex))
        }
    }
}

/// When to read again: not all feeds at once that were given at once.
fn next(every: Duration) -> u32 {
    let seconds = u32::try_from(every.as_secs()).unwrap_or(u32::MAX / 2).max(1);
    let spread = seconds / 5;
    let random = u32::try_from(Uuid::new_v4().as_u128() % u128::from(spread + 1)).unwrap_or_default();
    seconds - spread / 2 + random
}
