//! Commands to other sessions' workflows: for steps and follow-ups that change more than the session they belong to.

use crate::error::StepError;
use entities::session;
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowSignalOptions, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowUpdateError},
};
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{Answer, Book, CURRENT_FLOW, Cancel, ProfileChanged, ServiceChoice, workflow_id},
        workflow::{SessionBooking, attributes, summary},
    },
};

/// Who gives them.
#[derive(Clone)]
pub struct Commands {
    client: Client,
    queue: String,
}

/// The engine did not take a command; another attempt may work.
#[derive(Debug, thiserror::Error)]
#[error("the engine did not take the command")]
pub struct NotTaken(#[source] anyhow::Error);

impl From<NotTaken> for StepError {
    fn from(error: NotTaken) -> Self {
        Self::Passing {
            code: "engine_unavailable",
            source: error.into(),
        }
    }
}

impl Commands {
    /// Commands by that client; sessions are started on the queue `queue`.
    #[must_use]
    pub fn new(client: Client, queue: String) -> Self {
        Self { client, queue }
    }

    /// Start the workflow of a session that another one has reserved, unless it runs.
    ///
    /// Its reserving step finds the row; the command has lapsed, so that without a row it books nothing.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn start(&self, row: &session::Model) -> Result<(), NotTaken> {
        let book = Book {
            flow: CURRENT_FLOW,
            session: row.id,
            specialist: row.specialist_id,
            client: row.client_id,
            service: ServiceChoice::Id(row.service_id),
            starts_at: row.starts_at,
            time_zone: Some(row.time_zone.clone()),
            notes: row.notes_id,
            hold: row.hold_expires_at.is_some(),
            request_hash: row.request_hash.clone(),
            not_after: row.created_at.plus_minutes(-1),
            request_id: None,
        };
        let options = WorkflowStartOptions::new(&self.queue, workflow_id(row.id))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .search_attributes(attributes(&book))
            .static_summary(summary(&book))
            .build();
        match self.client.start_workflow(SessionBooking::run, book, options).await {
            Ok(_) => Ok(()),
            Err(error) => Err(NotTaken(error.into())),
        }
    }

    /// Call a session off, once under that id. One that refuses, or whose run has ended, stays as it is.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn cancel(&self, session: SessionId, id: &str, command: Cancel) -> Result<(), NotTaken> {
        let options = WorkflowExecuteUpdateOptions::builder().update_id(id.to_owned()).build();
        match self
            .run(session)
            .execute_update(SessionBooking::cancel, command, options)
            .await
        {
            Ok(Answer::Done(_) | Answer::Refused(_)) | Err(WorkflowUpdateError::NotFound(_)) => Ok(()),
            Err(error) => Err(NotTaken(error.into())),
        }
    }

    /// Have a session follow its client's profile. One whose run has ended has nothing to follow with.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn profile_changed(&self, session: SessionId, change: ProfileChanged) -> Result<(), NotTaken> {
        let run = self.run(session);
        let signal = run.signal(
            SessionBooking::profile_changed,
            change,
            WorkflowSignalOptions::default(),
        );
        match signal.await {
            Ok(()) | Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
            Err(error) => Err(NotTaken(error.into())),
        }
    }

    fn run(&self, session: SessionId) -> WorkflowHandle<Client, SessionBooking> {
        self.client.get_workflow_handle(workflow_id(session))
    }
}
