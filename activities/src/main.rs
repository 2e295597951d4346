//! The worker process.

use activities::{
    config::Config,
    health::{self, MetricsSource, Polling},
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    worker::{Around, Options, Services, Workers},
};
use anyhow::Context;
use entities::{cache::Cache, db::Db};
use poem::{Server, listener::TcpListener};
use std::{process::ExitCode, sync::Arc, time::Duration};
use temporalio_client::{Client, ClientOptions, Connection};
use temporalio_common::telemetry::{
    PrometheusExporterOptions, TelemetryOptions, metrics::CoreMeter, start_prometheus_metric_exporter,
};
use temporalio_sdk::{Runtime, runtime::RuntimeOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("worker: {problems}");
            return ExitCode::from(2);
        }
    };
    telemetry::init("worker", &config.log);
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the worker cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let exporter = PrometheusExporterOptions::builder()
        .socket_addr(([127, 0, 0, 1], 0).into())
        .build();
    let exporter = start_prometheus_metric_exporter(exporter)?;
    let polling = Polling::default();
    let port = TcpListener::bind((config.host.to_string(), config.metrics_port));
    let app = health::app(polling.clone(), MetricsSource(exporter.bound_addr));
    let health = tokio::spawn(Server::new(port).name("worker").run(app));

    let telemetry = TelemetryOptions::builder()
        .metrics(exporter.meter as Arc<dyn CoreMeter>)
        .build();
    let runtime = RuntimeOptions::builder()
        .telemetry_options(telemetry)
        .build()
        .map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(runtime)?;
    let services = services(&config).await?;
    let client = tokio::select! {
        client = connect(&config) => client?,
        () = stop(&mut terminate, &mut interrupt) => return Ok(()),
    };
    let mut workers = Workers::new(&runtime, &client, &Options::from(&config), &services)?;
    let stop_workers = workers.stop_handle();
    let draining = polling.clone();
    tokio::spawn(async move {
        stop(&mut terminate, &mut interrupt).await;
        tracing::info!("draining: steps under way end, no new ones begin");
        draining.set(false);
        stop_workers();
    });
    polling.set(true);
    tracing::info!(queue = config.engine.task_queue, "the worker polls");
    workers.run().await?;
    health.abort();
    tracing::info!("drained");
    Ok(())
}

async fn services(config: &Config) -> anyhow::Result<Services> {
    let db = Db::connect(
        config.database_url.expose(),
        &entities::db::Options {
            pool_size: config.database_pool_size,
            max_overflow: config.database_max_overflow,
            // Less than a step's limit, so that it is told what is wrong.
            acquire_timeout: Duration::from_secs(3),
            application_name: "aroti-worker".to_owned(),
            ..entities::db::Options::default()
        },
    )
    .await
    .context("the database")?;
    let mailer = match &config.smtp_url {
        Some(url) => Some(Arc::new(Mailer::new(
            url.expose(),
            &config.mail_from,
            &config.mail_allowed_recipients,
        )?)),
        None => None,
    };
    let cache = config
        .redis_url
        .as_ref()
        .map(|url| Cache::connect(url.expose(), Duration::from_millis(config.redis_timeout_ms.into())))
        .transpose()
        .context("REDIS_URL")?;
    Ok(Services {
        db,
        meetings: Arc::new(MeetingProvider::new(&config.meetings, config.derive_key.expose())?),
        mailer,
        public_url: config.public_url.to_string(),
        max_holds: config.max_holds,
        around: Around::calling_out(cache.clone()),
        offer_minutes: config.offer_minutes,
        links: config.link_keys.clone(),
        cache,
    })
}

/// Connect to the engine, however long it takes to come up.
async fn connect(config: &Config) -> anyhow::Result<Client> {
    let options = config.engine.connection("worker").context("TEMPORAL_TLS_*")?;
    let mut pause = Duration::from_millis(200);
    loop {
        match Connection::connect(options.clone()).await {
            Ok(connection) => {
                return Ok(Client::new(
                    connection,
                    ClientOptions::new(&config.engine.namespace).build(),
                )?);
            }
            Err(error) => tracing::warn!(error = %error, "the engine is not there yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

async fn stop(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
