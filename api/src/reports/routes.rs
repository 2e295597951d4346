//! The routes of reports.

use super::{
    read,
    wire::{ReportList, ReportView},
};
use crate::{
    auth::roles::Admin,
    error::ApiError,
    http::{
        deadline::Deadline,
        page::{Address, Limit},
        reply::Reply,
        values::LocalDate,
    },
    state::State,
};
use poem_openapi::{
    OpenApi,
    param::{self, Query},
};

/// Reports.
pub struct ReportsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/admin/reports")]
impl ReportsApi {
    /// The reports that have been made, the newest day first. Days are those of UTC.
    #[oai(path = "/", method = "get", operation_id = "list_reports")]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn list(
        &self,
        _admin: Admin,
        /// From that day on.
        from: Query<Option<LocalDate>>,
        /// Up to that day, included.
        to: Query<Option<LocalDate>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<ReportList>, ApiError> {
        let (from, to) = (from.0.map(|date| date.0), to.0.map(|date| date.0));
        let limit = limit.0.unwrap_or_default();
        let list = read::list(&self.state.db, (from, to), limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// The report of a day of UTC, such as `2026-06-01`.
    ///
    /// One of the last 400 days is made now where that has not been done.
    /// `404 report_not_found` for a day that is not over, or longer ago than that without a report.
    #[oai(path = "/:date", method = "get", operation_id = "get_report")]
    async fn get(
        &self,
        _admin: Admin,
        /// The day.
        date: param::Path<String>,
        deadline: Deadline,
    ) -> Result<Reply<ReportView>, ApiError> {
        let view = read::one(&self.state.db, &date.0, deadline).await?;
        Ok(Reply::new(&view))
    }
}
