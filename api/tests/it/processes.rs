//! The worker as a process of its own, to be killed.

use activities::testing::world::{DERIVE_KEY, MAIL_FROM, World};
use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// A process that ends with the test.
pub struct Process(Child);

impl Process {
    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// End it without a goodbye.
    pub fn kill(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A worker of that world; with `crash_at`, it dies at that point.
pub fn worker(world: &World, crash_at: Option<&str>, more: &[(&str, &str)]) -> Process {
    let mut command = Command::new(binary("worker"));
    command
        .env("DATABASE_URL", &world.database.url)
        .env("TEMPORAL_ADDRESS", &world.address)
        .env("TEMPORAL_TASK_QUEUE", &world.queue)
        .env("SMTP_URL", format!("smtp://{}", world.outbox.smtp_addr()))
        .env("MAIL_FROM", MAIL_FROM)
        .env("JITSI_URL", "https://meet.example.test")
        .env("DERIVE_KEY", DERIVE_KEY)
        .env("METRICS_PORT", "0")
        .env("LOG_LEVEL", "warn")
        .envs(more.iter().copied())
        .stdin(Stdio::null());
    if let Some(point) = crash_at {
        command.env("AROTI_CRASH_AT", point);
    }
    Process(command.spawn().expect("the worker is built beside the tests"))
}

/// A program of this workspace, as built for the tests.
fn binary(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join(name)
}
