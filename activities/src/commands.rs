//! Commands to other workflows: for steps and follow-ups that change more than what they belong to.

use crate::error::StepError;
use entities::session;
use std::{future::Future, time::Duration};
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowSignalOptions, WorkflowStartOptions, WorkflowUpdateWithStartOptions,
    errors::{WorkflowInteractionError, WorkflowUpdateError},
};
use temporalio_common::search_attributes::SearchAttributes;
use tokio::time::timeout;
use uuid::Uuid;
use workflows::{
    accounts::{
        contract::{self as accounts, DeleteAccount},
        workflow::AccountDeletion,
    },
    busy_feeds::{
        contract::{self as busy_feeds, Follow},
        workflow::BusyFeed,
    },
    ids::{BusyFeedId, SessionId, SpecialistId, UserId, WebhookId},
    sessions::{
        contract::{Answer, Book, CURRENT_FLOW, Cancel, ProfileChanged, ServiceChoice, workflow_id},
        error::SessionError,
        workflow::{CLIENT, SPECIALIST, STATUS, SessionBooking, attributes, summary},
    },
    time::Instant,
    waitlist::{
        contract::{self as waitlist, Leave, Placed, Watch},
        workflow::Waitlist,
    },
    webhooks::{
        contract::{self as webhooks, Deliver},
        workflow::WebhookDelivery,
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

impl From<NotTaken> for StepError {
    fn from(error: NotTaken) -> Self {
        Self::Passing {
            code: "engine_unavailable",
            source: error.into(),
        }
    }
}

impl Commands {
    /// Commands by that client; what they start runs on the queue `bookings`.
    #[must_use]
    pub fn new(client: Client, bookings: &str) -> Self {
        Self {
            client,
            queue: bookings.to_owned(),
        }
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
        // As its row is: until its first step has answered, the run would be shown, and found, to say otherwise.
        let mut shown = attributes(&book);
        shown.apply(STATUS.value_set(row.status.as_str().to_owned()));
        let options = WorkflowStartOptions::new(&self.queue, workflow_id(row.id))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .search_attributes(shown)
            .static_summary(summary(&book))
            .build();
        let start = self.client.start_workflow(SessionBooking::run, book, options);
        within(async { start.await.map(drop) }).await
    }

    /// Call a session off, once under that id; answers why not, where it refuses. One whose run has ended stays as it is.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn cancel(
        &self,
        session: SessionId,
        id: &str,
        command: Cancel,
    ) -> Result<Option<SessionError>, NotTaken> {
        let options = WorkflowExecuteUpdateOptions::builder().update_id(id.to_owned()).build();
        let run = self.run(session);
        within(async {
            match run.execute_update(SessionBooking::cancel, command, options).await {
                Ok(Answer::Refused(error)) => Ok(Some(error)),
                Ok(Answer::Done(_)) | Err(WorkflowUpdateError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
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
        within(async {
            match signal.await {
                Ok(()) | Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Have the run of a session take over what its row says, once under that id. One that has ended needs nothing.
    ///
    /// A run whose row is gone ends by it.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn look_again(&self, session: SessionId, once: Uuid) -> Result<(), NotTaken> {
        let change = ProfileChanged {
            time_zone: false,
            look_again: true,
        };
        let options = WorkflowSignalOptions::builder().request_id(once.to_string()).build();
        let run = self.run(session);
        let signal = run.signal(SessionBooking::profile_changed, change, options);
        within(async {
            match signal.await {
                Ok(()) | Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Start the run of a deletion whose account is marked already, unless it runs; the command has lapsed at `now`, so
    /// that it marks nobody.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn carry_deletion_through(&self, user: UserId, now: Instant) -> Result<(), NotTaken> {
        let command = DeleteAccount {
            flow: accounts::CURRENT_FLOW,
            user,
            not_after: now.plus_minutes(-1),
            request_id: None,
        };
        let options = WorkflowStartOptions::new(&self.queue, accounts::workflow_id(user))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .search_attributes(SearchAttributes::new([CLIENT.value_set(user.to_string())]))
            .static_summary(accounts::summary(user))
            .build();
        let start = self.client.start_workflow(AccountDeletion::run, command, options);
        within(async { start.await.map(drop) }).await
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

    /// Have the calendar of a feed read now, and from now on.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn follow_feed(&self, feed: BusyFeedId) -> Result<(), NotTaken> {
        let options = WorkflowStartOptions::new(&self.queue, busy_feeds::workflow_id(feed))
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .static_summary(busy_feeds::summary(feed))
            .build();
        let signal =
            self.client
                .signal_with_start_workflow(BusyFeed::run, Follow::new(feed), BusyFeed::changed, (), options);
        within(async { signal.await.map(drop) }).await
    }

    /// Have the run of a removed feed notice; one that has ended has.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn leave_feed(&self, feed: BusyFeedId) -> Result<(), NotTaken> {
        let run: WorkflowHandle<Client, BusyFeed> = self.client.get_workflow_handle(busy_feeds::workflow_id(feed));
        let signal = run.signal(BusyFeed::changed, (), WorkflowSignalOptions::default());
        within(async {
            match signal.await {
                Ok(()) | Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Give up a place in a specialist's waitlist, whose run is started where none runs.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn leave(&self, specialist: SpecialistId, command: Leave) -> Result<Placed, NotTaken> {
        let id = waitlist::workflow_id(specialist);
        let options = WorkflowUpdateWithStartOptions::new(&self.queue, id, WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            // A fresh one: an id that is known may be answered by a run that has ended, and leaving twice is leaving.
            .update_id(Uuid::new_v4().to_string())
            .search_attributes(SearchAttributes::new([SPECIALIST.value_set(specialist.to_string())]))
            .static_summary(waitlist::summary(specialist))
            .build();
        let watch = Watch::new(specialist);
        let left =
            self.client
                .execute_update_with_start_workflow(Waitlist::run, watch, Waitlist::leave, command, options);
        within(left).await
    }

    /// Have an endpoint told of a session what it has yet to be told.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn webhook_told(&self, endpoint: WebhookId, session: SessionId) -> Result<(), NotTaken> {
        let options = WorkflowStartOptions::new(&self.queue, webhooks::workflow_id(endpoint, session))
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .static_summary(webhooks::summary(endpoint, session))
            .build();
        let deliver = Deliver::new(endpoint, session);
        let signal =
            self.client
                .signal_with_start_workflow(WebhookDelivery::run, deliver, WebhookDelivery::told, (), options);
        within(async { signal.await.map(drop) }).await
    }

    fn run(&self, session: SessionId) -> WorkflowHandle<Client, SessionBooking> {
        self.client.get_workflow_handle(workflow_id(session))
    }
}

/// A call to the engine, which may take no longer than a step has patience for.
pub(crate) async fn within<T, E: Into<anyhow::Error>>(call: impl Future<Output = Result<T, E>>) -> Result<T, NotTaken> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(NotTaken(error.into())),
        Err(late) => Err(NotTaken(late.into())),
    }
}
