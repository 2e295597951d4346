//! The few calls made to the engine, typed; the only file with a client in it.
//!
//! The connection is made when it is first needed, so that reads are served while the engine is away, and made anew
//! after a failure. A call first connects, together with everybody else who waits for that, then sends once. What fails
//! before a command was handed to the wire is [`EngineError::Unreachable`]; what fails after that is
//! [`EngineError::Unknown`], because the engine may have kept it. Nothing is cancelled because a caller left.

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use std::{
    error::Error,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use temporalio_client::{
    Client, ClientKeepAliveOptions, Connection, ConnectionOptions, RetryOptions, RpcOptions, WorkflowDescribeOptions,
    WorkflowExecutionStatus, WorkflowGetResultOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowQueryOptions, WorkflowStartOptions, WorkflowStartUpdateOptions, WorkflowUpdateWithStartOptions,
    errors::{
        WorkflowInteractionError, WorkflowQueryError, WorkflowStartError, WorkflowUpdateError,
        WorkflowUpdateWithStartError,
    },
    tonic::{Code, ConnectError, Status},
};
use temporalio_common::{HasWorkflowDefinition, UpdateDefinition, search_attributes::SearchAttributes};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;
use workflows::{
    accounts::{
        contract::{self as accounts, DeleteAccount, Marked},
        workflow::AccountDeletion,
    },
    ids::{SessionId, SpecialistId},
    series::{
        contract::{self as series, BookSeries, CancelSeries, SeriesAnswer},
        workflow::{SeriesBooking, SeriesCancellation},
    },
    sessions::{
        contract::{Answer, Asked, Book, Booked, Progress, workflow_id},
        workflow::{CLIENT, SPECIALIST, SessionBooking, attributes, summary},
    },
    waitlist::{
        contract::{self as waitlist, Placed, Watch},
        workflow::Waitlist,
    },
};

/// How long one call may take, connecting included.
const CALL: Duration = Duration::from_secs(2);
/// How long connecting may take; what is left of a call is for the command.
const CONNECT: Duration = Duration::from_millis(1_500);

/// Why the engine gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It was not reached, or refused before it did anything: nothing has been done.
    #[error("the engine was not reached")]
    Unreachable,
    /// It was sent the command and did not answer: the command may have been kept.
    #[error("the engine did not answer")]
    Unknown,
    /// The session has no run that could answer.
    #[error("the session has no open run")]
    NoRun,
}

/// The engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    options: ConnectionOptions,
    namespace: String,
    queue: String,
    link: Mutex<Link>,
}

/// The connection, as far as it goes.
struct Link {
    state: LinkState,
    /// Counts connections, so that a late failure of an old one does not end a new one.
    generation: u64,
    /// Whether the last attempt failed: the log tells of changes, not of each attempt.
    down: bool,
}

enum LinkState {
    Idle,
    Connecting(Shared<BoxFuture<'static, Result<Linked, EngineError>>>),
    Ready(Linked),
}

#[derive(Clone)]
struct Linked {
    client: Client,
    generation: u64,
}

impl Engine {
    /// The engine that the configuration names; nothing is connected yet.
    ///
    /// # Errors
    /// When a file of the TLS configuration cannot be read.
    pub fn new(settings: &settings::Engine) -> std::io::Result<Self> {
        let mut options = settings.connection(&format!("aroti-api-{}", std::process::id()))?;
        options.connect_timeout = Some(CONNECT);
        options.retry_options = RetryOptions::no_retries();
        // A server takes pings that come more often than every 10 s for an attack.
        let (interval, timeout) = (Duration::from_secs(15), Duration::from_secs(5));
        options.keep_alive = Some(
            ClientKeepAliveOptions::builder()
                .interval(interval)
                .timeout(timeout)
                .build(),
        );
        // One address, resolved anew with each connection.
        options.dns_load_balancing = None;
        let (namespace, queue) = (settings.namespace.clone(), settings.task_queue.clone());
        let link = Mutex::new(Link {
            state: LinkState::Idle,
            generation: 0,
            down: false,
        });
        Ok(Self(Arc::new(Inner {
            options,
            namespace,
            queue,
            link,
        })))
    }

    /// Book: start the session's workflow, or join the one that runs, and wait for what becomes of the reservation.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] or [`EngineError::Unknown`].
    pub async fn book(&self, book: Book, by: Instant) -> Result<Booked, EngineError> {
        let queue = self.0.queue.clone();
        self.call(by, move |linked, deadline| async move {
            // A known update id is answered from a closed run: a fresh one each time keeps a refusal from sticking.
            let options = WorkflowUpdateWithStartOptions::new(
                queue,
                workflow_id(book.session),
                WorkflowIdConflictPolicy::UseExisting,
            )
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .update_id(fresh_id())
            .search_attributes(attributes(&book))
            .static_summary(summary(&book))
            .rpc_options(within(deadline))
            .build();
            let asked = Asked {
                request_hash: book.request_hash.clone(),
            };
            let update = linked
                .client
                .start_update_with_start_workflow(SessionBooking::run, book, SessionBooking::book, asked, options)
                .await
                .map_err(|error| not_started(&error))?;
            update
                .get_result(within(deadline))
                .await
                .map_err(|error| unanswered(&error))
        })
        .await
    }

    /// Book a series: start its workflow, or join the one that runs, and wait for what becomes of the reservation.
    ///
    /// # Errors
    /// As [`Engine::book`].
    pub async fn book_series(&self, book: BookSeries, by: Instant) -> Result<SeriesAnswer, EngineError> {
        let queue = self.0.queue.clone();
        self.call(by, move |linked, deadline| async move {
            let options = WorkflowUpdateWithStartOptions::new(
                queue,
                series::workflow_id(book.series),
                WorkflowIdConflictPolicy::UseExisting,
            )
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .update_id(fresh_id())
            .rpc_options(within(deadline))
            .build();
            let asked = Asked {
                request_hash: book.request_hash.clone(),
            };
            let update = linked
                .client
                .start_update_with_start_workflow(SeriesBooking::run, book, SeriesBooking::book, asked, options)
                .await
                .map_err(|error| not_started(&error))?;
            update
                .get_result(within(deadline))
                .await
                .map_err(|error| unanswered(&error))
        })
        .await
    }

    /// Call a series off: start the workflow that does, or join the one that runs, and wait until it has.
    ///
    /// # Errors
    /// As [`Engine::book`].
    pub async fn cancel_series(&self, command: CancelSeries, by: Instant) -> Result<(), EngineError> {
        let queue = self.0.queue.clone();
        self.call(by, move |linked, deadline| async move {
            let options = WorkflowStartOptions::new(queue, series::cancellation_id(command.series))
                .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
                .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
                .rpc_options(within(deadline))
                .build();
            let run = linked
                .client
                .start_workflow(SeriesCancellation::run, command, options)
                .await
                .map_err(|error| match error {
                    WorkflowStartError::Rpc(status) => from_status(&status),
                    other => odd("start", &other),
                })?;
            let options = WorkflowGetResultOptions::builder()
                .rpc_options(within(deadline))
                .build();
            run.get_result(options).await.map_err(|error| {
                tracing::warn!(error = &error as &dyn Error, "a series was not called off in time");
                EngineError::Unknown
            })
        })
        .await
    }

    /// Delete an account: start the workflow that does, or join the one that runs, and wait until the account is marked.
    ///
    /// # Errors
    /// As [`Engine::book`].
    pub async fn delete_account(&self, command: DeleteAccount, by: Instant) -> Result<Marked, EngineError> {
        let queue = self.0.queue.clone();
        self.call(by, move |linked, deadline| async move {
            let user = command.user;
            let options = WorkflowUpdateWithStartOptions::new(
                queue,
                accounts::workflow_id(user),
                WorkflowIdConflictPolicy::UseExisting,
            )
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .update_id(fresh_id())
            .search_attributes(SearchAttributes::new([CLIENT.value_set(user.to_string())]))
            .static_summary(accounts::summary(user))
            .rpc_options(within(deadline))
            .build();
            let update = linked
                .client
                .start_update_with_start_workflow(AccountDeletion::run, command, AccountDeletion::delete, (), options)
                .await
                .map_err(|error| not_started(&error))?;
            update
                .get_result(within(deadline))
                .await
                .map_err(|error| unanswered(&error))
        })
        .await
    }

    /// Give a session's workflow a command, such as [`SessionBooking::cancel`].
    ///
    /// # Errors
    /// [`EngineError::NoRun`] when its workflow has ended or never was; otherwise as [`Engine::book`].
    pub async fn command<U>(
        &self,
        session: SessionId,
        update: U,
        command: U::Input,
        by: Instant,
    ) -> Result<Answer, EngineError>
    where
        U: UpdateDefinition<Workflow = <SessionBooking as HasWorkflowDefinition>::Run, Output = Answer>,
        U::Input: Send,
    {
        self.call(by, move |linked, deadline| async move {
            let options = WorkflowStartUpdateOptions::builder()
                .update_id(fresh_id())
                .rpc_options(within(deadline))
                .build();
            let update = linked
                .run(session)
                .start_update(update, command, options)
                .await
                .map_err(|error| not_updated(&error))?;
            update
                .get_result(within(deadline))
                .await
                .map_err(|error| unanswered(&error))
        })
        .await
    }

    /// Give a specialist's waitlist a command, such as [`Waitlist::join`]; its run is started where none runs.
    ///
    /// # Errors
    /// As [`Engine::book`].
    pub async fn waitlist<U>(
        &self,
        specialist: SpecialistId,
        update: U,
        command: U::Input,
        by: Instant,
    ) -> Result<Placed, EngineError>
    where
        U: UpdateDefinition<Workflow = <Waitlist as HasWorkflowDefinition>::Run, Output = Placed>,
        U::Input: Send,
    {
        let queue = self.0.queue.clone();
        self.call(by, move |linked, deadline| async move {
            let options = WorkflowUpdateWithStartOptions::new(
                queue,
                waitlist::workflow_id(specialist),
                WorkflowIdConflictPolicy::UseExisting,
            )
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .update_id(fresh_id())
            .search_attributes(SearchAttributes::new([SPECIALIST.value_set(specialist.to_string())]))
            .static_summary(waitlist::summary(specialist))
            .rpc_options(within(deadline))
            .build();
            let update = linked
                .client
                .start_update_with_start_workflow(Waitlist::run, Watch::new(specialist), update, command, options)
                .await
                .map_err(|error| not_started(&error))?;
            update
                .get_result(within(deadline))
                .await
                .map_err(|error| unanswered(&error))
        })
        .await
    }

    /// The workflow as it stands, and the id of the run that answered.
    ///
    /// # Errors
    /// [`EngineError::NoRun`] when the engine knows no such workflow any more, otherwise [`EngineError::Unreachable`].
    pub async fn progress(&self, session: SessionId, by: Instant) -> Result<(String, Progress), EngineError> {
        let answer = self.call(by, move |linked, deadline| async move {
            let options = WorkflowDescribeOptions::builder().rpc_options(within(deadline)).build();
            let described = linked
                .run(session)
                .describe(options)
                .await
                .map_err(|error| match error {
                    WorkflowInteractionError::NotFound(status) => missing(&status),
                    WorkflowInteractionError::Rpc(status) => from_status(&status),
                    other => odd("describe", &other),
                })?;
            let options = WorkflowQueryOptions::builder().rpc_options(within(deadline)).build();
            let progress = linked
                .run(session)
                .query(SessionBooking::state, (), options)
                .await
                .map_err(|error| match error {
                    WorkflowQueryError::NotFound(status) => missing(&status),
                    WorkflowQueryError::Rpc(status) => from_status(&status),
                    other => odd("query", &other),
                })?;
            Ok((described.run_id().to_owned(), progress))
        });
        // A question leaves nothing behind: unanswered is unreachable.
        answer.await.map_err(|error| {
            if error == EngineError::Unknown {
                EngineError::Unreachable
            } else {
                error
            }
        })
    }

    /// Whether a session's workflow is running.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`].
    pub async fn is_running(&self, session: SessionId, by: Instant) -> Result<bool, EngineError> {
        let answer = self.call(by, move |linked, deadline| async move {
            let options = WorkflowDescribeOptions::builder().rpc_options(within(deadline)).build();
            match linked.run(session).describe(options).await {
                Ok(run) => Ok(run.status() == WorkflowExecutionStatus::Running),
                Err(WorkflowInteractionError::NotFound(status)) => match missing(&status) {
                    EngineError::NoRun => Ok(false),
                    error => Err(error),
                },
                Err(WorkflowInteractionError::Rpc(status)) => Err(from_status(&status)),
                Err(other) => Err(odd("describe", &other)),
            }
        });
        answer.await.map_err(|_| EngineError::Unreachable)
    }

    /// Connect, then let `command` run once, all of it within [`CALL`] and before `by`.
    async fn call<T, F>(&self, by: Instant, command: impl FnOnce(Linked, Instant) -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let deadline = by.min(Instant::now() + CALL);
        let linked = timeout_at(deadline, self.linked())
            .await
            .unwrap_or(Err(EngineError::Unreachable))?;
        let generation = linked.generation;
        let answer = timeout_at(deadline, command(linked, deadline))
            .await
            .unwrap_or_else(|_| {
                tracing::warn!("the engine did not answer in time");
                Err(EngineError::Unknown)
            });
        if matches!(answer, Err(EngineError::Unreachable | EngineError::Unknown)) {
            // Whatever is wrong with this connection, the next call does not inherit it.
            self.0.drop_link(generation);
        }
        answer
    }

    /// A client that is, or a moment ago was, connected.
    async fn linked(&self) -> Result<Linked, EngineError> {
        let connecting = {
            let mut link = self.0.link.lock().unwrap_or_else(PoisonError::into_inner);
            match &link.state {
                LinkState::Ready(linked) => return Ok(linked.clone()),
                LinkState::Connecting(connecting) => connecting.clone(),
                LinkState::Idle => {
                    link.generation += 1;
                    let inner = Arc::clone(&self.0);
                    let generation = link.generation;
                    // A task of its own: the one who began to connect may leave while others wait.
                    let task = tokio::spawn(async move { inner.connect(generation).await });
                    let connecting = task
                        .map(|done| done.unwrap_or(Err(EngineError::Unreachable)))
                        .boxed()
                        .shared();
                    link.state = LinkState::Connecting(connecting.clone());
                    connecting
                }
            }
        };
        connecting.await
    }
}

impl Inner {
    async fn connect(&self, generation: u64) -> Result<Linked, EngineError> {
        let connected = timeout_at(Instant::now() + CONNECT, Connection::connect(self.options.clone())).await;
        let connected = match connected {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} ms", CONNECT.as_millis())),
        };
        let client = connected
            .and_then(|connection| settings::client(connection, &self.namespace).map_err(|error| error.to_string()));
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        match client {
            Ok(client) => {
                tracing::info!("connected to the engine");
                let linked = Linked { client, generation };
                link.down = false;
                link.state = LinkState::Ready(linked.clone());
                Ok(linked)
            }
            Err(error) => {
                if !link.down {
                    tracing::error!(
                        error,
                        "cannot connect to the engine; commands are refused until it is back"
                    );
                }
                link.down = true;
                link.state = LinkState::Idle;
                Err(EngineError::Unreachable)
            }
        }
    }

    fn drop_link(&self, generation: u64) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&link.state, LinkState::Ready(linked) if linked.generation == generation) {
            link.state = LinkState::Idle;
        }
    }
}

impl Linked {
    fn run(&self, session: SessionId) -> WorkflowHandle<Client, SessionBooking> {
        self.client.get_workflow_handle(workflow_id(session))
    }
}

/// An id for an update, which is told apart from the others of its run only; histories keep it four times.
fn fresh_id() -> String {
    let mut id = Uuid::new_v4().simple().to_string();
    id.truncate(12);
    id
}

/// One attempt, until the deadline.
fn within(deadline: Instant) -> RpcOptions {
    RpcOptions::builder()
        .timeout(deadline.saturating_duration_since(Instant::now()))
        .retry_options(RetryOptions::no_retries())
        .build()
}

/// A booking that was not accepted.
fn not_started(error: &WorkflowUpdateWithStartError) -> EngineError {
    match error {
        WorkflowUpdateWithStartError::Rpc(status)
        | WorkflowUpdateWithStartError::Start(WorkflowStartError::Rpc(status)) => from_status(status),
        // Refused as an update of a run that was there before: what that run does is not known here.
        WorkflowUpdateWithStartError::Update(WorkflowUpdateError::Rpc(status)) => {
            tracing::warn!(%status, "the engine did not take the update");
            EngineError::Unknown
        }
        other => odd("book", other),
    }
}

/// A command that was not accepted.
fn not_updated(error: &WorkflowUpdateError) -> EngineError {
    match error {
        WorkflowUpdateError::NotFound(status) => missing(status),
        WorkflowUpdateError::Rpc(status) => from_status(status),
        other => odd("update", other),
    }
}

/// A command that was accepted and whose outcome did not arrive.
fn unanswered(error: &WorkflowUpdateError) -> EngineError {
    tracing::warn!(
        error = error as &dyn Error,
        "the engine accepted a command and did not answer it"
    );
    EngineError::Unknown
}

fn missing(status: &Status) -> EngineError {
    if names_the_namespace(status) {
        from_status(status)
    } else {
        EngineError::NoRun
    }
}

fn names_the_namespace(status: &Status) -> bool {
    const NAME: &[u8] = b"NamespaceNotFoundFailure";
    status.details().windows(NAME.len()).any(|window| window == NAME)
}

/// What a failed call says about the command.
///
/// "Nothing was done" is claimed in two cases only: no connection could be opened, or the engine itself refused before
/// it looked at the command. An answer of the engine has no source; what a broken connection leaves has one.
fn from_status(status: &Status) -> EngineError {
    if chain(status).any(|error| error.is::<ConnectError>()) {
        tracing::warn!(%status, "cannot connect to the engine");
        return EngineError::Unreachable;
    }
    let answered = status.source().is_none();
    match status.code() {
        Code::ResourceExhausted if answered => {
            tracing::warn!(%status, "the engine has too much to do");
            EngineError::Unreachable
        }
        Code::InvalidArgument | Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented if answered => {
            tracing::error!(%status, "the engine refuses what we ask; is it set up for us?");
            EngineError::Unreachable
        }
        Code::NotFound if answered && names_the_namespace(status) => {
            tracing::error!(%status, "the engine does not know our namespace");
            EngineError::Unreachable
        }
        _ => {
            tracing::warn!(%status, "the engine did not answer");
            EngineError::Unknown
        }
    }
}

/// What should not happen; the command was sent.
fn odd(call: &str, error: &(dyn Error + 'static)) -> EngineError {
    tracing::error!(error, call, "the engine answered what nobody expected");
    EngineError::Unknown
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests;
