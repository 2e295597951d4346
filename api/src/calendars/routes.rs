//! The routes of calendars.

use super::{read, reply::Ics};
use crate::{
    auth::caller::Caller,
    error::ApiError,
    http::{
        deadline::Deadline,
        params::{IfNoneMatch, Path, SessionPath},
    },
    state::State,
};
use poem_openapi::OpenApi;

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
}
