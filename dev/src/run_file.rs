//! `run.json`: what runs, and where, for scripts.

use crate::config::Config;
use anyhow::{Context, Result};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// What the file says.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// `starting` until everything has been seen to work, then `running`.
    pub status: &'static str,
    /// Where what listens.
    pub urls: Urls,
    /// Processes by name: `dev` and its children, as they are now.
    pub pids: BTreeMap<&'static str, u32>,
    /// How to log in as the demo specialists, by specialist.
    pub logins: BTreeMap<Uuid, Login>,
    /// Further demo people.
    pub users: Vec<User>,
    /// The password of all of them, where a Keycloak asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<&'static str>,
}

/// Where what listens.
#[derive(Clone, Debug, Serialize)]
pub struct Urls {
    /// The API.
    pub api: String,
    /// Its documentation.
    pub docs: String,
    /// Metrics of the API.
    pub metrics: String,
    /// Metrics of the worker.
    pub worker_metrics: String,
    /// The token issuer: ours, or the realm of a Keycloak.
    pub issuer: String,
    /// The pages of Keycloak's administrator, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keycloak: Option<String>,
    /// The page of the outbox.
    pub outbox: String,
    /// Where it gets its mails.
    pub outbox_smtp: String,
    /// The engine, as `host:port`.
    pub temporal: String,
    /// Its web page.
    pub temporal_ui: String,
}

impl Urls {
    /// Those of a configuration.
    pub fn new(config: &Config) -> Self {
        let ports = &config.ports;
        let api = format!("http://{}", ports.app.address());
        let issuer = format!("http://{}", ports.issuer.address());
        Self {
            docs: format!("{api}/api/docs"),
            api,
            metrics: format!("http://{}/metrics", ports.metrics.address()),
            worker_metrics: format!("http://{}/metrics", ports.worker_metrics.address()),
            issuer: if config.keycloak {
                format!("{issuer}/realms/aroti")
            } else {
                issuer.clone()
            },
            keycloak: config.keycloak.then(|| format!("{issuer}/admin/")),
            outbox: format!("http://{}", ports.outbox_page.address()),
            outbox_smtp: format!("smtp://{}", ports.outbox_smtp.address()),
            temporal: ports.temporal.address().to_string(),
            temporal_ui: format!("http://{}", ports.temporal_ui.address()),
        }
    }
}

/// How to log in as a specialist.
#[derive(Clone, Debug, Serialize)]
pub struct Login {
    /// The `user` to ask the issuer for.
    pub user: String,
    /// The `roles` to ask for.
    pub roles: Vec<&'static str>,
    /// The specialist's name.
    pub name: String,
    /// The specialist's zone.
    pub time_zone: String,
}

/// Somebody else to log in as.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// The `user` to ask the issuer for.
    pub user: String,
    /// The `roles` to ask for.
    pub roles: Vec<&'static str>,
}

/// The file, which is always whole.
pub struct RunFile {
    path: PathBuf,
    run: Mutex<Run>,
}

impl RunFile {
    /// Begin it; nothing is written yet.
    pub fn new(path: &Path, run: Run) -> Self {
        Self {
            path: path.to_owned(),
            run: Mutex::new(run),
        }
    }

    /// Change it and write it anew.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn change(&self, change: impl FnOnce(&mut Run)) -> Result<()> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut run);
        let new = self.path.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(&*run)?)
            .and_then(|()| fs::rename(&new, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}
