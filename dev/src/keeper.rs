//! Nothing stays behind, whatever happens to this process.
//!
//! A shell of its own process group reads a pipe that only this process holds open. It is told of each child, and when
//! the pipe ends it stops those that are left. The system's own ways would not do: a parent's death signal needs `unsafe`
//! code or a helper of Linux's, follows the thread rather than the process, and leaves the run file behind.

use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// The keeper's pipe; dropping it has the keeper stop whoever is left.
pub struct Keeper(Mutex<Child>);

impl Keeper {
    /// Start it; `run_file` is removed at the end.
    ///
    /// # Errors
    /// There is no shell.
    pub fn start(run_file: &Path) -> Result<Self> {
        Command::new("sh")
            .args(["-c", include_str!("keeper.sh"), "keeper"])
            .arg(run_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // what is sent to our group does not reach it
            .spawn()
            .map(|child| Self(Mutex::new(child)))
            .context("cannot run sh")
    }

    /// A child has been started.
    pub fn started(&self, pid: u32) {
        self.say('+', pid);
    }

    /// A child has ended.
    pub fn ended(&self, pid: u32) {
        self.say('-', pid);
    }

    /// Ask a child to end; whether that could be said.
    pub fn terminate(&self, pid: u32) -> bool {
        self.say('!', pid)
    }

    fn say(&self, what: char, pid: u32) -> bool {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a keeper the children are killed rather than asked, which is all that is lost.
        child
            .stdin
            .as_mut()
            .is_some_and(|pipe| writeln!(pipe, "{what} {pid}").is_ok())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(child.stdin.take());
        let _reaped = child.wait();
    }
}
