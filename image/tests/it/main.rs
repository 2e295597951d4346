//! The program of the image, called as the image calls it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

/// What it does under that name, with an environment that says nothing.
fn called(name: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join(name);
    symlink(Path::new(env!("CARGO_BIN_EXE_aroti")), &link).unwrap();
    Command::new(link).args(arguments).env_clear().output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_is_the_api_by_that_name() {
    let contract = called("api", &["openapi"]);
    assert!(contract.status.success(), "{}", told(&contract));
    assert!(String::from_utf8_lossy(&contract.stdout).contains("/api/sessions"));
    let refused = called("api", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).starts_with("api: "), "{}", told(&refused));
}

#[test]
fn it_is_the_worker_by_that_name() {
    let refused = called("worker", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).starts_with("worker: "), "{}", told(&refused));
    let usage = called("worker", &["rollout", "sideways"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(told(&usage).contains("worker rollout"), "{}", told(&usage));
}

#[test]
fn it_is_the_migration_by_that_name() {
    let usage = called("migration", &[]);
    assert_eq!(usage.status.code(), Some(1));
    assert!(told(&usage).starts_with("migration: usage"), "{}", told(&usage));
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    let link = folder.path().join("migration");
    symlink(Path::new(env!("CARGO_BIN_EXE_aroti")), &link).unwrap();
    let up = Command::new(link)
        .arg("up")
        .env_clear()
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", told(&up));
    assert!(!String::from_utf8_lossy(&up.stdout).contains("pending"));
}

#[test]
fn by_another_name_it_says_what_it_is_called() {
    let nothing = called("aroti", &[]);
    assert_eq!(nothing.status.code(), Some(64));
    assert!(
        told(&nothing).contains("api, worker or migration"),
        "{}",
        told(&nothing)
    );
}
