//! A `dev` of the test's own: its folder, its ports.

use serde_json::Value;
use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A folder and ports, which stay from one start to the next.
pub struct House {
    folder: TempDir,
    ports: Vec<(&'static str, u16)>,
}

impl House {
    pub fn new() -> Self {
        let names = [
            "APP_PORT",
            "METRICS_PORT",
            "WORKER_METRICS_PORT",
            "TEMPORAL_PORT",
            "TEMPORAL_UI_PORT",
            "ISSUER_PORT",
            "OUTBOX_SMTP_PORT",
            "OUTBOX_PAGE_PORT",
        ];
        // All are held until all are known, so that they differ.
        let listeners = names.map(|name| (name, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()));
        let ports = listeners
            .iter()
            .map(|(name, listener)| (*name, listener.local_addr().unwrap().port()))
            .collect();
        Self {
            folder: tempfile::tempdir().unwrap(),
            ports,
        }
    }

    pub fn port(&self, name: &str) -> u16 {
        self.ports.iter().find(|(port, _)| *port == name).unwrap().1
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The command, not started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dev"));
        for name in [
            "DATABASE_URL",
            "REDIS_URL",
            "SMTP_URL",
            "PUBLIC_URL",
            "APP_ENV",
            "LOG_LEVEL",
            "LOG_FORMAT",
            "KEYCLOAK",
        ] {
            command.env_remove(name);
        }
        command
            .current_dir(self.folder.path())
            .env("DEV_DIR", self.data())
            .envs(self.ports.iter().map(|(name, port)| (name, port.to_string())))
            .stdin(Stdio::null());
        command
    }

    /// Start it and wait until it has said all it says.
    pub fn start(&self) -> Running {
        let output = File::create(self.output()).unwrap();
        let mut child = self
            .command()
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !self.said().contains("Ctrl-C stops") {
            assert!(began.elapsed() < Duration::from_secs(120), "not up:\n{}", self.said());
            assert!(child.try_wait().unwrap().is_none(), "it ended:\n{}", self.said());
            thread::sleep(Duration::from_millis(50));
        }
        Running {
            child,
            data: self.data(),
        }
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.output()).unwrap_or_default()
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }
}

/// A `dev` that is up; dropped, it is killed, and its keeper does the rest.
pub struct Running {
    child: Child,
    data: PathBuf,
}

impl Running {
    /// What the run file says now.
    pub fn file(&self) -> Value {
        serde_json::from_slice(&fs::read(self.data.join("run.json")).unwrap()).unwrap()
    }

    pub fn pid(&self, name: &str) -> u32 {
        self.file()["pids"][name].as_u64().unwrap().try_into().unwrap()
    }

    /// Everybody who must be gone afterwards.
    pub fn pids(&self) -> Vec<u32> {
        let file = self.file();
        let pids = file["pids"].as_object().unwrap().values();
        pids.map(|pid| u32::try_from(pid.as_u64().unwrap()).unwrap()).collect()
    }

    pub fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    /// How it ended, within as long as it may take.
    pub fn ended(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "it does not stop");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Send a signal to one process.
pub fn kill(signal: &str, pid: u32) {
    assert!(
        Command::new("kill")
            .args(["-s", signal, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Whether a process runs; one that nobody has reaped does not.
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

/// Wait until `holds`.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
