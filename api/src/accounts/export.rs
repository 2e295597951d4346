//! Everything that is stored about somebody; the lists are read and sent page by page, so that no size of them is too much.

use super::wire::{
    DeviceView, ExportView, ExportedAccount, ExportedAct, ExportedEntry, ExportedFeed, ExportedOffer, ExportedReview,
    ExportedSeries, ExportedSession, ExportedSpecialist, ExportedText, Working,
};
use crate::{
    error::ApiError, http::deadline::Deadline, http::instant::Utc, profiles::wire::ProfileView, sessions::read::views,
};
use entities::{
    audit, busy_feed, calendar_feed,
    db::{self, Db},
    device, profile, review, schedule, schedule_override, series,
    session::{self, Filter},
    session_text, specialist, user, waitlist_entry, waitlist_offer,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::civil::date;
use sea_orm::DbErr;
use serde::Serialize;
use std::{collections::HashMap, io};
use workflows::{
    ids::{AuditId, SessionId, SpecialistId, TextId, UserId, WaitlistEntryId},
    time::Instant,
};

/// How many rows are read at a time.
const PAGE: u64 = 200;

/// The document of `user` in parts; what does not answer now is told before the first.
///
/// # Errors
/// [`ApiError::InvalidToken`] when the account was deleted meanwhile, [`ApiError::DatabaseUnavailable`].
pub async fn parts(
    db: &Db,
    user: UserId,
    deadline: Deadline,
) -> Result<BoxStream<'static, io::Result<Vec<u8>>>, ApiError> {
    let head = deadline.database(head(db, user)).await?;
    let head = head.ok_or(ApiError::InvalidToken("the account is deleted"))?;
    let begin = (db.clone(), Part::Head(head));
    let parts = stream::try_unfold(begin, move |(db, part)| async move {
        match part.write(&db, user).await {
            Ok(Some((bytes, next))) => Ok(Some((bytes, (db, next)))),
            Ok(None) => Ok(None),
            Err(error) => {
                // The status has long been sent; a document that ends early is how its reader learns of it.
                tracing::warn!(error = &error as &dyn std::error::Error, "an export ended early");
                Err(io::Error::other("the database does not answer"))
            }
        }
    });
    Ok(parts.boxed())
}

/// What is written next.
enum Part {
    Head(Vec<u8>),
    Sessions(Option<(Instant, SessionId)>),
    Series,
    Waitlist(Option<(Instant, WaitlistEntryId)>),
    Reviews,
    Feeds,
    Devices,
    Texts(Option<TextId>),
    Acts(Option<AuditId>),
    End,
    Over,
}

impl Part {
    async fn write(self, db: &Db, user: UserId) -> Result<Option<(Vec<u8>, Self)>, DbErr> {
        let reader = db.reader();
        let written = match self {
            Self::Head(bytes) => (bytes, Self::Sessions(None)),
            Self::Sessions(after) => {
                let filter = Filter {
                    after,
                    limit: PAGE,
                    ..Filter::default()
                };
                let rows = session::of_client(reader, user, &filter).await?;
                let last = full(&rows).map(|row| (row.starts_at, row.id));
                let items = exported(db, rows).await?;
                let next = last.map_or(Self::Series, |last| Self::Sessions(Some(last)));
                (list("sessions", &items, after.is_none(), last.is_none())?, next)
            }
            Self::Series => {
                let rows = series::all_of_client(reader, user).await?;
                (whole::<ExportedSeries, _>("series", rows)?, Self::Waitlist(None))
            }
            Self::Waitlist(after) => {
                let rows = waitlist_entry::of_client(reader, user, after, PAGE).await?;
                let last = full(&rows).map(|row| (row.created_at, row.id));
                let items = with_offers(db, rows).await?;
                let next = last.map_or(Self::Reviews, |last| Self::Waitlist(Some(last)));
                (list("waitlist", &items, after.is_none(), last.is_none())?, next)
            }
            Self::Reviews => {
                let rows = review::of_client(reader, user).await?;
                (whole::<ExportedReview, _>("reviews", rows)?, Self::Feeds)
            }
            Self::Feeds => {
                let rows = calendar_feed::all_of(reader, user).await?;
                (whole::<ExportedFeed, _>("calendar_feeds", rows)?, Self::Devices)
            }
            Self::Devices => {
                let rows = device::of_user(reader, user).await?;
                (whole::<DeviceView, _>("devices", rows)?, Self::Texts(None))
            }
            Self::Texts(after) => {
                let rows = session_text::of_author(reader, user, after, PAGE).await?;
                let last = full(&rows).map(|row| row.id);
                let items: Vec<ExportedText> = rows.into_iter().map(Into::into).collect();
                let next = last.map_or(Self::Acts(None), |last| Self::Texts(Some(last)));
                (list("texts", &items, after.is_none(), last.is_none())?, next)
            }
            Self::Acts(after) => {
                let rows = audit::of_actor(reader, user, after, PAGE).await?;
                let last = full(&rows).map(|row| row.id);
                let items: Vec<ExportedAct> = rows.into_iter().map(Into::into).collect();
                let next = last.map_or(Self::End, |last| Self::Acts(Some(last)));
                (list("audit", &items, after.is_none(), last.is_none())?, next)
            }
            Self::End => (b"}".to_vec(), Self::Over),
            Self::Over => return Ok(None),
        };
        Ok(Some(written))
    }
}

/// What stands before the lists, as far as the first of them; nothing of a deleted account.
async fn head(db: &Db, user: UserId) -> Result<Option<Vec<u8>>, DbErr> {
    let reader = db.reader();
    let exported_at = db::now(reader).await?;
    let account = user::find(reader, user).await?;
    let profile = profile::of(reader, user).await?;
    let (Some(account), Some(profile)) = (account, profile) else {
        return Ok(None);
    };
    let specialist = match specialist::of_user(reader, user).await? {
        None => None,
        Some(row) => {
            let working = working(db, row.id).await?;
            Some(ExportedSpecialist::new(row, working, exported_at))
        }
    };
    let view = Head {
        exported_at: exported_at.into(),
        account: account.into(),
        profile: profile.into(),
        specialist,
    };
    let mut bytes = json(&view)?;
    // The lists follow within the same object.
    bytes.pop();
    Ok(Some(bytes))
}

async fn working(db: &Db, specialist: SpecialistId) -> Result<Working, DbErr> {
    let reader = db.reader();
    Ok(Working {
        schedule: schedule::of(reader, specialist).await?,
        overrides: schedule_override::between(reader, specialist, date(0, 1, 1), date(9999, 12, 31)).await?,
        busy_feeds: busy_feed::of_specialist(reader, specialist).await?,
    })
}

/// The beginning of an [`ExportView`].
#[derive(Serialize)]
struct Head {
    exported_at: Utc,
    account: ExportedAccount,
    profile: ProfileView,
    specialist: Option<ExportedSpecialist>,
}

/// A new field has to be written, too.
#[expect(
    dead_code,
    reason = "fails to compile when the document gets a field that is not written"
)]
fn every_field_is_written(view: ExportView) {
    let ExportView {
        exported_at: _,
        account: _,
        profile: _,
        specialist: _,
        sessions: _,
        series: _,
        waitlist: _,
        reviews: _,
        calendar_feeds: _,
        devices: _,
        texts: _,
        audit: _,
    } = view;
}

/// The last row of a page that may have another one behind it.
fn full<T>(rows: &[T]) -> Option<&T> {
    let is_full = u64::try_from(rows.len()).is_ok_and(|n| PAGE <= n);
    rows.last().filter(|_| is_full)
}

async fn exported(db: &Db, rows: Vec<session::Model>) -> Result<Vec<ExportedSession>, DbErr> {
    let reasons = session_text::by_ids(db.reader(), rows.iter().filter_map(|row| row.cancel_reason_id)).await?;
    let reasons: HashMap<TextId, String> = reasons.into_iter().map(|text| (text.id, text.text)).collect();
    let more: Vec<_> = rows
        .iter()
        .map(|row| {
            let reason = row.cancel_reason_id.and_then(|id| reasons.get(&id).cloned());
            (reason, row.reminder_offsets.0.clone(), row.reschedules)
        })
        .collect();
    let views = views(db, rows).await?;
    let one = |(session, (cancel_reason, reminder_offsets_minutes, reschedules))| ExportedSession {
        session,
        cancel_reason,
        reminder_offsets_minutes,
        reschedules,
    };
    Ok(views.into_iter().zip(more).map(one).collect())
}

async fn with_offers(db: &Db, rows: Vec<waitlist_entry::Model>) -> Result<Vec<ExportedEntry>, DbErr> {
    let mut offers: HashMap<WaitlistEntryId, Vec<ExportedOffer>> = HashMap::new();
    for offer in waitlist_offer::all_of(db.reader(), rows.iter().map(|row| row.id)).await? {
        offers.entry(offer.entry_id).or_default().push(offer.into());
    }
    let one = |row: waitlist_entry::Model| {
        let offers = offers.remove(&row.id).unwrap_or_default();
        ExportedEntry::new(row, offers)
    };
    Ok(rows.into_iter().map(one).collect())
}

/// A list that is read at once.
fn whole<T: Serialize + From<M>, M>(name: &str, rows: Vec<M>) -> Result<Vec<u8>, DbErr> {
    let items: Vec<T> = rows.into_iter().map(T::from).collect();
    list(name, &items, true, true)
}

/// A page of a list: with its name where it is the first, with its end where it is the last.
fn list<T: Serialize>(name: &str, items: &[T], first: bool, last: bool) -> Result<Vec<u8>, DbErr> {
    let mut bytes = if first {
        format!(",\"{name}\":[").into_bytes()
    } else {
        Vec::new()
    };
    for (n, item) in items.iter().enumerate() {
        if 0 < n || !first {
            bytes.push(b',');
        }
        bytes.extend(json(item)?);
    }
    if last {
        bytes.push(b']');
    }
    Ok(bytes)
}

fn json(view: &impl Serialize) -> Result<Vec<u8>, DbErr> {
    serde_json::to_vec(view).map_err(|error| DbErr::Json(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn pages_are_one_list() {
        let mut bytes = b"{\"a\":1".to_vec();
        bytes.extend(list("empty", &[] as &[u8], true, true).unwrap());
        bytes.extend(list("two", &[1, 2], true, false).unwrap());
        bytes.extend(list("two", &[3, 4], false, false).unwrap());
        // A full page with nothing behind it.
        bytes.extend(list("two", &[] as &[u8], false, true).unwrap());
        bytes.push(b'}');
        let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read, serde_json::json!({"a": 1, "empty": [], "two": [1, 2, 3, 4]}));
    }
}
