//! The routes of schedules: a specialist's own, and anybody's for those who run the place.

use super::{
    read::{self, Wanted},
    wire::{OverrideList, OverrideRequest, OverrideView, ScheduleRequest, ScheduleView},
    write,
};
use crate::{
    auth::roles::{Admin, OwnSpecialist},
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        instant::Utc,
        page::{Address, Limit},
        params::{IfMatch, IfNoneMatch, Path, SpecialistPath},
        reply::{MaybeUnchanged, Removed, Reply},
        values::LocalDate,
    },
    sessions::{
        self,
        wire::{SessionList, Status, etag},
    },
    state::State,
};
use poem::http::header;
use poem_openapi::{OpenApi, param, param::Query};

/// Schedules.
pub struct SchedulesApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl SchedulesApi {
    /// The caller's own opening hours and limits.
    #[oai(path = "/api/specialist/schedule", method = "get", operation_id = "own_schedule")]
    async fn own(
        &self,
        own: OwnSpecialist,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<ScheduleView>, ApiError> {
        let found = read::schedule(&self.state.db, &own.specialist, deadline).await?;
        Ok(unless_known(found, &known))
    }

    /// Have the caller's own opening hours and limits be so, as a whole.
    ///
    /// What is booked stays; what can be booked follows at once. With `If-Match`, only while the schedule is the version
    /// that the caller has seen; otherwise `412`.
    #[oai(path = "/api/specialist/schedule", method = "put", operation_id = "put_own_schedule")]
    async fn put_own(
        &self,
        own: OwnSpecialist,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ScheduleRequest>,
    ) -> Result<Reply<ScheduleView>, ApiError> {
        let (actor, seen) = (own.caller.acting("specialist", &request_id), seen.version()?);
        let written = write::put(&self.state, own.specialist.id, body.value, seen, &actor, deadline).await?;
        Ok(versioned(written))
    }

    /// The caller's own dates whose hours differ from the ordinary week's.
    #[oai(path = "/api/specialist/overrides", method = "get", operation_id = "own_overrides")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn own_overrides(
        &self,
        own: OwnSpecialist,
        /// That date or later.
        from: Query<Option<LocalDate>>,
        /// That date or earlier.
        to: Query<Option<LocalDate>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<OverrideList>, ApiError> {
        let wanted = wanted(from, to, limit, cursor);
        let list = read::overrides(&self.state.db, own.specialist.id, wanted, deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Give a date of the caller's own hours of its own; none is a day off.
    #[oai(
        path = "/api/specialist/overrides/:date",
        method = "put",
        operation_id = "put_own_override"
    )]
    async fn put_own_override(
        &self,
        own: OwnSpecialist,
        /// The date, in the zone of the schedule.
        date: param::Path<LocalDate>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<OverrideRequest>,
    ) -> Result<Reply<OverrideView>, ApiError> {
        let actor = own.caller.acting("specialist", &request_id);
        let id = own.specialist.id;
        let view = write::put_override(&self.state, id, date.0.0, body.value, &actor, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Give a date of the caller's own its weekly hours again.
    #[oai(
        path = "/api/specialist/overrides/:date",
        method = "delete",
        operation_id = "delete_own_override"
    )]
    async fn delete_own_override(
        &self,
        own: OwnSpecialist,
        /// The date, in the zone of the schedule.
        date: param::Path<LocalDate>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Removed, ApiError> {
        let actor = own.caller.acting("specialist", &request_id);
        write::delete_override(&self.state, own.specialist.id, date.0.0, &actor, deadline).await?;
        Ok(Removed)
    }

    /// The sessions that the caller gives, earliest start first.
    #[oai(path = "/api/specialist/sessions", method = "get", operation_id = "given_sessions")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn sessions(
        &self,
        own: OwnSpecialist,
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
        let wanted = sessions::read::Wanted {
            status: status.0.unwrap_or_default(),
            from: from.0.map(|from| from.0),
            to: to.0.map(|to| to.0),
            limit: limit.0.unwrap_or_default(),
            cursor: cursor.0,
        };
        let list = sessions::read::given(&self.state.db, &own.caller, wanted, deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// The opening hours and limits of any specialist.
    #[oai(
        path = "/api/admin/specialists/:id/schedule",
        method = "get",
        operation_id = "get_schedule"
    )]
    async fn get(
        &self,
        _admin: Admin,
        id: Path<SpecialistPath>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<ScheduleView>, ApiError> {
        let specialist = read::specialist(&self.state.db, id.0.0, deadline).await?;
        let found = read::schedule(&self.state.db, &specialist, deadline).await?;
        Ok(unless_known(found, &known))
    }

    /// Have the opening hours and limits of any specialist be so, as a whole.
    #[oai(
        path = "/api/admin/specialists/:id/schedule",
        method = "put",
        operation_id = "put_schedule"
    )]
    async fn put(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ScheduleRequest>,
    ) -> Result<Reply<ScheduleView>, ApiError> {
        let (actor, seen) = (admin.acting("admin", &request_id), seen.version()?);
        let written = write::put(&self.state, id.0.0, body.value, seen, &actor, deadline).await?;
        Ok(versioned(written))
    }

    /// The dates of any specialist whose hours differ from the ordinary week's.
    #[oai(
        path = "/api/admin/specialists/:id/overrides",
        method = "get",
        operation_id = "list_overrides"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn overrides(
        &self,
        _admin: Admin,
        id: Path<SpecialistPath>,
        /// That date or later.
        from: Query<Option<LocalDate>>,
        /// That date or earlier.
        to: Query<Option<LocalDate>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<OverrideList>, ApiError> {
        let specialist = read::specialist(&self.state.db, id.0.0, deadline).await?;
        let wanted = wanted(from, to, limit, cursor);
        let list = read::overrides(&self.state.db, specialist.id, wanted, deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Give a date of any specialist hours of its own; none is a day off.
    #[oai(
        path = "/api/admin/specialists/:id/overrides/:date",
        method = "put",
        operation_id = "put_override"
    )]
    async fn put_override(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        /// The date, in the zone of the schedule.
        date: param::Path<LocalDate>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<OverrideRequest>,
    ) -> Result<Reply<OverrideView>, ApiError> {
        let actor = admin.acting("admin", &request_id);
        let view = write::put_override(&self.state, id.0.0, date.0.0, body.value, &actor, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Give a date of any specialist its weekly hours again.
    #[oai(
        path = "/api/admin/specialists/:id/overrides/:date",
        method = "delete",
        operation_id = "delete_override"
    )]
    async fn delete_override(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        /// The date, in the zone of the schedule.
        date: param::Path<LocalDate>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Removed, ApiError> {
        let specialist = read::specialist(&self.state.db, id.0.0, deadline).await?;
        let actor = admin.acting("admin", &request_id);
        write::delete_override(&self.state, specialist.id, date.0.0, &actor, deadline).await?;
        Ok(Removed)
    }
}

fn wanted(
    from: Query<Option<LocalDate>>,
    to: Query<Option<LocalDate>>,
    limit: Query<Option<Limit>>,
    cursor: Query<Option<String>>,
) -> Wanted {
    Wanted {
        from: from.0.map(|date| date.0),
        to: to.0.map(|date| date.0),
        limit: limit.0.unwrap_or_default(),
        cursor: cursor.0,
    }
}

fn versioned((view, version): (ScheduleView, i32)) -> Reply<ScheduleView> {
    Reply::new(&view).with(header::ETAG, &etag(version))
}

fn unless_known(found: (ScheduleView, i32), known: &IfNoneMatch) -> MaybeUnchanged<ScheduleView> {
    let has = known.has(&etag(found.1));
    MaybeUnchanged::new((!has).then(|| versioned(found)))
}
