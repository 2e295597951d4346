//! Rolling out a version of the bookings' worker: what the engine is told, and what it says of it.
//!
//! A version that is deployed gets nothing until it is made current, or until it ramps: then a share of the runs, each
//! as a whole, goes on with it. Open runs follow whichever version they belong to then; a rollback is the version
//! before made current.

mod command;

pub use command::{Command, Halted, Pace, USAGE, patiently};

use crate::commands::{NotTaken, within};
use std::fmt;
use temporalio_client::{
    Client,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    deployment::v1::{RoutingConfig, WorkerDeploymentInfo},
    enums::v1::VersionDrainageStatus,
    workflowservice::v1::{
        DescribeWorkerDeploymentRequest, SetWorkerDeploymentCurrentVersionRequest,
        SetWorkerDeploymentRampingVersionRequest,
    },
};

/// The deployment of that name, in the namespace of a client.
pub struct Rollout {
    client: Client,
    deployment: String,
}

/// How a deployment stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The build that all runs go on with, but for those that ramp; none, and workers without a version have them.
    pub current: Option<String>,
    /// The build that ramps, and which percentage of the runs it has.
    pub ramping: Option<(String, f32)>,
    /// Every build there is, the newest first, and whether runs may still need it.
    pub builds: Vec<(String, Drainage)>,
}

/// Whether a build is still needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drainage {
    /// It is current, ramps, or has never been either.
    None,
    /// It was, and runs may still be with it.
    Draining,
    /// It was, and no run is with it any more: its workers may go.
    Drained,
}

impl Rollout {
    /// Of the deployment of that name.
    #[must_use]
    pub fn new(client: Client, deployment: &str) -> Self {
        Self {
            client,
            deployment: deployment.to_owned(),
        }
    }

    /// How the deployment stands; one that no worker has named yet is empty.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn standing(&self) -> Result<Standing, NotTaken> {
        let request = DescribeWorkerDeploymentRequest {
            namespace: self.namespace(),
            deployment_name: self.deployment.clone(),
        };
        let mut service = self.client.connection().workflow_service();
        let found = within(async {
            match service.describe_worker_deployment(request.into_request()).await {
                Ok(found) => Ok(found.into_inner().worker_deployment_info),
                Err(status) if status.code() == Code::NotFound => Ok(None),
                Err(status) => Err(status),
            }
        })
        .await?;
        Ok(found.map(Standing::from).unwrap_or_default())
    }

    async fn set_current(&self, build_id: &str) -> Result<(), NotTaken> {
        let request = SetWorkerDeploymentCurrentVersionRequest {
            namespace: self.namespace(),
            deployment_name: self.deployment.clone(),
            build_id: build_id.to_owned(),
            identity: "worker rollout".to_owned(),
            ..Default::default()
        };
        let mut service = self.client.connection().workflow_service();
        within(async {
            let set = service.set_worker_deployment_current_version(request.into_request());
            set.await.map(drop)
        })
        .await
    }

    async fn set_ramp(&self, build_id: &str, percent: f32) -> Result<(), NotTaken> {
        let request = SetWorkerDeploymentRampingVersionRequest {
            namespace: self.namespace(),
            deployment_name: self.deployment.clone(),
            build_id: build_id.to_owned(),
            percentage: percent,
            identity: "worker rollout".to_owned(),
            ..Default::default()
        };
        let mut service = self.client.connection().workflow_service();
        within(async {
            let set = service.set_worker_deployment_ramping_version(request.into_request());
            set.await.map(drop)
        })
        .await
    }

    fn namespace(&self) -> String {
        self.client.options().namespace.clone()
    }
}

impl Standing {
    fn drainage(&self, build_id: &str) -> Option<Drainage> {
        let mut builds = self.builds.iter();
        builds
            .find(|(build, _)| build == build_id)
            .map(|(_, drainage)| *drainage)
    }
}

impl From<WorkerDeploymentInfo> for Standing {
    fn from(info: WorkerDeploymentInfo) -> Self {
        let RoutingConfig {
            current_deployment_version,
            ramping_deployment_version,
            ramping_version_percentage,
            ..
        } = info.routing_config.unwrap_or_default();
        let builds = info.version_summaries.into_iter().filter_map(|version| {
            let drainage = match version.drainage_status() {
                VersionDrainageStatus::Draining => Drainage::Draining,
                VersionDrainageStatus::Drained => Drainage::Drained,
                VersionDrainageStatus::Unspecified => Drainage::None,
            };
            Some((version.deployment_version?.build_id, drainage))
        });
        Self {
            current: current_deployment_version.map(|version| version.build_id),
            ramping: ramping_deployment_version.map(|version| (version.build_id, ramping_version_percentage)),
            builds: builds.collect(),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "current: {}",
            self.current.as_deref().unwrap_or("(unversioned workers)")
        )?;
        if let Some((build, percent)) = &self.ramping {
            writeln!(f, "ramping: {build} at {percent} %")?;
        }
        for (build, drainage) in &self.builds {
            let says = match drainage {
                Drainage::None => "",
                Drainage::Draining => " draining: runs may still need it",
                Drainage::Drained => " drained: its workers may go",
            };
            writeln!(f, "build: {build}{says}")?;
        }
        Ok(())
    }
}
