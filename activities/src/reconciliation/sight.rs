//! What the engine says of runs.

use crate::commands::{NotTaken, within};
use futures::TryStreamExt;
use std::collections::BTreeSet;
use temporalio_client::{
    Client, WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowHandle, WorkflowListOptions,
    errors::WorkflowInteractionError,
    tonic::{IntoRequest, Status},
};
use temporalio_common::{
    protos::temporal::api::workflowservice::v1::ListWorkflowExecutionsRequest,
    search_attributes::{SearchAttributes, Timestamp},
};
use workflows::{
    sessions::workflow::{STARTS_AT, STATUS, SessionBooking},
    time::Instant,
};

use super::PAGE;

/// The engine, and the queue whose runs are ours.
pub(super) struct Engine {
    client: Client,
    queue: String,
}

/// A run, as described.
pub(super) enum Sight {
    /// It runs.
    Runs(Account),
    /// It has ended.
    Ended {
        /// When, where that is known.
        at: Option<Instant>,
    },
    /// There is none, or there is no telling any more.
    Unknown,
}

/// What a run of a session tells of itself.
pub(super) struct Account {
    /// When it began.
    pub(super) since: Option<Instant>,
    /// Where its session stands, as operators see it.
    pub(super) status: Option<String>,
    /// When its session begins, as operators see it.
    pub(super) starts_at: Option<Instant>,
}

impl Account {
    fn new(since: Option<Instant>, attributes: &SearchAttributes) -> Self {
        let instant = |at: Timestamp| jiff::Timestamp::new(at.seconds(), at.nanos()).ok();
        Self {
            since,
            status: attributes.get(&STATUS),
            starts_at: attributes.get(&STARTS_AT).and_then(instant).map(Instant::new),
        }
    }
}

impl Sight {
    /// Whether nothing runs, and nothing has a moment ago.
    pub(super) fn is_over(&self, before: Instant) -> bool {
        match self {
            Self::Runs(_) => false,
            Self::Ended { at } => at.is_none_or(|at| at <= before),
            Self::Unknown => true,
        }
    }
}

impl Engine {
    pub(super) fn new(client: Client, queue: &str) -> Self {
        Self {
            client,
            queue: queue.to_owned(),
        }
    }

    /// How a run is now: not by the list, but by its own record.
    pub(super) async fn describe(&self, id: &str) -> Result<Sight, NotTaken> {
        // Any workflow is described alike.
        let run: WorkflowHandle<Client, SessionBooking> = self.client.get_workflow_handle(id);
        within(async {
            match run.describe(WorkflowDescribeOptions::default()).await {
                Ok(found) if found.status() == WorkflowExecutionStatus::Running => {
                    let since = found.start_time().map(Instant::from);
                    Ok(Sight::Runs(Account::new(since, &found.search_attributes())))
                }
                Ok(found) => Ok(Sight::Ended {
                    at: found.close_time().map(Instant::from),
                }),
                Err(WorkflowInteractionError::NotFound(_)) => Ok(Sight::Unknown),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// The ids of runs between two ids, as the list has them: whoever is missing has to be described.
    pub(super) async fn listed(&self, first: &str, last: &str) -> Result<BTreeSet<String>, NotTaken> {
        let query = format!(
            "TaskQueue = '{}' AND ExecutionStatus = 'Running' AND WorkflowId BETWEEN '{first}' AND '{last}'",
            self.queue
        );
        let most = usize::try_from(2 * PAGE).unwrap_or(usize::MAX);
        let options = WorkflowListOptions::builder().limit(most).build();
        let listed = self.client.list_workflows(query, options);
        within(listed.map_ok(|run| run.id().to_owned()).try_collect()).await
    }

    /// A page of the runs of sessions, as the list has them, behind `token`; with that of the next.
    pub(super) async fn sessions(&self, token: Vec<u8>) -> Result<(Vec<(String, Account)>, Vec<u8>), NotTaken> {
        let request = ListWorkflowExecutionsRequest {
            namespace: self.client.options().namespace.clone(),
            page_size: i32::try_from(PAGE).unwrap_or(i32::MAX),
            next_page_token: token,
            query: format!(
                "TaskQueue = '{}' AND ExecutionStatus = 'Running' AND WorkflowType = 'session_booking'",
                self.queue
            ),
        };
        let mut service = self.client.connection().workflow_service();
        within(async {
            let page = service.list_workflow_executions(request.into_request()).await?;
            let page = page.into_inner();
            let runs = page.executions.into_iter().filter_map(|run| {
                let id = run.execution?.workflow_id;
                let attributes = run.search_attributes.as_ref().map(SearchAttributes::from_proto);
                Some((id, Account::new(None, &attributes.unwrap_or_default())))
            });
            Ok::<_, Status>((runs.collect(), page.next_page_token))
        })
        .await
    }
}
