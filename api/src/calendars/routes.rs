//! The routes of calendars.

use super::{feed, read, reply::Ics, wire::FeedView};
use crate::{
    auth::{caller::Caller, roles::OwnSpecialist},
    edge::RequestId,
    error::ApiError,
    http::{
        deadline::Deadline,
        params::{IfNoneMatch, Path, SessionPath},
        reply::Reply,
    },
    state::State,
};
use entities::calendar_feed::Side;
use poem_openapi::{OpenApi, param};

/// Sessions in calendars.
pub struct CalendarsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl CalendarsApi {
    /// A session as iCalendar, for whoever may see it.
    ///
    /// Its event has the UID that it has in mails and in feeds, so that a calendar knows it again.
    #[oai(
        path = "/api/sessions/:id/calendar.ics",
        method = "get",
        operation_id = "session_calendar"
    )]
    async fn session(
        &self,
        caller: Caller,
        id: Path<SessionPath>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<Ics, ApiError> {
        let text = read::session(&self.state, &caller, id.0.0, deadline).await?;
        Ok(Ics::new(text, &known))
    }

    /// Where a calendar can subscribe to all sessions of the caller.
    #[oai(path = "/api/user/calendar-feed", method = "get", operation_id = "calendar_feed")]
    async fn feed(&self, caller: Caller, deadline: Deadline) -> Result<Reply<FeedView>, ApiError> {
        let view = feed::address(&self.state, &caller, Side::Client, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Have another address for that feed; the one before is no more.
    #[oai(
        path = "/api/user/calendar-feed/rotate",
        method = "post",
        operation_id = "rotate_calendar_feed"
    )]
    async fn rotate(
        &self,
        caller: Caller,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<FeedView>, ApiError> {
        let view = feed::rotate(&self.state, &caller, Side::Client, &request_id, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Where a calendar can subscribe to all sessions that the caller gives.
    #[oai(
        path = "/api/specialist/calendar-feed",
        method = "get",
        operation_id = "specialist_calendar_feed"
    )]
    async fn given(&self, own: OwnSpecialist, deadline: Deadline) -> Result<Reply<FeedView>, ApiError> {
        let view = feed::address(&self.state, &own.caller, Side::Specialist, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Have another address for that feed; the one before is no more.
    #[oai(
        path = "/api/specialist/calendar-feed/rotate",
        method = "post",
        operation_id = "rotate_specialist_calendar_feed"
    )]
    async fn rotate_given(
        &self,
        own: OwnSpecialist,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<FeedView>, ApiError> {
        let view = feed::rotate(&self.state, &own.caller, Side::Specialist, &request_id, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// A feed of sessions as iCalendar, for calendars that subscribe to it: the address is all they need.
    ///
    /// It has the sessions that start in the last 90 days or later, a thousand at most, the latest first, and the
    /// confirmed ones that were cancelled in the last 30 days.
    #[oai(path = "/feeds/:token", method = "get", operation_id = "read_calendar_feed")]
    async fn read(
        &self,
        /// What the address of the feed ends with, `.ics` included.
        token: param::Path<String>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<Ics, ApiError> {
        let text = read::feed(&self.state, &token.0, deadline).await?;
        Ok(Ics::new(text, &known).kept(300))
    }
}
