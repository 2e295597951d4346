//! What the database says about events, written as calendars.

use super::feed;
use crate::{
    auth::caller::Caller,
    error::{ApiError, Thing},
    http::deadline::Deadline,
    sessions::{read::row, wire::address},
    state::State,
};
use calendar::{
    event::{Calendar, Event, Method, Person},
    language::Language,
    session::{self as event, Details},
    text::link,
};
use entities::{
    calendar_feed::{self, Window},
    db, profile, service, session, session_text, specialist,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;
use workflows::{
    ids::{ServiceId, SessionId, SpecialistId, TextId, UserId},
    sessions::state::SessionState,
};

/// How far back a feed goes.
const DAYS_BACK: i64 = 90;
/// How long it says of a confirmed session that it was called off: calendars that only add and change take it out then.
const DAYS_CALLED_OFF: i64 = 30;
/// How many sessions it has at most.
const AT_MOST: u64 = 1_000;
/// How often calendars are asked to look.
const REFRESH_MINUTES: u32 = 15;

/// A session that the caller may see, as a calendar of its own in the caller's language.
///
/// # Errors
/// [`ApiError::NotFound`] for one that is not there or not theirs.
pub async fn session(state: &State, caller: &Caller, id: SessionId, deadline: Deadline) -> Result<String, ApiError> {
    let row = row(&state.db, caller, id, deadline).await?;
    let reader = deadline
        .database(Reader::new(state.db.reader(), caller.user, std::slice::from_ref(&row)))
        .await?;
    let mut calendar = Calendar::new(Method::Publish);
    reader.add(state, &mut calendar, &row);
    Ok(calendar.end())
}

/// The feed at the address that ends with `file`.
///
/// # Errors
/// [`ApiError::NotFound`] for an address that is none, or no more.
pub async fn feed(state: &State, file: &str, deadline: Deadline) -> Result<String, ApiError> {
    let token = file
        .strip_suffix(".ics")
        .ok_or(ApiError::NotFound(Thing::CalendarFeed))?;
    let feed = feed::open(state, token, deadline).await?;
    let db = state.db.reader();
    let read = async {
        let now = db::now(db).await?;
        let window = Window {
            now,
            from: now.plus_minutes(-DAYS_BACK * 24 * 60),
            called_off_since: now.plus_minutes(-DAYS_CALLED_OFF * 24 * 60),
            limit: AT_MOST,
        };
        let rows = calendar_feed::sessions(db, feed.user, feed.side, window).await?;
        Ok((Reader::new(db, feed.user, &rows).await?, rows))
    };
    let (reader, rows) = deadline.database(read).await?;
    let name = Some(state.sender.name()).filter(|name| !name.is_empty());
    let mut calendar = Calendar::feed(name.unwrap_or(state.sender.host()), REFRESH_MINUTES);
    for row in &rows {
        reader.add(state, &mut calendar, row);
    }
    Ok(calendar.end())
}

/// Somebody who reads of sessions, and what those refer to.
struct Reader {
    user: UserId,
    language: Language,
    specialists: HashMap<SpecialistId, Specialist>,
    /// The others' names, where the reader is not the client.
    clients: HashMap<UserId, String>,
    services: HashMap<ServiceId, String>,
    texts: HashMap<TextId, String>,
}

struct Specialist {
    login: Option<UserId>,
    name: String,
}

impl Reader {
    /// Five queries, however many rows.
    async fn new(db: &impl ConnectionTrait, user: UserId, rows: &[session::Model]) -> Result<Self, DbErr> {
        let locale = profile::of(db, user).await?.map(|profile| profile.locale);
        let specialists: Vec<(SpecialistId, Option<UserId>, String)> = specialist::Entity::find()
            .select_only()
            .columns([
                specialist::Column::Id,
                specialist::Column::UserId,
                specialist::Column::Name,
            ])
            .filter(specialist::Column::Id.is_in(distinct(rows, |row| row.specialist_id)))
            .into_tuple()
            .all(db)
            .await?;
        let others = rows.iter().filter(|row| row.client_id != user);
        let clients: Vec<(UserId, String)> = profile::Entity::find()
            .select_only()
            .columns([profile::Column::UserId, profile::Column::Name])
            .filter(profile::Column::UserId.is_in(distinct(others, |row| row.client_id)))
            .into_tuple()
            .all(db)
            .await?;
        let services: Vec<(ServiceId, String)> = service::Entity::find()
            .select_only()
            .columns([service::Column::Id, service::Column::Name])
            .filter(service::Column::Id.is_in(distinct(rows, |row| row.service_id)))
            .into_tuple()
            .all(db)
            .await?;
        let texts = rows.iter().flat_map(|row| [row.notes_id, row.cancel_reason_id]);
        let texts: Vec<TextId> = texts.flatten().collect();
        let texts = session_text::by_ids(db, texts).await?;
        Ok(Self {
            user,
            language: Language::of(&locale.unwrap_or_default()),
            specialists: specialists
                .into_iter()
                .map(|(id, login, name)| (id, Specialist { login, name }))
                .collect(),
            clients: clients.into_iter().collect(),
            services: services.into_iter().collect(),
            texts: texts.into_iter().map(|text| (text.id, text.text)).collect(),
        })
    }

    /// Add the event of a session.
    fn add(&self, state: &State, calendar: &mut Calendar, row: &session::Model) {
        let service = self.services.get(&row.service_id).map_or("", String::as_str);
        let text = |id: Option<TextId>| id.and_then(|id| self.texts.get(&id)).map(String::as_str);
        let meeting_url = row.meeting_url.as_deref().filter(|_| takes_place(row.status));
        let meeting_url = link(meeting_url);
        let details = Details {
            meeting_url: meeting_url.as_deref(),
            reason: text(row.cancel_reason_id),
            notes: text(row.notes_id),
            manage_url: Some(&format!("{}{}", state.public_url, address(row.id))),
        };
        calendar.add(&Event {
            uid: &event::uid(row.id, state.sender.host()),
            sequence: row.sequence.max(0).unsigned_abs(),
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            // The row's own time: the same session is the same text, and has the same tag, whenever it is asked for.
            dtstamp: row.updated_at,
            last_modified: Some(row.updated_at),
            summary: &event::summary(self.language, service, self.other_party(row)),
            description: event::description(self.language, details).as_deref(),
            location: meeting_url.as_deref(),
            url: meeting_url.as_deref(),
            organizer: Person {
                name: state.sender.name(),
                email: state.sender.email(),
            },
            attendees: &[],
            status: event::status(row.status),
        });
    }

    /// Whom the reader meets: the client where the reader gives the session, otherwise its specialist.
    fn other_party(&self, row: &session::Model) -> &str {
        let specialist = self.specialists.get(&row.specialist_id);
        let gives = specialist.is_some_and(|specialist| specialist.login == Some(self.user));
        let name = if gives && row.client_id != self.user {
            self.clients.get(&row.client_id)
        } else {
            specialist.map(|specialist| &specialist.name)
        };
        name.map_or("", String::as_str)
    }
}

/// Whether there is a meeting to join, or was.
fn takes_place(state: SessionState) -> bool {
    matches!(
        state,
        SessionState::Confirmed | SessionState::Completed | SessionState::NoShow
    )
}

fn distinct<'a, T: Ord>(
    rows: impl IntoIterator<Item = &'a session::Model>,
    id: impl Fn(&session::Model) -> T,
) -> std::collections::BTreeSet<T> {
    rows.into_iter().map(id).collect()
}
