//! Starting everything in its order, staying, and stopping it.

use crate::{
    config::Config,
    identity::{self, Identity, Keycloak},
    keeper::Keeper,
    keys,
    program::{self, House, Program},
    ready,
    run_file::{Run, RunFile, Urls},
    say::say,
    seed, tools, welcome,
};
use activities::outbox::server::Outbox;
use anyhow::{Context, Result, bail};
use api::auth::issuer::{self, Issuer};
use entities::db::{self, Db};
use settings::Problems;
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};
use telemetry::{LogFormat, LogOptions};
use tokio::{
    process::Command,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

/// API and worker may take as long to finish what they do.
const DRAIN: Duration = Duration::from_secs(5);

/// Start everything, stay until a signal, stop everything.
///
/// # Errors
/// What keeps it from starting; nothing is left running then.
pub async fn run() -> Result<()> {
    let mut stop = Stop::new()?;
    let (config, binaries, _lock) = checked()?;
    let options = LogOptions {
        level: "warn".parse()?,
        format: LogFormat::Pretty,
    };
    telemetry::init("dev", &options);

    let begun = Instant::now();
    let keys = keys::kept(&config.folder)?;
    let tools = async {
        let temporal = tools::find("temporal").await?;
        let keycloak = match config.keycloak {
            true => Some(Keycloak::prepare(&config, &keys, &seed::people()).await?),
            false => None,
        };
        anyhow::Ok((temporal, keycloak))
    };
    let (temporal, keycloak) = tokio::select! {
        tools = tools => tools?,
        () = stop.asked() => return Ok(()),
    };
    let file = config.folder.join("run.json");
    let urls = Urls::new(&config);
    let run = Run {
        status: "starting",
        urls: urls.clone(),
        pids: BTreeMap::from([("dev", process::id())]),
        logins: seed::logins(),
        users: seed::users(),
        password: config.keycloak.then_some(identity::PASSWORD),
    };
    let (died, mut deaths) = mpsc::unbounded_channel();
    let logs = config.folder.join("logs");
    fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let house = Arc::new(House {
        keeper: Keeper::start(&file)?,
        run_file: RunFile::new(&file, run),
        logs,
        up: false.into(),
        died,
    });
    let plan = Plan {
        keys,
        config,
        binaries,
        temporal,
        keycloak,
        urls,
    };

    let mut programs = Programs::default();
    let started = tokio::select! {
        started = plan.start(&house, &mut programs) => started.map(Some),
        () = stop.asked() => Ok(None),
        Some(name) = deaths.recv() => Err(last_words(&house.logs, name)),
    };
    let result = match started {
        Ok(Some((identity, _outbox))) => {
            say(&format!(
                "dev: everything is up after {:.1} s",
                begun.elapsed().as_secs_f64()
            ));
            welcome::print(&plan.config, &plan.urls, &identity).await;
            stop.asked().await;
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    say("dev: stopping");
    programs.stop().await;
    result
}

/// What keeps this from starting, all of it, before anything is started.
fn checked() -> Result<(Config, Binaries, File)> {
    let mut problems = Vec::new();
    let locked = lock(&Config::folder());
    if let Err(error) = &locked {
        problems.push(format!("{error:#}"));
    }
    let config = Config::from_env()
        .inspect_err(|Problems(found)| problems.extend(found.iter().cloned()))
        .ok();
    let mut found = |name| {
        tools::sibling(name)
            .inspect_err(|error| problems.push(format!("{error:#}")))
            .ok()
    };
    let (api, worker) = (found("api"), found("worker"));
    match (config, api, worker, locked) {
        (Some(config), Some(api), Some(worker), Ok(lock)) => Ok((config, Binaries { api, worker }, lock)),
        _ => Err(Problems(problems).into()),
    }
}

/// One at a time: two engines on one file would damage it.
fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another `make run` uses {}: stop that one, or set DEV_DIR to another folder",
            folder.display()
        );
    }
    Ok(file)
}

/// What a child wrote last.
fn last_words(logs: &Path, name: &'static str) -> anyhow::Error {
    let path = program::log(logs, name);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(15).collect();
    let lines: Vec<_> = lines.into_iter().rev().collect();
    anyhow::anyhow!(
        "{name} ended while starting; the end of {}:\n{}",
        path.display(),
        lines.join("\n")
    )
}

/// The programs of this workspace.
struct Binaries {
    api: PathBuf,
    worker: PathBuf,
}

/// The children, as far as they were started.
#[derive(Default)]
struct Programs {
    keycloak: Option<Program>,
    temporal: Option<Program>,
    worker: Option<Program>,
    api: Option<Program>,
}

impl Programs {
    /// Stop them, within ten seconds: whoever needs the engine before it.
    async fn stop(self) {
        let patience = DRAIN + Duration::from_secs(1);
        let drained = |program: Option<Program>| async move {
            if let Some(program) = program {
                program.stop(patience).await;
            }
        };
        tokio::join!(drained(self.api), drained(self.worker));
        let last = |program: Option<Program>| async move {
            if let Some(program) = program {
                program.stop(Duration::from_secs(3)).await;
            }
        };
        tokio::join!(last(self.temporal), last(self.keycloak));
    }
}

/// All that the start depends on.
struct Plan {
    config: Config,
    binaries: Binaries,
    temporal: PathBuf,
    keycloak: Option<Keycloak>,
    urls: Urls,
    keys: BTreeMap<String, String>,
}

impl Plan {
    async fn start(&self, house: &Arc<House>, programs: &mut Programs) -> Result<(Identity, Outbox)> {
        let Self {
            config,
            binaries,
            temporal,
            keycloak,
            urls,
            ..
        } = self;
        let ports = &config.ports;
        house.run_file.change(|_| {})?;
        let engine = self.engine();
        programs.temporal = Some(Program::start(house, "temporal", engine)?);
        let identity = match keycloak {
            Some(keycloak) => {
                say("dev: starting Keycloak, which may take a minute");
                programs.keycloak = Some(Program::start(house, "keycloak", keycloak.command())?);
                Identity::Keycloak(urls.issuer.clone())
            }
            None => {
                let key = config.folder.join("issuer.pem");
                Identity::Issuer(Issuer::start(ports.issuer.address(), Some(&key)).await?)
            }
        };
        let mails = config.folder.join("mails");
        let outbox = Outbox::start_in(&mails, ports.outbox_smtp.address(), ports.outbox_page.address()).await?;
        // What needs the engine starts after it, and has nothing to complain of.
        let engine_ready = ready::wait("Temporal", async || {
            has_search_attributes(temporal, &urls.temporal).await
        });
        tokio::try_join!(engine_ready, self.prepare_database())?;
        programs.worker = Some(Program::start(
            house,
            "worker",
            self.child(&binaries.worker, ports.worker_metrics.number),
        )?);
        programs.api = Some(Program::start(
            house,
            "api",
            self.child(&binaries.api, ports.metrics.number),
        )?);

        let pages = [
            ("the Web UI of Temporal", urls.temporal_ui.clone()),
            ("the worker", format!("http://{}/ready", ports.worker_metrics.address())),
            ("the API", format!("{}/ready", urls.api)),
        ];
        let http = reqwest::Client::new();
        for (what, page) in &pages {
            ready::wait(what, async || ready::answers(&http, page).await).await?;
        }
        if config.keycloak {
            let realm = async || ready::answers(&http, &urls.issuer).await;
            ready::within(identity::PATIENCE, "Keycloak", realm).await?;
        }
        house.up.store(true, Ordering::Relaxed);
        house.run_file.change(|run| run.status = "running")?;
        Ok((identity, outbox))
    }

    /// The schema of today, and demo data.
    async fn prepare_database(&self) -> Result<()> {
        let db = Db::connect(self.config.database_url.expose(), &db::Options::default())
            .await
            .context("DATABASE_URL")?;
        migration::up(db.writer())
            .await
            .context("cannot migrate the database of DATABASE_URL")?;
        let n_new = seed::seed(&db, &issuer::subject_of, SystemTime::now().into())
            .await
            .context("the demo data")?;
        if 0 < n_new {
            say(&format!("dev: {n_new} demo specialists are new"));
        }
        db.close().await.context("the database")
    }

    fn engine(&self) -> impl Fn() -> Command + Send + 'static {
        let Self {
            config: Config { folder, ports, .. },
            temporal,
            ..
        } = self;
        let (temporal, database) = (temporal.clone(), folder.join("temporal.db"));
        let (port, ui_port) = (ports.temporal.number.to_string(), ports.temporal_ui.number.to_string());
        move || {
            let mut command = Command::new(&temporal);
            command
                .args(["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"])
                .args(["--port", &port, "--ui-port", &ui_port, "--db-filename"])
                .arg(&database)
                .args([
                    "--search-attribute",
                    "SpecialistId=Keyword",
                    "--search-attribute",
                    "ClientId=Keyword",
                ])
                .args([
                    "--search-attribute",
                    "SessionStatus=Keyword",
                    "--search-attribute",
                    "StartsAt=Datetime",
                ])
                .args(["--dynamic-config-value", "history.transferProcessorMaxPollRPS=200"])
                .args(["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]);
            without_engine_variables(&mut command);
            command
        }
    }

    fn child(&self, binary: &Path, metrics_port: u16) -> impl Fn() -> Command + Send + 'static {
        let Self { config, urls, keys, .. } = self;
        let mut variables = vec![
            ("APP_ENV".to_owned(), "development".to_owned()),
            ("APP_PORT".to_owned(), config.ports.app.number.to_string()),
            ("METRICS_PORT".to_owned(), metrics_port.to_string()),
            ("DATABASE_URL".to_owned(), config.database_url.expose().clone()),
            ("TEMPORAL_ADDRESS".to_owned(), urls.temporal.clone()),
            ("KEYCLOAK_ISSUER_URI".to_owned(), urls.issuer.clone()),
            (
                "SMTP_URL".to_owned(),
                config
                    .smtp_url
                    .as_ref()
                    .map_or(&urls.outbox_smtp, |url| url.expose())
                    .clone(),
            ),
            (
                "PUBLIC_URL".to_owned(),
                config.public_url.as_ref().unwrap_or(&urls.api).clone(),
            ),
            ("SHUTDOWN_SECONDS".to_owned(), DRAIN.as_secs().to_string()),
        ];
        let absent = |name: &str| env::var_os(name).is_none_or(|value| value.is_empty());
        variables.extend(
            keys.iter()
                .filter(|(name, _)| absent(name) && (config.keycloak || *name != identity::SECRET))
                .map(|(name, key)| (name.clone(), key.clone())),
        );
        let binary = binary.to_owned();
        move || {
            let mut command = Command::new(&binary);
            without_engine_variables(&mut command);
            command
                .env_remove("KEYCLOAK_JWKS_URI")
                .env_remove("KEYCLOAK_AUDIENCE")
                .envs(variables.clone());
            command
        }
    }
}

/// What the shell says of another engine is not meant for this one.
fn without_engine_variables(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("TEMPORAL_") {
            command.env_remove(name);
        }
    }
}

async fn has_search_attributes(temporal: &Path, address: &str) -> bool {
    let mut list = Command::new(temporal);
    without_engine_variables(&mut list);
    list.args(["operator", "search-attribute", "list", "--address", address])
        .kill_on_drop(true);
    list.output()
        .await
        .is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains("StartsAt"))
}

/// The ways to be asked to stop.
struct Stop([Signal; 3]);

impl Stop {
    fn new() -> Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn asked(&mut self) {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
