//! Commands given without the HTTP layer.

pub use activities::testing::days::in_days;
use activities::testing::world::World;
use jiff::Timestamp;
use temporalio_client::{
    WorkflowDescribeOptions, WorkflowExecuteUpdateOptions, WorkflowFetchHistoryOptions, WorkflowGetResultOptions,
    WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions,
    WorkflowUpdateWithStartOptions,
};
use temporalio_common::{HasWorkflowDefinition, UpdateDefinition};
use uuid::Uuid;
use workflows::{
    accounts::{
        contract::{self as accounts, DeleteAccount, Marked},
        workflow::AccountDeletion,
    },
    ids::{SeriesId, SessionId, SpecialistId, TextId, UserId},
    series::{
        contract::{self as series, BookSeries, CancelSeries, Mode, SeriesAnswer, series_id},
        workflow::{SeriesBooking, SeriesCancellation},
    },
    sessions::{
        contract::{
            Amend, Answer, Asked, Book, Booked, CURRENT_FLOW, Cancel, ConfirmHold, NoShow, Notes, Reschedule, Role,
            ServiceChoice, session_id, workflow_id,
        },
        workflow::SessionBooking,
    },
    time::Instant,
};

/// A booking of the first service.
pub fn booking(client: UserId, key: &str, specialist: SpecialistId, starts_at: Instant) -> Book {
    Book {
        flow: CURRENT_FLOW,
        session: session_id(client, key),
        specialist,
        client,
        service: ServiceChoice::Minutes(60),
        starts_at,
        time_zone: None,
        notes: None,
        hold: false,
        request_hash: "hash".to_owned(),
        not_after: Instant::new(Timestamp::now()).plus_minutes(2),
        request_id: None,
    }
}

/// Book, as the HTTP layer does.
pub async fn book(world: &World, book: Book) -> Booked {
    let asked = Asked {
        request_hash: book.request_hash.clone(),
    };
    let options = WorkflowUpdateWithStartOptions::new(
        &world.queue,
        workflow_id(book.session),
        WorkflowIdConflictPolicy::UseExisting,
    )
    .update_id(Uuid::new_v4().to_string())
    .build();
    world
        .engine
        .execute_update_with_start_workflow(SessionBooking::run, book, SessionBooking::book, asked, options)
        .await
        .unwrap()
}

/// Give a command, as the HTTP layer does.
pub async fn give<U>(world: &World, session: SessionId, update: U, command: U::Input) -> Answer
where
    U: UpdateDefinition<Workflow = <SessionBooking as HasWorkflowDefinition>::Run, Output = Answer>,
    U::Input: Send,
{
    world
        .engine
        .get_workflow_handle::<SessionBooking>(workflow_id(session))
        .execute_update(update, command, WorkflowExecuteUpdateOptions::builder().build())
        .await
        .unwrap()
}

/// No command of these tests lapses, however far their time is skipped.
pub fn much_later() -> Instant {
    Instant::new(Timestamp::now()).plus_minutes(5 * 366 * 24 * 60)
}

/// Cancel, as the HTTP layer does.
pub async fn cancel(world: &World, session: SessionId, role: Role) -> Answer {
    let command = Cancel {
        role,
        actor: None,
        reason: None,
        only_hold: false,
        not_after: much_later(),
        request_id: None,
    };
    give(world, session, SessionBooking::cancel, command).await
}

/// Decline what is offered, as the HTTP layer does.
pub async fn decline(world: &World, session: SessionId) -> Answer {
    let command = Cancel {
        role: Role::Client,
        actor: None,
        reason: None,
        only_hold: true,
        not_after: much_later(),
        request_id: None,
    };
    give(world, session, SessionBooking::cancel, command).await
}

/// How often the engine has tried the step that is under way.
pub async fn attempts(world: &World, session: SessionId) -> i32 {
    let run = world.engine.get_workflow_handle::<SessionBooking>(workflow_id(session));
    let described = run.describe(WorkflowDescribeOptions::default()).await.unwrap();
    described
        .raw()
        .pending_activities
        .iter()
        .map(|activity| activity.attempt)
        .max()
        .unwrap_or(0)
}

/// Move a session.
pub async fn reschedule(world: &World, session: SessionId, role: Role, starts_at: Instant) -> Answer {
    let command = Reschedule {
        id: Uuid::new_v4(),
        role,
        actor: None,
        starts_at,
        notes: Notes::Keep,
        version: None,
        not_after: much_later(),
        request_id: None,
    };
    give(world, session, SessionBooking::reschedule, command).await
}

/// Other notes.
pub async fn amend(world: &World, session: SessionId, text: TextId) -> Answer {
    let command = Amend {
        id: Uuid::new_v4(),
        role: Role::Client,
        actor: None,
        notes: Notes::Replace(text),
        version: None,
        not_after: much_later(),
        request_id: None,
    };
    give(world, session, SessionBooking::amend, command).await
}

/// Confirm a hold.
pub async fn confirm(world: &World, session: SessionId) -> Answer {
    let command = ConfirmHold {
        actor: None,
        not_after: much_later(),
        request_id: None,
    };
    give(world, session, SessionBooking::confirm, command).await
}

/// Say that the client did not come.
pub async fn no_show(world: &World, session: SessionId) -> Answer {
    let command = NoShow {
        role: Role::Specialist,
        actor: None,
        not_after: much_later(),
        request_id: None,
    };
    give(world, session, SessionBooking::no_show, command).await
}

/// Events of the histories of all runs of a session.
pub async fn n_events(world: &World, session: SessionId) -> Vec<usize> {
    let mut runs = Vec::new();
    let mut run_id: Option<String> = None;
    loop {
        let current = world.engine.get_workflow_handle::<SessionBooking>(workflow_id(session));
        let mut info = current.info().clone();
        info.run_id = run_id.clone();
        let run: WorkflowHandle<_, SessionBooking> = WorkflowHandle::new(world.engine.clone(), info);
        let history = run.fetch_history(WorkflowFetchHistoryOptions::default());
        let events: serde_json::Value = serde_json::from_slice(&history.to_json().await.unwrap()).unwrap();
        let events = events["events"].as_array().unwrap().clone();
        runs.insert(0, events.len());
        let before = events[0].to_string();
        let marker = "continued_execution_run_id\":\"";
        let Some(at) = before.find(marker) else { return runs };
        let id: String = before[at + marker.len()..].chars().take_while(|c| *c != '"').collect();
        if id.is_empty() {
            return runs;
        }
        run_id = Some(id);
    }
}

/// Book a series of these starts, all or none, as the HTTP layer does.
pub async fn book_series(
    world: &World,
    client: UserId,
    key: &str,
    specialist: SpecialistId,
    starts: Vec<Instant>,
) -> (SeriesId, SeriesAnswer) {
    let series = series_id(client, key);
    let book = BookSeries {
        flow: series::CURRENT_FLOW,
        series,
        specialist,
        client,
        service: ServiceChoice::Minutes(60),
        starts,
        time_zone: None,
        notes: None,
        mode: Mode::AllOrNothing,
        request_hash: "hash".to_owned(),
        not_after: much_later(),
        request_id: None,
    };
    let asked = Asked {
        request_hash: book.request_hash.clone(),
    };
    let id = series::workflow_id(series);
    let options = WorkflowUpdateWithStartOptions::new(&world.queue, id, WorkflowIdConflictPolicy::UseExisting)
        .update_id(Uuid::new_v4().to_string())
        .build();
    let answer = world
        .engine
        .execute_update_with_start_workflow(SeriesBooking::run, book, SeriesBooking::book, asked, options)
        .await
        .unwrap();
    (series, answer)
}

/// Call a series off, as the HTTP layer does.
pub async fn cancel_series(world: &World, series: SeriesId) {
    let command = CancelSeries {
        series,
        id: Uuid::new_v4(),
        role: Role::Client,
        actor: None,
        reason: None,
        not_after: much_later(),
        request_id: None,
    };
    let options = WorkflowStartOptions::new(&world.queue, series::cancellation_id(series)).build();
    let run = world.engine.start_workflow(SeriesCancellation::run, command, options);
    let ended = run.await.unwrap().get_result(WorkflowGetResultOptions::default()).await;
    ended.unwrap();
}

/// Delete an account, as the HTTP layer does.
pub async fn delete_account(world: &World, user: UserId) -> Marked {
    let command = DeleteAccount {
        flow: accounts::CURRENT_FLOW,
        user,
        not_after: much_later(),
        request_id: None,
    };
    let id = accounts::workflow_id(user);
    let options = WorkflowUpdateWithStartOptions::new(&world.queue, id, WorkflowIdConflictPolicy::UseExisting)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .update_id(Uuid::new_v4().to_string())
        .build();
    world
        .engine
        .execute_update_with_start_workflow(AccountDeletion::run, command, AccountDeletion::delete, (), options)
        .await
        .unwrap()
}
