//! The engine in tests: the server that all share, a server of one's own, and time that is skipped.

use super::{port::free_port, wait::until};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, Url,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api;
use tokio::net::TcpStream;
use uuid::Uuid;

/// Where the server is that `make test` starts.
///
/// # Panics
/// When it did not.
#[must_use]
pub fn shared_address() -> String {
    env::var("TEST_TEMPORAL_ADDRESS").expect("TEST_TEMPORAL_ADDRESS names no server: `make test` starts one")
}

/// Connect to the server at `address`, as soon as it is there.
///
/// # Panics
/// When it does not come up.
pub async fn connect(address: &str) -> Client {
    let url: Url = format!("http://{address}").parse().unwrap();
    let options = ConnectionOptions::new(url)
        .identity("test")
        .connect_timeout(Duration::from_secs(2))
        .grpc_compression(GrpcCompression::None)
        .build();
    let connection = until("the engine answers", async || {
        Connection::connect(options.clone()).await.ok()
    })
    .await;
    Client::new(connection, ClientOptions::new("default").build()).unwrap()
}

/// Let the time of one workflow run ahead while nothing happens in it: by `ahead`, or to its next timer and on.
///
/// # Panics
/// When the server refuses.
pub async fn skip(client: &Client, workflow_id: &str, ahead: Option<Duration>) {
    try_skip(client, workflow_id, ahead).await.unwrap();
}

/// As [`skip`], of a workflow that may have ended.
///
/// # Errors
/// What the server says; `NotFound` when no run is open.
///
/// # Panics
/// Never.
pub async fn try_skip(client: &Client, workflow_id: &str, ahead: Option<Duration>) -> Result<(), Status> {
    let config = api::common::v1::TimeSkippingConfig {
        enabled: true,
        fast_forward_config: ahead.map(|ahead| api::common::v1::FastForwardConfig {
            id: Uuid::new_v4().to_string(),
            duration: Some(ahead.try_into().unwrap()),
        }),
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
        update_mask: Some(serde_json::from_str(r#"{"paths":["time_skipping_config"]}"#).unwrap()),
        ..Default::default()
    };
    client
        .connection()
        .workflow_service()
        .update_workflow_execution_options(request.into_request())
        .await
        .map(drop)
}

/// Forget a workflow's history, as retention does in the end.
///
/// # Panics
/// When the server refuses.
pub async fn delete_history(client: &Client, workflow_id: &str) {
    let execution = || {
        Some(api::common::v1::WorkflowExecution {
            workflow_id: workflow_id.to_owned(),
            run_id: String::new(),
        })
    };
    let request = api::workflowservice::v1::DeleteWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(),
    };
    client
        .connection()
        .workflow_service()
        .delete_workflow_execution(request.into_request())
        .await
        .unwrap();
    until("the history is deleted", async || {
        let request = api::workflowservice::v1::DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: execution(),
        };
        let described = client
            .connection()
            .workflow_service()
            .describe_workflow_execution(request.into_request())
            .await;
        described.err().map(drop)
    })
    .await;
}

/// A server of a test's own, which it may kill and start again on the same file.
pub struct OwnServer {
    /// `host:port`.
    pub address: String,
    folder: PathBuf,
    child: Option<Running>,
}

impl OwnServer {
    /// Start one that keeps its data in `folder`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start(folder: &Path) -> Self {
        let mut server = Self {
            address: format!("127.0.0.1:{}", free_port()),
            folder: folder.to_owned(),
            child: None,
        };
        server.start_again().await;
        server
    }

    /// Start it again, at the same address and with the same data, and wait until it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start_again(&mut self) {
        // The ports of its inner services are its own choice, and somebody may be faster: it ends then.
        for _ in 0..5 {
            let mut child = self.spawn();
            let address = &self.address;
            let listens = until("the engine listens or has ended", async || {
                if child.0.try_wait().unwrap().is_some() {
                    return Some(false);
                }
                TcpStream::connect(address).await.is_ok().then_some(true)
            })
            .await;
            if listens {
                self.child = Some(child);
                return;
            }
        }
        panic!(
            "the engine does not start: {}",
            fs::read_to_string(self.log()).unwrap_or_default()
        );
    }

    fn log(&self) -> PathBuf {
        self.folder.join("temporal.log")
    }

    fn spawn(&self) -> Running {
        let cli = env::var("TEST_TEMPORAL_CLI").expect("TEST_TEMPORAL_CLI names no program: `make test` does");
        let (_, port) = self.address.rsplit_once(':').unwrap();
        let mut command = Command::new(cli);
        command
            .args(["server", "start-dev", "--headless", "--ip", "127.0.0.1"])
            .args(["--log-level", "error", "--port", port, "--db-filename"])
            .arg(self.folder.join("temporal.db"))
            .args(["--dynamic-config-value", "history.transferProcessorMaxPollRPS=200"])
            .args(["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"])
            // As scripts/services does.
            .args(["--dynamic-config-value", "history.timerProcessorMaxTimeShift=\"20ms\""]);
        for attribute in [
            "SpecialistId=Keyword",
            "ClientId=Keyword",
            "SessionStatus=Keyword",
            "StartsAt=Datetime",
        ] {
            command.args(["--search-attribute", attribute]);
        }
        let log = fs::File::create(self.log()).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Running(command.spawn().unwrap())
    }

    /// End it without a goodbye.
    pub fn kill(&mut self) {
        self.child = None;
    }
}

/// A process that is killed when nobody holds it any longer.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
