//! The routes of sessions.

use super::{
    book::{self, Booking},
    command::{self, Order},
    events::{follow, wire::EventStream},
    read::{self, Wanted},
    wire::{self, BookRequest, CancelRequest, ChangeRequest, ProgressView, SessionList, SessionView, Status, etag},
};
use crate::{
    auth::caller::Caller,
    edge::RequestId,
    error::{ApiError, Thing},
    http::{
        body::Body,
        deadline::Deadline,
        instant::Utc,
        page::{Address, Limit},
        params::{IdempotencyKey, IfMatch, IfNoneMatch, Path, Prefer, SessionPath},
        reply::{Booked, MaybeUnchanged, Reply, answer},
    },
    series::{self, wire::SeriesView},
    state::State,
    temporal::EngineError,
};
use poem::{IntoResponse, Response, http::header};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Query},
    registry::{MetaResponses, MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};

/// Sessions.
pub struct SessionsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/sessions")]
impl SessionsApi {
    /// Book a session.
    ///
    /// `202` says that the slot is the caller's; with `Prefer: wait=10` the answer waits for the confirmation and is
    /// then `201`. Repeating the call with the same `Idempotency-Key` returns the same session as it is now, with `201`
    /// when it is confirmed. With a `recurrence`, a series is booked and answered as a whole.
    #[oai(path = "/", method = "post", operation_id = "book")]
    async fn book(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: IdempotencyKey,
        #[oai(name = "Prefer")] prefer: Prefer,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<BookRequest>,
    ) -> Result<BookReply, ApiError> {
        let (key, hash) = (key.or_fresh(), self.state.hasher.hash(&body.canonical));
        // A hold is confirmed by its client, so there is nothing to wait for.
        let wait = prefer.0.filter(|_| body.value.hold != Some(true));
        let wanted = body.value.into_wanted();
        let recurrence = wanted.recurrence;
        let booking = Booking::new(&caller, key.clone(), hash, wanted, request_id, deadline);
        if let Some((recurrence, mode)) = recurrence {
            let view = series::book::book(&self.state, booking, recurrence, mode).await?;
            let reply = Reply::new(&view)
                .with(header::LOCATION, &series::wire::address(view.series_id))
                .with(IdempotencyKey::HEADER, &key);
            return Ok(BookReply::Series(Booked::new(reply, false, false)));
        }
        let (view, repeated) = book::book(&self.state, booking, wait).await?;
        let reply = Reply::new(&view)
            .with(header::LOCATION, &wire::address(view.id))
            .with(header::ETAG, &view.etag())
            .with(IdempotencyKey::HEADER, &key);
        let shown = repeated || wait.is_some();
        let confirmed = shown && view.status == Status::Confirmed;
        Ok(BookReply::Session(Booked::new(reply, confirmed, wait.is_some())))
    }

    /// The caller's own sessions, latest start first.
    #[oai(path = "/", method = "get", operation_id = "list_sessions")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn list(
        &self,
        caller: Caller,
        /// In one of these states; may be given several times.
        status: Query<Option<Vec<Status>>>,
        /// Starts then or later.
        from: Query<Option<Utc>>,
        /// Starts before.
        to: Query<Option<Utc>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<SessionList>, ApiError> {
        let wanted = Wanted {
            status: status.0.unwrap_or_default(),
            from: from.0.map(|from| from.0),
            to: to.0.map(|to| to.0),
            limit: limit.0.unwrap_or_default(),
            cursor: cursor.0,
        };
        let list = read::list(&self.state.db, &caller, wanted, deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// A session, as the database has it.
    ///
    /// With `If-None-Match` a version that the caller has is `304`.
    #[oai(path = "/:id", method = "get", operation_id = "get_session")]
    async fn get(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<SessionView>, ApiError> {
        let has = |version| known.has(&etag(version));
        let view = self
            .state
            .sessions
            .one(&self.state.db, &caller, id.0.0, has, deadline)
            .await?;
        Ok(MaybeUnchanged::new(
            view.map(|view| Reply::new(&view).with(header::ETAG, &view.etag())),
        ))
    }

    /// What the session's workflow says of itself, by query.
    #[oai(path = "/:id/progress", method = "get", operation_id = "session_progress")]
    async fn progress(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        deadline: Deadline,
    ) -> Result<Reply<ProgressView>, ApiError> {
        let row = read::row(&self.state.db, &caller, id.0.0, deadline).await?;
        let answer = self.state.engine.progress(row.id, deadline.instant()).await;
        let (run_id, progress) = answer.map_err(|error| match error {
            EngineError::NoRun => ApiError::NotFound(Thing::Workflow),
            EngineError::Unreachable | EngineError::Unknown => ApiError::EngineUnavailable,
        })?;
        Ok(Reply::new(&ProgressView::new(row.id, run_id, progress)))
    }

    /// Change a session: move it, change its notes, or both.
    ///
    /// With `If-Match`, only while it is the version that the caller has seen; otherwise `412`.
    #[oai(path = "/:id", method = "put", operation_id = "change_session")]
    async fn change(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ChangeRequest>,
    ) -> Result<Reply<SessionView>, ApiError> {
        let order = order(&caller, &id, request_id, deadline);
        let view = command::change(&self.state, order, body.value.into_wanted(), seen.version()?).await?;
        Ok(Reply::new(&view).with(header::ETAG, &view.etag()))
    }

    /// What happens to a session, as it happens: server-sent events, from the first one on.
    ///
    /// Each is a `progress` event whose id is its `seq`; a client that comes back with `Last-Event-ID` goes on behind it.
    /// When nothing can happen to the session any more, an `end` event is the last one; coming back after it is `204`.
    /// A stream also ends when its token does, when its user opens an eleventh one (the oldest ends), and when this
    /// process stops: come back then.
    #[oai(path = "/:id/events", method = "get", operation_id = "session_events")]
    async fn events(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        /// The last event that the client has.
        #[oai(name = "Last-Event-ID")]
        last: Header<Option<i32>>,
        /// The same, for clients that cannot set headers.
        last_event_id: Query<Option<i32>>,
        deadline: Deadline,
    ) -> Result<EventStream, ApiError> {
        follow::follow(&self.state, &caller, id.0.0, last.0.or(last_event_id.0), deadline).await
    }

    /// Cancel a session.
    ///
    /// Cancelling one that is cancelled answers the same.
    #[oai(path = "/:id", method = "delete", operation_id = "cancel_session")]
    async fn cancel(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<CancelRequest>,
    ) -> Result<Reply<SessionView>, ApiError> {
        let order = order(&caller, &id, request_id, deadline);
        let view = command::cancel(&self.state, order, body.value.reason).await?;
        Ok(Reply::new(&view).with(header::ETAG, &view.etag()))
    }

    /// Confirm a hold.
    ///
    /// A second time answers the same.
    #[oai(path = "/:id/confirm", method = "post", operation_id = "confirm_session")]
    async fn confirm(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<SessionView>, ApiError> {
        let order = order(&caller, &id, request_id, deadline);
        let view = command::confirm(&self.state, order).await?;
        Ok(Reply::new(&view).with(header::ETAG, &view.etag()))
    }

    /// Say that the client did not come: its specialist, from the start until 48 hours after it.
    #[oai(path = "/:id/no-show", method = "post", operation_id = "session_no_show")]
    async fn no_show(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<SessionView>, ApiError> {
        let order = order(&caller, &id, request_id, deadline);
        let view = command::no_show(&self.state, order).await?;
        Ok(Reply::new(&view).with(header::ETAG, &view.etag()))
    }
}

/// What was booked.
enum BookReply {
    Session(Booked<SessionView>),
    Series(Booked<SeriesView>),
}

impl IntoResponse for BookReply {
    fn into_response(self) -> Response {
        match self {
            Self::Session(booked) => booked.into_response(),
            Self::Series(booked) => booked.into_response(),
        }
    }
}

impl ApiResponse for BookReply {
    fn meta() -> MetaResponses {
        let either = MetaSchema {
            one_of: vec![SessionView::schema_ref(), SeriesView::schema_ref()],
            ..MetaSchema::ANY
        };
        let either = MetaSchemaRef::Inline(Box::new(either));
        MetaResponses {
            responses: vec![
                answer(201, "Booked and confirmed.", Some(SessionView::schema_ref())),
                answer(
                    202,
                    "The slot is the caller's, or the series; the rest goes on.",
                    Some(either),
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        SessionView::register(registry);
        SeriesView::register(registry);
    }
}

fn order<'a>(caller: &'a Caller, id: &Path<SessionPath>, request_id: RequestId, deadline: Deadline) -> Order<'a> {
    Order {
        caller,
        session: id.0.0,
        request_id,
        deadline,
    }
}
