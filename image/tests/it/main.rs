//! The program of the image, called as the image calls it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

/// What it does under that name, with that environment and no other.
fn called(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join(name);
    symlink(Path::new(env!("CARGO_BIN_EXE_aroti")), &link).unwrap();
    let mut command = Command::new(link);
    let envs = environment.iter().copied();
    command.args(arguments).env_clear().envs(envs).output().unwrap()
}

/// What it says when it ends with that status.
fn refused(name: &str, arguments: &[&str], status: i32) -> String {
    let refused = called(name, arguments, &[]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(status), "{told}");
    told
}

/// It does what it is asked, and says that.
fn tells(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let done = called(name, arguments, environment);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn it_is_the_api_by_that_name() {
    assert!(tells("api", &["openapi"], &[]).contains("/api/sessions"));
    let told = refused("api", &[], 2);
    assert!(told.starts_with("api: "), "{told}");
}

#[test]
fn it_is_the_worker_by_that_name() {
    let told = refused("worker", &[], 2);
    assert!(told.starts_with("worker: "), "{told}");
    let told = refused("worker", &["rollout", "sideways"], 2);
    assert!(told.contains("worker rollout"), "{told}");
}

#[test]
fn it_is_the_migration_by_that_name() {
    let told = refused("migration", &[], 1);
    assert!(told.starts_with("migration: usage"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    assert!(!tells("migration", &["up"], &[("DATABASE_URL", &url)]).contains("pending"));
}

#[test]
fn by_another_name_it_says_what_it_is_called() {
    let told = refused("aroti", &[], 64);
    assert!(told.contains("api, worker or migration"), "{told}");
}
