//! The engine: what the baselines are started by, and what histories tell.

use crate::baselines::{naive::Naive, noop::Noop};
use anyhow::{Context, Result};
use std::time::Duration;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, RetryOptions, RpcOptions, Url,
    WorkflowFetchHistoryOptions, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowUpdateWithStartOptions,
    tonic::IntoRequest,
};
use temporalio_common::protos::temporal::api::{
    self, enums::v1::EventType, history::v1::HistoryEvent, history::v1::history_event::Attributes,
};
use uuid::Uuid;
use workflows::sessions::{
    contract::{Asked, Book},
    workflow::{attributes, summary},
};

/// Connect to the server at `address`.
///
/// # Errors
/// When it is not there.
pub async fn connect(address: &str) -> Result<Client> {
    let url: Url = format!("http://{address}").parse()?;
    let options = ConnectionOptions::new(url)
        .identity("bench")
        // As ours.
        .grpc_compression(GrpcCompression::None)
        .build();
    let connection = Connection::connect(options).await?;
    Ok(Client::new(connection, ClientOptions::new("default").build())?)
}

fn options(queue: &str, id: &str, book: &Book) -> WorkflowUpdateWithStartOptions {
    WorkflowUpdateWithStartOptions::new(queue, id, WorkflowIdConflictPolicy::UseExisting)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .update_id(Uuid::new_v4().to_string())
        .search_attributes(attributes(book))
        .static_summary(summary(book))
        .rpc_options(patience())
        .build()
}

fn patience() -> RpcOptions {
    RpcOptions::builder()
        .timeout(Duration::from_secs(60))
        .retry_options(RetryOptions::no_retries())
        .build()
}

fn asked(book: &Book) -> Asked {
    Asked {
        request_hash: book.request_hash.clone(),
    }
}

/// Start a workflow that does nothing, and wait for its answer.
///
/// # Errors
/// When the engine gives none.
pub async fn noop(client: &Client, queue: &str, book: Book) -> Result<()> {
    let (asked, options) = (asked(&book), options(queue, &format!("noop-{}", book.session), &book));
    let update = client
        .start_update_with_start_workflow(Noop::run, book, Noop::book, asked, options)
        .await?;
    update.get_result(patience()).await?;
    Ok(())
}

/// Start a naive life, and wait until it is confirmed.
///
/// # Errors
/// When the engine gives no answer.
pub async fn naive(client: &Client, queue: &str, book: Book) -> Result<()> {
    let (asked, options) = (asked(&book), options(queue, &naive_id(&book), &book));
    let update = client
        .start_update_with_start_workflow(Naive::run, book, Naive::book, asked, options)
        .await?;
    anyhow::ensure!(update.get_result(patience()).await?, "the naive booking was refused");
    Ok(())
}

/// The workflow id of a naive life.
#[must_use]
pub fn naive_id(book: &Book) -> String {
    format!("naive-{}", book.session)
}

/// Let a workflow's time run ahead to its end.
///
/// # Errors
/// When the server refuses.
pub async fn skip(client: &Client, workflow_id: &str) -> Result<()> {
    let config = api::common::v1::TimeSkippingConfig {
        enabled: true,
        ..Default::default()
    };
    let request = api::workflowservice::v1::UpdateWorkflowExecutionOptionsRequest {
        namespace: "default".to_owned(),
        workflow_execution: Some(api::common::v1::WorkflowExecution {
            workflow_id: workflow_id.to_owned(),
            run_id: String::new(),
        }),
        workflow_execution_options: Some(api::workflow::v1::WorkflowExecutionOptions {
            time_skipping_config: Some(config),
            ..Default::default()
        }),
        update_mask: Some(serde_json::from_str(r#"{"paths":["time_skipping_config"]}"#)?),
        ..Default::default()
    };
    client
        .connection()
        .workflow_service()
        .update_workflow_execution_options(request.into_request())
        .await?;
    Ok(())
}

/// What a history weighs.
#[derive(Clone, Copy, Debug)]
pub struct Weight {
    /// Events, those of the skipping apart.
    pub events: usize,
    /// Tasks of the workflow among them, completed.
    pub tasks: usize,
    /// Their bytes on the wire.
    pub bytes: usize,
}

/// What the histories of a run weighs up to its first mail, and as a whole; nothing while it runs.
///
/// # Errors
/// When the engine does not tell.
pub async fn weigh(client: &Client, workflow_id: &str) -> Result<Option<(Weight, Weight)>> {
    let handle = client.get_workflow_handle::<Noop>(workflow_id);
    let events = handle
        .fetch_history(WorkflowFetchHistoryOptions::default())
        .into_events()
        .await?;
    let closed = events
        .last()
        .is_some_and(|event| event.event_type() == EventType::WorkflowExecutionCompleted);
    if !closed {
        return Ok(None);
    }
    let events: Vec<HistoryEvent> = events.into_iter().filter(|event| !of_skipping(event)).collect();
    let mail = first_mail(&events).context("a life without a mail")?;
    let until = events.get(..=mail).unwrap_or_default();
    Ok(Some((weight(until), weight(&events))))
}

fn of_skipping(event: &HistoryEvent) -> bool {
    let name = event.event_type().as_str_name();
    name.contains("TIME_SKIPPING") || name.contains("OPTIONS_UPDATED")
}

/// The place of the event that says that the first mail is done.
fn first_mail(events: &[HistoryEvent]) -> Option<usize> {
    let mails: Vec<i64> = events
        .iter()
        .filter(|event| match &event.attributes {
            Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                let name = scheduled.activity_type.as_ref().map(|activity| activity.name.as_str());
                name.is_some_and(|name| name.contains("mail"))
            }
            _ => false,
        })
        .map(|event| event.event_id)
        .collect();
    events.iter().position(|event| match &event.attributes {
        Some(Attributes::ActivityTaskCompletedEventAttributes(done)) => mails.contains(&done.scheduled_event_id),
        _ => false,
    })
}

fn weight(events: &[HistoryEvent]) -> Weight {
    let tasks = events
        .iter()
        .filter(|event| event.event_type() == EventType::WorkflowTaskCompleted);
    Weight {
        events: events.len(),
        tasks: tasks.count(),
        bytes: events.iter().map(prost::Message::encoded_len).sum(),
    }
}
