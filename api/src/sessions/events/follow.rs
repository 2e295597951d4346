//! One stream: from the first event, or behind the client's last one, to the session's end.

use super::{
    hub::{Call, Watcher},
    wire::{self, EventStream, ProgressEvent},
};
use crate::{
    auth::caller::Caller,
    error::{ApiError, Thing},
    http::deadline::Deadline,
    sessions::read,
    state::State,
};
use entities::{session, session_event};
use futures::stream;
use poem::web::sse::Event;
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, sleep_until};
use workflows::ids::SessionId;

/// No stream is older, however long its token is good: clients spread anew over the processes.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Follow a session that the caller may see, behind the event that they had last.
///
/// # Errors
/// [`ApiError::NotFound`] for a session that is not there or not theirs, [`ApiError::StreamsUnavailable`],
/// [`ApiError::DatabaseUnavailable`].
pub async fn follow(
    state: &State,
    caller: &Caller,
    id: SessionId,
    last: Option<i32>,
    deadline: Deadline,
) -> Result<EventStream, ApiError> {
    let row = read::row(&state.db, caller, id, deadline).await?;
    // A number that has not been given yet is none of ours, and says nothing of what the client has.
    let last = last.filter(|last| *last <= row.event_seq);
    let after = last.unwrap_or(0);
    let found = deadline
        .database(session_event::since(state.db.reader(), id, after))
        .await?;
    let (row, events) = found.ok_or(ApiError::NotFound(Thing::Session))?;
    if is_over(&row) && last.is_some() && events.is_empty() {
        return Ok(EventStream::ended());
    }
    // What has changed between that look and this one, the next round of looks sees.
    let watcher = state.hub.watch(&row, caller.user)?;
    let mut stream = Stream {
        watcher,
        ends_at: Instant::now() + caller.good_for().min(LONGEST),
        after,
        ready: VecDeque::from([wire::come_back()]),
        over: false,
    };
    stream.take(row, events);
    Ok(EventStream::new(stream::unfold(stream, async |mut stream| {
        let event = stream.next().await?;
        Some((event, stream))
    })))
}

/// Whether nothing can happen to the session any more.
fn is_over(row: &session::Model) -> bool {
    row.closed_at.is_some()
}

/// What a client is sent. Dropped with the answer's body, when either side has ended it.
struct Stream {
    watcher: Watcher,
    /// When the token is good no more.
    ends_at: Instant,
    /// The last event that was made ready.
    after: i32,
    ready: VecDeque<Event>,
    /// Nothing comes behind what is ready.
    over: bool,
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        while self.ready.is_empty() && !self.over {
            tokio::select! {
                call = self.watcher.called() => match call {
                    Call::Look => self.look().await,
                    Call::Displaced => {
                        self.ready.push_back(wire::come_back_late());
                        self.over = true;
                    }
                    Call::Closed => self.over = true,
                },
                () = sleep_until(self.ends_at) => self.over = true,
            }
        }
        self.ready.pop_front()
    }

    async fn look(&mut self) {
        match self.watcher.look(self.after).await {
            Ok(Some((row, events))) => self.take(row, events),
            Ok(None) => self.over = true,
            // What was not seen is called again by the next round.
            Err(error) => tracing::warn!(error = %error, "a stream could not read its session"),
        }
    }

    fn take(&mut self, row: session::Model, events: Vec<session_event::Model>) {
        for event in events {
            self.after = event.seq;
            self.ready.push_back(ProgressEvent::new(event, &row).sent());
        }
        if is_over(&row) {
            self.ready.push_back(wire::end(&row));
            self.over = true;
        }
        self.watcher.has_seen(&row);
    }
}
