//! Commands to other workflows: for steps and follow-ups that change more than what they belong to.

use std::{future::Future, time::Duration};
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowSignalOptions, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowUpdateError},
};
use temporalio_common::search_attributes::SearchAttributes;
use tokio::time::timeout;
use workflows::{
    ids::{SessionId, SpecialistId},
    sessions::{
        contract::{Book, Cancel, ProfileChanged, workflow_id},
        workflow::{SPECIALIST, SessionBooking, attributes, summary},
    },
    waitlist::{
        contract::{self as waitlist, Watch},
        workflow::Waitlist,
    },
};

/// How long the engine may take, less than an attempt of a step may.
const PATIENCE: Duration = Duration::from_secs(8);

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

impl Commands {
    /// Commands by that client; what they start runs on the queue `bookings`.
    #[must_use]
    pub fn new(client: Client, bookings: &str) -> Self {
        Self {
            client,
            queue: bookings.to_owned(),
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

    /// Start the run of a session; one that runs already goes on.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn start(&self, book: Book) -> Result<(), NotTaken> {
        let options = WorkflowStartOptions::new(&self.queue, workflow_id(book.session))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .search_attributes(attributes(&book))
            .static_summary(summary(&book))
            .build();
        let start = self.client.start_workflow(SessionBooking::run, book, options);
        within(async { start.await.map(drop) }).await
    }

    /// Have a session's run call it off. One that has ended has nothing to call off.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn cancel(&self, session: SessionId, command: Cancel) -> Result<(), NotTaken> {
        let run = self.run(session);
        let options = WorkflowExecuteUpdateOptions::builder().build();
        within(async {
            match run.execute_update(SessionBooking::cancel, command, options).await {
                // A no is an answer as well.
                Ok(_) | Err(WorkflowUpdateError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Have a specialist's waitlist looked at.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn slot_freed(&self, specialist: SpecialistId) -> Result<(), NotTaken> {
        let options = WorkflowStartOptions::new(&self.queue, waitlist::workflow_id(specialist))
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .search_attributes(SearchAttributes::new([SPECIALIST.value_set(specialist.to_string())]))
            .static_summary(waitlist::summary(specialist))
            .build();
        let watch = Watch::new(specialist);
        let signal = self
            .client
            .signal_with_start_workflow(Waitlist::run, watch, Waitlist::slot_freed, (), options);
        within(async { signal.await.map(drop) }).await
    }

    fn run(&self, session: SessionId) -> WorkflowHandle<Client, SessionBooking> {
        self.client.get_workflow_handle(workflow_id(session))
    }
}

async fn within<E: Into<anyhow::Error>>(call: impl Future<Output = Result<(), E>>) -> Result<(), NotTaken> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(NotTaken(error.into())),
        Err(late) => Err(NotTaken(late.into())),
    }
}
