//! The HTTP process: `api` serves, `api openapi` prints the published contract.

use anyhow::{Context, Result};
use api::{app, config::Config, edge::HEADERS, openapi, state::State};
use poem::{Server, listener::TcpListener};
use std::{env, process::ExitCode, sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// How long answers under way may take once the process is told to stop.
const DRAIN: Duration = Duration::from_secs(35);

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("openapi") {
        println!("{}", openapi::document());
        return ExitCode::SUCCESS;
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve() -> Result<()> {
    let config = Config::from_env()?;
    telemetry::init("api", &config.log);
    let state = State::connect(&config).await?;
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
    db.close().await.context("cannot close the database")
}
