//! The HTTP process: `api` serves, `api openapi` prints the published contract, `api --check-config` what it is told.

use crate::{app, config::Config, edge::HEADERS, metrics, openapi, state::State};
use anyhow::{Context, Result};
use poem::{
    Server,
    listener::{Listener, TcpListener},
};
use settings::{
    Vars,
    reference::{self, Of},
};
use std::{env, process::ExitCode, sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// How long answers under way may take once the process is told to stop.
const DRAIN: Duration = Duration::from_secs(35);

/// The whole process, from its arguments to its status; does not return before it is told to stop.
pub fn main() -> ExitCode {
    let argument = env::args().nth(1);
    if argument.as_deref() == Some("openapi") {
        println!("{}", openapi::document());
        return ExitCode::SUCCESS;
    }
    let config = Config::from_env();
    if argument.as_deref() == Some("--check-config") {
        let (text, status) = reference::check(Of::Api, config.as_ref().err(), &Vars::process_env);
        println!("{}", text.trim_end());
        return status;
    }
    let served = match config {
        Ok(config) => serve(&config),
        Err(problems) => {
            eprintln!("api: {problems}");
            return ExitCode::from(2);
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(config: &Config) -> Result<()> {
    let traces = telemetry::start("api", &config.log, &config.traces);
    telemetry::metrics::describe("api");
    let state = State::connect(config).await?;
    state.db.show_pools();
    let metrics = TcpListener::bind((config.host, config.metrics_port))
        .into_acceptor()
        .await
        .context("cannot listen on METRICS_PORT")?;
    let metrics = tokio::spawn(Server::new_with_acceptor(metrics).run(metrics::app()));
    let address = (config.host, config.port);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hub = Arc::clone(&state.hub);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: answers under way are finished first");
        // Live streams would not end by themselves; who follows one comes again, elsewhere.
        hub.close();
    };
    tracing::info!("serving at http://{}:{}", address.0, address.1);
    let db = state.db.clone();
    Server::new(TcpListener::bind(address))
        .http2_max_header_list_size(u32::try_from(HEADERS).unwrap_or(u32::MAX))
        .run_with_graceful_shutdown(app(state), stop, Some(DRAIN))
        .await
        .context("cannot serve")?;
    metrics.abort();
    db.close().await.context("cannot close the database")?;
    tokio::task::spawn_blocking(|| traces.end()).await.ok();
    Ok(())
}
