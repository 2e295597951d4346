//! The worker process: `worker` serves, `worker --check-config` prints what it is told, `worker rollout …` has the
//! engine go over to another version.

use crate::{
    accounts::identity::IdentityProvider,
    busy_feeds::Pace,
    config::Config,
    figures,
    health::{self, MetricsSource, Polling},
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    outside::Outside,
    rollout::{Command, Halted, Rollout, USAGE, patiently},
    worker::{Around, Options, Services, Workers},
};
use anyhow::Context;
use entities::{cache::Cache, db::Db};
use poem::{
    Server,
    listener::{Listener, TcpListener},
};
use settings::{
    Environment, Problems, Sealer, Vars,
    reference::{self, Of},
};
use std::{env, process::ExitCode, sync::Arc, time::Duration};
use temporalio_client::{Client, Connection};
use temporalio_common::telemetry::{
    PrometheusExporterOptions, TelemetryOptions, metrics::CoreMeter, start_prometheus_metric_exporter,
};
use temporalio_sdk::{Runtime, runtime::RuntimeOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use workflows::sessions::contract::BOOKINGS_QUEUE;

/// The whole process, from its arguments to its status; does not return before it is told to stop and has drained.
#[tokio::main]
pub async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(("rollout", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return roll_out(rest).await;
    }
    let config = Config::from_env();
    if env::args().nth(1).as_deref() == Some("--check-config") {
        let (text, status) = reference::check(Of::Worker, config.as_ref().err(), &Vars::process_env);
        println!("{}", text.trim_end());
        return status;
    }
    let config = match config {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("worker: {problems}");
            return ExitCode::from(2);
        }
    };
    let traces = telemetry::start("worker", &config.log, &config.traces);
    telemetry::metrics::describe("worker");
    let status = match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the worker cannot go on");
            ExitCode::FAILURE
        }
    };
    tokio::task::spawn_blocking(|| traces.end()).await.ok();
    status
}

/// `worker rollout …`: needs the variables of the engine and `WORKER_DEPLOYMENT`, and no others.
async fn roll_out(arguments: &[String]) -> ExitCode {
    let Some(command) = Command::parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut vars = Vars::new(&Vars::process_env);
    let environment = vars.or("APP_ENV", Environment::Development);
    let engine = vars.engine(environment, BOOKINGS_QUEUE);
    let deployment = vars.required("WORKER_DEPLOYMENT");
    let (Some(engine), Some(deployment)) = (engine, deployment) else {
        eprintln!("worker: {}", Problems(vars.problems()));
        return ExitCode::from(2);
    };
    let done = async {
        let not_reached = "the engine was not reached".to_owned();
        let connection = patiently(command.wait(), not_reached, async || {
            let connection = Connection::connect(engine.connection("worker rollout")?).await?;
            anyhow::Ok(Some(connection))
        });
        let connection = connection.await?;
        let client = settings::client(connection, &engine.namespace)?;
        let rollout = Rollout::new(client, &deployment);
        anyhow::Ok(rollout.carry_out(&command, |step| println!("{step}")).await?)
    };
    match done.await {
        Ok(standing) => {
            print!("{standing}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("worker: {error:#}");
            match error.downcast_ref::<Halted>() {
                // The job of a release knows this one: it does not try again.
                Some(halted) if halted.by_somebody => ExitCode::from(3),
                _ => ExitCode::FAILURE,
            }
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
    let port = port.into_acceptor().await.context("cannot listen on METRICS_PORT")?;
    let health = tokio::spawn(Server::new_with_acceptor(port).name("worker").run(app));

    let telemetry = TelemetryOptions::builder()
        .metrics(exporter.meter as Arc<dyn CoreMeter>)
        .build();
    let runtime = RuntimeOptions::builder()
        .telemetry_options(telemetry)
        .build()
        .map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(runtime)?;
    let services = services(&config).await?;
    services.db.show_pools();
    let figures = config
        .queues
        .bookings
        .then(|| tokio::spawn(figures::show(services.db.clone())));
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
    if let Some(figures) = figures {
        figures.abort();
    }
    tracing::info!("drained");
    Ok(())
}

async fn services(config: &Config) -> anyhow::Result<Services> {
    let options = entities::db::Options {
        pool_size: config.database_pool_size,
        max_overflow: config.database_max_overflow,
        // Less than a step's limit, so that it is told what is wrong.
        acquire_timeout: Duration::from_secs(3),
        statement_timeout: Duration::from_secs(config.database_timeout.into()),
        application_name: "aroti-worker".to_owned(),
        slow_query: Duration::from_millis(config.slow_query_ms.into()),
        ..entities::db::Options::default()
    };
    let mut db = Db::connect(config.database_url.expose(), &options)
        .await
        .context("the database")?;
    if let Some(url) = &config.database_read_url {
        db = db
            .with_replica(url.expose(), &options)
            .await
            .context("DATABASE_READ_URL")?;
    }
    let mailer = match &config.smtp_url {
        Some(url) => Some(Arc::new(Mailer::new(
            url.expose(),
            &config.mail_from,
            &config.mail_allowed_recipients,
        )?)),
        None => None,
    };
    let identity = config
        .identity
        .as_ref()
        .map(|realm| IdentityProvider::new(realm).map(Arc::new))
        .transpose();
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
        outside: Outside::new(config.reach)?,
        feeds: Pace::new(Duration::from_secs(60 * u64::from(config.busy_feed_minutes))),
        own_host: config.mail_from.host().to_owned(),
        report_recipients: config.report_recipients.clone(),
        identity: identity.context("KEYCLOAK_ISSUER_URI")?,
        sealer: Sealer::new(&config.derive_key),
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
                return Ok(settings::client(connection, &config.engine.namespace)?);
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
