//! The schedules that start a workflow again and again: made and brought up to date by every worker that starts.
//!
//! Several at once do no harm: they want the same. What operators have done (a pause, a note) stays.

use std::time::Duration;
use temporalio_client::{
    Client,
    schedules::{
        CreateScheduleOptions, ScheduleAction, ScheduleDescription, ScheduleDescriptionAction, ScheduleError,
        ScheduleIntervalSpec, ScheduleOverlapPolicy, ScheduleSpec, ScheduleUpdate,
    },
    tonic::Code,
};
use temporalio_common::protos::temporal::api::enums::v1::ScheduleOverlapPolicy as Overlap;
use tokio::{sync::watch, time::timeout};
use workflows::{
    insights::{
        contract::{self as insights, COMING_DAYS, PrepareInsights},
        workflow::DailyInsights,
    },
    reconciliation::{
        contract::{self as reconciliation, EVERY_MINUTES, GRACE_MINUTES, Reconcile},
        workflow::Reconciliation,
    },
    reports::{
        contract::{self as reports, ReportDay},
        workflow::DailyReport,
    },
};

const DAY: Duration = Duration::from_secs(86_400);
/// What was missed while the engine was down is made up for, so far back.
pub const CATCH_UP: Duration = Duration::from_secs(7 * 86_400);
/// When insights are prepared: no zone is near its midnight for want of them, they are days ahead.
const INSIGHTS_HOUR_UTC: u8 = 3;
/// Between attempts, while the engine does not take them.
const PAUSE: Duration = Duration::from_secs(30);

/// How often the reconciliation looks.
const QUARTER: Duration = Duration::from_secs(60 * EVERY_MINUTES as u64);

/// At which hours what is done daily is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// The report of the day before: an hour of UTC, 0 to 23.
    pub report_hour_utc: u8,
}

/// Keeps the schedules as they are to be.
#[derive(Clone)]
pub struct Schedules {
    client: Client,
    queue: String,
    timetable: Timetable,
}

/// A schedule as it is to be.
struct Wanted {
    id: String,
    workflow_type: &'static str,
    action: ScheduleAction,
    /// The start input, as the engine keeps it.
    input: serde_json::Value,
    rhythm: Rhythm,
}

/// When a schedule starts a run.
#[derive(Clone, Copy)]
struct Rhythm {
    every: Duration,
    /// After the beginning of the day, or of the quarter.
    offset: Duration,
    /// What was missed while the engine was down is made up for, so far back.
    catch_up: Duration,
    overlap: Overlap,
}

impl Rhythm {
    /// Once a day at that hour; days of UTC have no other length.
    fn daily(hour_utc: u8, overlap: Overlap) -> Self {
        Self {
            every: DAY,
            offset: Duration::from_secs(u64::from(hour_utc) * 3_600),
            catch_up: CATCH_UP,
            overlap,
        }
    }

    fn spec(self) -> ScheduleSpec {
        let every = ScheduleIntervalSpec::new(self.every, Some(self.offset));
        ScheduleSpec::builder().intervals(vec![every]).build()
    }
}

impl Schedules {
    /// The schedules of workflows on `queue`.
    #[must_use]
    pub fn new(client: Client, queue: &str, timetable: Timetable) -> Self {
        Self {
            client,
            queue: queue.to_owned(),
            timetable,
        }
    }

    /// Bring them up to date, however long the engine does not take it, until `stopped`.
    pub async fn keep(&self, stopped: &mut watch::Receiver<bool>) {
        while !*stopped.borrow_and_update() {
            match self.apply().await {
                Ok(()) => return,
                Err(error) => tracing::warn!(error = %error, "the schedules have to wait to be brought up to date"),
            }
            // A change of the watch ends the pause.
            timeout(PAUSE, stopped.changed()).await.ok();
        }
    }

    /// Make what is not there and change what is otherwise, now.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn apply(&self) -> Result<(), ScheduleError> {
        for wanted in [self.insights(), self.report(), self.reconciliation()] {
            self.apply_one(wanted).await?;
        }
        Ok(())
    }

    /// The next run makes up for the ones before it, so that one waiting is enough.
    fn insights(&self) -> Wanted {
        let id = insights::schedule_id(&self.queue);
        let input = PrepareInsights {
            flow: insights::CURRENT_FLOW,
            coming_days: COMING_DAYS,
        };
        Wanted {
            workflow_type: "daily_insights",
            input: serde_json::to_value(&input).unwrap_or_default(),
            action: ScheduleAction::start_workflow(DailyInsights::run, input, &self.queue, &id),
            id,
            rhythm: Rhythm::daily(INSIGHTS_HOUR_UTC, Overlap::BufferOne),
        }
    }

    /// Each run has a day of its own: one whose mail has to wait holds up no other.
    fn report(&self) -> Wanted {
        let id = reports::schedule_id(&self.queue);
        let input = ReportDay {
            flow: reports::CURRENT_FLOW,
            date: None,
        };
        Wanted {
            workflow_type: "daily_report",
            input: serde_json::to_value(&input).unwrap_or_default(),
            action: ScheduleAction::start_workflow(DailyReport::run, input, &self.queue, &id),
            id,
            rhythm: Rhythm::daily(self.timetable.report_hour_utc, Overlap::AllowAll),
        }
    }

    /// A run looks at everything, so that none is missed, and none waits for the one before it.
    fn reconciliation(&self) -> Wanted {
        let id = reconciliation::schedule_id(&self.queue);
        let input = Reconcile::new(GRACE_MINUTES);
        Wanted {
            workflow_type: "reconciliation",
            input: serde_json::to_value(&input).unwrap_or_default(),
            action: ScheduleAction::start_workflow(Reconciliation::run, input, &self.queue, &id),
            id,
            rhythm: Rhythm {
                every: QUARTER,
                offset: Duration::ZERO,
                catch_up: QUARTER,
                overlap: Overlap::Skip,
            },
        }
    }

    async fn apply_one(&self, wanted: Wanted) -> Result<(), ScheduleError> {
        let schedule = self.client.get_schedule_handle(&wanted.id);
        let found = match schedule.describe(Default::default()).await {
            Err(error) if has_code(&error, Code::NotFound) => {
                let options = CreateScheduleOptions::builder()
                    .action(wanted.action.clone())
                    .spec(wanted.rhythm.spec())
                    .overlap_policy(policy(wanted.rhythm.overlap))
                    .build();
                match self.client.create_schedule(&wanted.id, options).await {
                    Ok(_) => tracing::info!("made the schedule {}", wanted.id),
                    // Another worker was faster.
                    Err(error) if has_code(&error, Code::AlreadyExists) => {}
                    Err(error) => return Err(error),
                }
                schedule.describe(Default::default()).await?
            }
            found => found?,
        };
        if wanted.is(&found, &self.queue).await {
            return Ok(());
        }
        // Only where it is otherwise: an update forgets the runs that are overdue. Its state is left as operators have it.
        let Wanted { id, action, rhythm, .. } = wanted;
        let change = move |schedule: &mut ScheduleUpdate| {
            schedule
                .set_spec(rhythm.spec())
                .set_action(action)
                .set_overlap_policy(policy(rhythm.overlap))
                .set_catchup_window(rhythm.catch_up);
        };
        schedule.update(change, Default::default()).await?;
        tracing::info!("brought the schedule {id} up to date");
        Ok(())
    }
}

impl Wanted {
    /// Whether the engine has it so.
    async fn is(&self, found: &ScheduleDescription, queue: &str) -> bool {
        let Some(schedule) = &found.raw().schedule else {
            return false;
        };
        let mut every = schedule.spec.iter().flat_map(|spec| &spec.interval);
        let in_time = every.next().is_some_and(|one| {
            let phase = one.phase.map_or(Ok(Duration::ZERO), Duration::try_from);
            one.interval.map(Duration::try_from) == Some(Ok(self.rhythm.every)) && phase == Ok(self.rhythm.offset)
        });
        let policies = schedule.policies.as_ref().is_some_and(|policies| {
            policies.overlap_policy == self.rhythm.overlap as i32
                && policies.catchup_window.map(Duration::try_from) == Some(Ok(self.rhythm.catch_up))
        });
        let ScheduleDescriptionAction::StartWorkflow(action) = found.action() else {
            return false;
        };
        let input: Option<serde_json::Value> = action.args().await.ok().flatten();
        in_time
            && every.next().is_none()
            && policies
            && action.workflow_type() == self.workflow_type
            && action.task_queue() == queue
            && action.workflow_id() == self.id
            && input.as_ref() == Some(&self.input)
    }
}

fn policy(overlap: Overlap) -> ScheduleOverlapPolicy {
    match overlap {
        Overlap::AllowAll => ScheduleOverlapPolicy::AllowAll,
        Overlap::Skip => ScheduleOverlapPolicy::Skip,
        _ => ScheduleOverlapPolicy::BufferOne,
    }
}

fn has_code(error: &ScheduleError, code: Code) -> bool {
    matches!(error, ScheduleError::Rpc(status) if status.code() == code)
}
