//! Commands to other sessions' workflows: for steps and follow-ups that change more than the session they belong to.

use temporalio_client::{Client, WorkflowHandle, WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{ProfileChanged, workflow_id},
        workflow::SessionBooking,
    },
};

/// Who gives them.
#[derive(Clone)]
pub struct Commands(Client);

/// The engine did not take a command; another attempt may work.
#[derive(Debug, thiserror::Error)]
#[error("the engine did not take the command")]
pub struct NotTaken(#[source] anyhow::Error);

impl Commands {
    /// Commands by that client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
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
        self.0.get_workflow_handle(workflow_id(session))
    }
}
