//! Reports on the wire.

use crate::http::instant::Utc;
use entities::daily_report;
use poem_openapi::Object;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;
use workflows::ids::SpecialistId;

/// What a day of UTC came to.
#[derive(Debug, Object, Serialize)]
pub struct ReportView {
    /// The day.
    pub date: String,
    /// Sessions that were confirmed for the first time.
    pub bookings: i32,
    /// Confirmed sessions that were called off.
    pub cancellations: i32,
    /// Sessions of which was said that the client did not come.
    pub no_shows: i32,
    /// Sessions that took place.
    pub completed: i32,
    /// Holds and offers that nobody confirmed in time.
    pub expired_holds: i32,
    /// Mails about sessions that a mail server has taken, reminders among them.
    pub mails_sent: i32,
    /// Reminders among them.
    pub reminders_sent: i32,
    /// How much later than due the latest reminder was sent; `null` where there was none.
    #[oai(nullable)]
    pub reminder_lateness_max_ms: Option<i64>,
    /// How much later than due they were sent on average; `null` where there was none.
    #[oai(nullable)]
    pub reminder_lateness_mean_ms: Option<i64>,
    /// People who booked.
    pub clients: i32,
    /// Those among them who had had a session before that day.
    pub returning_clients: i32,
    /// Who was booked most, ten at most.
    pub specialists: Vec<BookedView>,
    /// When it was counted.
    pub created_at: Utc,
}

/// How often a specialist was booked.
#[derive(Debug, Object, Serialize)]
pub struct BookedView {
    /// Who.
    pub id: Uuid,
    /// What they are called now.
    pub name: String,
    /// How often.
    pub bookings: i64,
}

impl ReportView {
    /// The report, with what specialists are called.
    #[must_use]
    pub fn new(report: daily_report::Model, names: &BTreeMap<SpecialistId, String>) -> Self {
        let daily_report::Model {
            date,
            bookings,
            cancellations,
            no_shows,
            completed,
            expired_holds,
            mails_sent,
            reminders_sent,
            reminder_lateness_max_ms,
            reminder_lateness_mean_ms,
            clients,
            returning_clients,
            specialists,
            created_at,
        } = report;
        let booked = specialists.0.into_iter().map(|booked| BookedView {
            id: booked.id.0,
            name: names.get(&booked.id).cloned().unwrap_or_default(),
            bookings: booked.bookings,
        });
        Self {
            date: date.0.to_string(),
            bookings,
            cancellations,
            no_shows,
            completed,
            expired_holds,
            mails_sent,
            reminders_sent,
            reminder_lateness_max_ms,
            reminder_lateness_mean_ms,
            clients,
            returning_clients,
            specialists: booked.collect(),
            created_at: created_at.into(),
        }
    }
}

/// A page of reports.
#[derive(Debug, Object, Serialize)]
pub struct ReportList {
    /// The reports, the newest day first.
    pub items: Vec<ReportView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}
