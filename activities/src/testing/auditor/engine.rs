//! What the engine says of the rows.

use super::{World, snapshot::Snapshot};
use entities::session;
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use temporalio_client::{
    Client, WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowFetchHistoryOptions, WorkflowGetResultOptions,
    WorkflowHandle, WorkflowListOptions, WorkflowQueryOptions, errors::WorkflowInteractionError,
};
use temporalio_common::protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
};
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{Entry, session_of, workflow_id},
        state::SessionState,
        workflow::{STATUS, SessionBooking},
    },
    waitlist::{self, state::EntryState},
};

/// As many workflows are asked at once.
const AT_ONCE: usize = 8;

/// What the engine says.
pub(super) struct Seen {
    pub(super) sessions: BTreeMap<SessionId, Sight>,
    /// The ids of the workflows that run on the world's queue.
    pub(super) running: BTreeSet<String>,
}

/// The workflow of a session.
pub(super) struct Sight {
    run: State,
    /// Its own account; of one that has ended, only where something needs it.
    pub(super) timeline: Vec<Entry>,
    /// Whether a step ran twice, where it matters.
    pub(super) repeated: bool,
}

enum State {
    Running {
        /// As it answers.
        status: Option<SessionState>,
        /// As operators see it.
        attribute: Option<String>,
    },
    /// With what it answered in the end.
    Ended(Result<Option<SessionState>, String>),
    Unknown,
    /// It did not answer.
    Silent(String),
}

/// Ask about every session, and what runs.
pub(super) async fn see(world: &World, found: &Snapshot) -> Seen {
    let asked = found.sessions.values().map(|row| async {
        let needs_account = !super::mails::untold(found, row).is_empty();
        let mut sight = look_at(&world.engine, row, needs_account).await;
        if found.n_missing(row) > 0 {
            sight.repeated = has_repeated(&world.engine, row.id).await;
        }
        (row.id, sight)
    });
    let sessions = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    Seen {
        sessions,
        running: running(world).await,
    }
}

/// By visibility, which may be a moment late.
async fn running(world: &World) -> BTreeSet<String> {
    let query = format!("TaskQueue='{}' AND ExecutionStatus='Running'", world.queue);
    let listed = world.engine.list_workflows(query, WorkflowListOptions::default());
    listed.map(|listed| listed.unwrap().id().to_owned()).collect().await
}

async fn look_at(engine: &Client, row: &session::Model, needs_account: bool) -> Sight {
    let handle: WorkflowHandle<_, SessionBooking> = engine.get_workflow_handle(workflow_id(row.id));
    let saw = |run: State| Sight {
        run,
        timeline: Vec::new(),
        repeated: false,
    };
    let described = match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(described) => described,
        Err(WorkflowInteractionError::NotFound(_)) => return saw(State::Unknown),
        Err(error) => return saw(State::Silent(error.to_string())),
    };
    let runs = described.status() == WorkflowExecutionStatus::Running;
    let account = if runs || needs_account {
        let asked = handle.query(SessionBooking::state, (), WorkflowQueryOptions::default());
        match asked.await {
            Ok(account) => Some(account),
            Err(error) => return saw(State::Silent(error.to_string())),
        }
    } else {
        None
    };
    let (status, timeline) = account.map_or((None, Vec::new()), |account| (account.status, account.timeline));
    let run = if runs {
        State::Running {
            status,
            attribute: described.search_attributes().get(&STATUS),
        }
    } else {
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
        State::Ended(ended.map_err(|error| error.to_string()))
    };
    Sight { timeline, ..saw(run) }
}

/// Whether the history shows a task that was done over, local steps and all, or a second attempt of a step.
async fn has_repeated(engine: &Client, session: SessionId) -> bool {
    let handle: WorkflowHandle<_, SessionBooking> = engine.get_workflow_handle(workflow_id(session));
    let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
    let Ok(events) = history.into_events().await else {
        return false;
    };
    events.iter().any(is_repeat)
}

fn is_repeat(event: &HistoryEvent) -> bool {
    match &event.attributes {
        Some(Attributes::WorkflowTaskScheduledEventAttributes(task)) => task.attempt > 1,
        Some(Attributes::ActivityTaskStartedEventAttributes(step)) => step.attempt > 1,
        _ => [EventType::WorkflowTaskFailed, EventType::WorkflowTaskTimedOut].contains(&event.event_type()),
    }
}

pub(super) fn check(found: &Snapshot, seen: &Seen, findings: &mut Vec<String>) {
    for row in found.sessions.values() {
        let Some(sight) = seen.sessions.get(&row.id) else {
            continue;
        };
        sessions(row, sight, findings);
    }
    strays(found, seen, findings);
    let served: BTreeSet<_> = found
        .entries
        .iter()
        .filter(|entry| entry.status == EntryState::Waiting)
        .map(|entry| waitlist::contract::workflow_id(entry.specialist_id))
        .collect();
    for list in served.difference(&seen.running) {
        findings.push(format!("somebody waits, and {list} does not run"));
    }
}

fn sessions(row: &session::Model, sight: &Sight, findings: &mut Vec<String>) {
    let (id, recorded) = (row.id, row.status.as_str());
    let open = row.closed_at.is_none();
    match &sight.run {
        State::Running { status, attribute } => {
            if !open {
                findings.push(format!("session {id} is closed, and its workflow runs"));
            }
            if *status != Some(row.status) {
                findings.push(format!("session {id} is {recorded}, its workflow says {status:?}"));
            }
            if attribute.as_deref() != Some(recorded) {
                findings.push(format!("session {id} is {recorded}, operators see {attribute:?}"));
            }
        }
        State::Ended(answer) => {
            if open {
                let slot = if row.status.blocks() {
                    " and blocks its slot"
                } else {
                    ""
                };
                findings.push(format!(
                    "session {id} is open, {recorded}{slot}, and its workflow has ended"
                ));
            }
            if *answer != Ok(Some(row.status)) {
                findings.push(format!("session {id} is {recorded}, its workflow ended as {answer:?}"));
            }
        }
        State::Unknown if open => {
            let slot = if row.status.blocks() {
                " and blocks its slot"
            } else {
                ""
            };
            findings.push(format!("session {id} is open, {recorded}{slot}, and has no workflow"));
        }
        // Retention has ended as well.
        State::Unknown => {}
        State::Silent(error) => findings.push(format!("the workflow of session {id} does not answer: {error}")),
    }
}

/// What runs for nothing.
fn strays(found: &Snapshot, seen: &Seen, findings: &mut Vec<String>) {
    for id in &seen.running {
        if let Some(session) = session_of(id) {
            let row = found.sessions.get(&session);
            if row.is_none_or(|row| row.closed_at.is_some()) {
                findings.push(format!("{id} runs, and there is no open session of that id"));
            }
        } else if id.starts_with("reconciliation") {
            // It compares as well.
        } else if id.starts_with("webhook-") {
            // It runs for as long as there is something to tell, which the follow-ups and the deliveries say.
        } else if id.starts_with("series-") {
            findings.push(format!("{id} has not ended"));
        } else if let Some(list) = id.strip_prefix("waitlist-") {
            let waits = found
                .entries
                .iter()
                .any(|entry| entry.specialist_id.to_string() == list && entry.status == EntryState::Waiting);
            if !waits {
                findings.push(format!("{id} runs, and nobody waits"));
            }
        } else {
            findings.push(format!("{id} runs, and nobody knows what for"));
        }
    }
}
