//! A child process: started, listened to, started again when it dies, stopped.

use crate::{keeper::Keeper, run_file::RunFile, say::say};
use anyhow::{Context, Result};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// What the children have in common.
pub struct House {
    /// Who is told of each.
    pub keeper: Keeper,
    /// Where their ids are written.
    pub run_file: RunFile,
    /// Where their logs are.
    pub logs: PathBuf,
    /// Whether everything has been seen to work: before that, a child that dies ends the start.
    pub up: AtomicBool,
    /// Who died before that.
    pub died: mpsc::UnboundedSender<&'static str>,
}

/// A child process that shall run until it is stopped.
pub struct Program {
    name: &'static str,
    stop: watch::Sender<Option<Duration>>,
    task: JoinHandle<()>,
}

impl Program {
    /// Start `command`, again whenever it dies; what it writes goes to a log, and its warnings to the terminal too.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn start(
        house: &Arc<House>,
        name: &'static str,
        command: impl Fn() -> Command + Send + 'static,
    ) -> Result<Self> {
        let path = log(&house.logs, name);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let (stop, stopped) = watch::channel(None);
        let child = Supervised {
            house: Arc::clone(house),
            name,
            log: Arc::new(Mutex::new(file)),
        };
        Ok(Self {
            name,
            stop,
            task: tokio::spawn(child.run(command, stopped)),
        })
    }

    /// Ask it to end; when it has not within `patience`, it is killed.
    pub async fn stop(self, patience: Duration) {
        self.stop.send_replace(Some(patience));
        if let Err(error) = self.task.await {
            say(&format!("dev: {} was not looked after: {error}", self.name));
        }
    }
}

/// Where the log of a child is.
pub fn log(logs: &Path, name: &str) -> PathBuf {
    logs.join(name).with_extension("log")
}

struct Supervised {
    house: Arc<House>,
    name: &'static str,
    log: Arc<Mutex<File>>,
}

/// After a life as long, a death is a new misfortune rather than the same again.
const LONG_LIFE: Duration = Duration::from_secs(30);

impl Supervised {
    async fn run(self, command: impl Fn() -> Command, mut stopped: watch::Receiver<Option<Duration>>) {
        let name = self.name;
        let mut pause = Duration::from_millis(250);
        loop {
            let begun = Instant::now();
            let how = match self.launch(command()) {
                Ok((mut child, pid)) => {
                    let how = tokio::select! {
                        status = child.wait() => status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                        patience = asked(&mut stopped) => {
                            self.end(&mut child, pid, patience).await;
                            return;
                        }
                    };
                    self.house.keeper.ended(pid);
                    how
                }
                Err(error) => format!("{error:#}"),
            };
            if !self.house.up.load(Ordering::Relaxed) {
                say(&format!("dev: {name} ended ({how})"));
                let _nobody_waits = self.house.died.send(name);
                return;
            }
            if LONG_LIFE < begun.elapsed() {
                pause = Duration::from_millis(250);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = asked(&mut stopped) => return,
            }
            say(&format!("dev: {name} ended ({how}) and is started again"));
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    fn launch(&self, mut command: Command) -> Result<(Child, u32)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0) // a Ctrl-C is for us: they are stopped in their order
            .spawn()?;
        let pid = child.id().context("it has ended")?;
        self.house.keeper.started(pid);
        self.house.run_file.change(|run| {
            run.pids.insert(self.name, pid);
        })?;
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(copy(self.name, stdout, Arc::clone(&self.log)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(copy(self.name, stderr, Arc::clone(&self.log)));
        }
        Ok((child, pid))
    }

    async fn end(&self, child: &mut Child, pid: u32, patience: Duration) {
        let asked = self.house.keeper.terminate(pid);
        if !asked || tokio::time::timeout(patience, child.wait()).await.is_err() {
            say(&format!("dev: {} does not stop and is killed", self.name));
            let _ended_meanwhile = child.start_kill();
        }
        if child.wait().await.is_ok() {
            self.house.keeper.ended(pid);
        }
    }
}

/// When it is asked to stop: how long that may take.
async fn asked(stopped: &mut watch::Receiver<Option<Duration>>) -> Duration {
    // Whoever would ask is gone: stop at once.
    let patience = stopped.wait_for(Option::is_some).await.map(|patience| *patience);
    patience.ok().flatten().unwrap_or_default()
}

/// Copy what a child says to its log, and what somebody should see to the terminal.
async fn copy(name: &'static str, from: impl AsyncRead + Unpin, log: Arc<Mutex<File>>) {
    let mut lines = BufReader::new(from).split(b'\n');
    while let Ok(Some(mut line)) = lines.next_segment().await {
        let text = String::from_utf8_lossy(&line);
        if important(&text) {
            say(&format!("{name}: {}", text.trim()));
        }
        line.push(b'\n');
        // A full disk must not stop the child.
        let _lost: io::Result<()> = log.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
    }
}

fn important(line: &str) -> bool {
    [
        " WARN ",
        " ERROR ",
        "\"level\":\"warn\"",
        "\"level\":\"error\"",
        "panicked at",
    ]
    .iter()
    .any(|mark| line.contains(mark))
}
