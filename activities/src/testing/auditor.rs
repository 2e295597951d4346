//! Whether the database, the engine, the meeting service and the mails tell the same story.
//!
//! [`Auditor::look`] compares them once, [`Auditor::settled`] until they agree or patience is over: right after the last
//! command, mails are still under way. [`Auditor::ended`] waits for the workflows to end as well. Of the code under test it shares names (states, keys of events, ids of workflows
//! and messages) and none of its judgement: overlaps are computed from the rows without the constraints, and calendars
//! are what a calendar program would make of the mails that came.

mod calendars;
mod engine;
mod mails;
mod rows;
mod snapshot;

use super::{meetings::MeetingService, world::World};
use snapshot::Snapshot;
use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant as Moment},
};

/// What has happened to the world, and so what may be left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Nothing was away and nobody died: what ran twice the engine has on record.
    Undisturbed,
    /// Steps were cut off and ran again: a mail that was taken just before may have come twice, under one `Message-ID`,
    /// or have no event, and numbers of events may be missing without a trace in a history.
    Disturbed,
}

/// Who compares.
pub struct Auditor<'a> {
    world: &'a World,
    meetings: Option<&'a MeetingService>,
    run: Run,
}

/// What was found, and how much was looked at.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What does not agree, a sentence each; nothing when all is well.
    pub findings: Vec<String>,
    /// Sessions by state.
    pub sessions: BTreeMap<&'static str, usize>,
    /// Mails by kind, as their `Message-ID`s say it.
    pub mails: BTreeMap<String, usize>,
    /// Events of sessions.
    pub n_events: usize,
    /// Numbers that were given to events of steps that had been done before: a step that runs twice leaves a gap.
    pub n_repeats: usize,
    /// Workflows that run on the world's queue.
    pub n_running: usize,
    /// Entries that the calendars of all recipients have in the end.
    pub n_calendar_entries: usize,
    /// Recurring bookings.
    pub n_series: usize,
    /// Places in waitlists.
    pub n_places: usize,
    /// Offers by state.
    pub offers: BTreeMap<String, usize>,
    /// Reviews.
    pub n_reviews: usize,
}

impl<'a> Auditor<'a> {
    /// Of a world in which nothing went wrong.
    #[must_use]
    pub fn new(world: &'a World) -> Self {
        Self {
            world,
            meetings: None,
            run: Run::Undisturbed,
        }
    }

    /// Of a world in which steps were cut off.
    #[must_use]
    pub fn disturbed(self) -> Self {
        Self {
            run: Run::Disturbed,
            ..self
        }
    }

    /// The meeting service is compared as well.
    #[must_use]
    pub fn meetings(self, service: &'a MeetingService) -> Self {
        Self {
            meetings: Some(service),
            ..self
        }
    }

    /// Compare once.
    ///
    /// # Panics
    /// When the database or the engine does not answer.
    pub async fn look(&self) -> Report {
        let found = Snapshot::take(self.world).await;
        let seen = engine::see(self.world, &found).await;
        let mut report = found.report();
        report.n_running = seen.running.len();
        let findings = &mut report.findings;
        rows::check(&found, &seen, self.run, findings);
        engine::check(&found, &seen, findings);
        mails::check(&found, &seen, self.run, self.meetings.is_some(), findings);
        if let Some(service) = self.meetings {
            rows::check_meetings(&found, service, findings);
        }
        report.n_calendar_entries = calendars::check(&found, findings);
        report
    }

    /// Compare until everything agrees, or `patience` is over; the last report.
    ///
    /// # Panics
    /// As [`Auditor::look`].
    pub async fn settled(&self, patience: Duration) -> Report {
        self.agreed(patience, |_| true).await
    }

    /// As [`Auditor::settled`], and until no workflow runs any more: what is over lives on for its review invitation.
    ///
    /// # Panics
    /// As [`Auditor::look`].
    pub async fn ended(&self, patience: Duration) -> Report {
        self.agreed(patience, |report| report.n_running == 0).await
    }

    async fn agreed(&self, patience: Duration, enough: impl Fn(&Report) -> bool) -> Report {
        let began = Moment::now();
        loop {
            let report = self.look().await;
            if (report.findings.is_empty() && enough(&report)) || patience < began.elapsed() {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Report {
    /// End the test where something does not agree.
    ///
    /// # Panics
    /// Then.
    pub fn assert_clean(&self) {
        assert!(self.findings.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 40;
        let Self {
            findings,
            sessions,
            mails,
            n_events,
            n_repeats,
            n_running,
            n_calendar_entries,
            n_series,
            n_places,
            offers,
            n_reviews,
        } = self;
        writeln!(
            f,
            "sessions {sessions:?}, {n_events} events ({n_repeats} repeated), {n_running} running workflows, mails {mails:?}, \
             {n_calendar_entries} calendar entries, {n_series} series, {n_places} places in line, offers {offers:?}, \
             {n_reviews} reviews: {} findings",
            findings.len()
        )?;
        for finding in findings.iter().take(SHOWN) {
            writeln!(f, "- {finding}")?;
        }
        Ok(())
    }
}
