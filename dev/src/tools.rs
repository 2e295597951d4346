//! The programs that this one starts.

use anyhow::{Context, Result, bail, ensure};
use std::{env, path::PathBuf, process::Stdio};
use tokio::process::Command;

/// The finder that the tests use too; inside this program, so that it does not matter where that lies.
const FINDER: &str = include_str!("../../scripts/tool");

/// The program `name`, installed when it is missing and that can be done.
///
/// # Errors
/// It is missing and cannot be installed; why, and what to do, has been printed.
pub async fn find(name: &str) -> Result<PathBuf> {
    let finder = Command::new("sh")
        .args(["-c", FINDER, "tool", name])
        .stderr(Stdio::inherit())
        .output();
    let found = finder.await.context("cannot run sh")?;
    ensure!(found.status.success(), "this does not go without the program `{name}`");
    Ok(PathBuf::from(String::from_utf8(found.stdout)?.trim()))
}

/// A program of this workspace, beside this one.
///
/// # Errors
/// It has not been built.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let path = env::current_exe().context("where am I?")?.with_file_name(name);
    if !path.is_file() {
        bail!(
            "{} has not been built: use `make run`, which does that first",
            path.display()
        );
    }
    Ok(path)
}
