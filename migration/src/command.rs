//! `migration up | down [n | all] | fresh | status`, on the database that `DATABASE_URL` names.

use anyhow::{Context, Result, bail};
use sea_orm_migration::sea_orm::{ConnectOptions, Database, sqlx::postgres::PgConnectOptions};
use std::{env, process::ExitCode};

const USAGE: &str = "usage: migration up | down [n | all] | fresh | status";

/// The whole process, from its arguments to its status.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("migration: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let command = Command::parse(&arguments).context(USAGE)?;
    let url = env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    // The library's own message repeats the URL, password and all.
    if !url.starts_with("sqlite:") && url.parse::<PgConnectOptions>().is_err() {
        bail!("DATABASE_URL cannot be parsed");
    }
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    if options.get_url().starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .busy_timeout(std::time::Duration::from_secs(60))
        });
    }
    let db = Database::connect(options)
        .await
        .context("no connection to the database")?;
    match command {
        Command::Up => crate::up(&db).await.context("up")?,
        Command::Down(steps) => crate::down(&db, steps).await.context("down")?,
        Command::Fresh if env::var("APP_ENV").is_ok_and(|name| name == "production") => {
            bail!("fresh loses every row, and APP_ENV is production")
        }
        Command::Fresh => crate::fresh(&db).await.context("fresh")?,
        Command::Status => {}
    }
    for step in crate::status(&db).await.context("status")? {
        println!("{} {}", if step.applied { "applied" } else { "pending" }, step.name);
    }
    Ok(())
}

enum Command {
    Up,
    Down(Option<u32>),
    Fresh,
    Status,
}

impl Command {
    fn parse(arguments: &[&str]) -> Option<Self> {
        match arguments {
            ["up"] => Some(Self::Up),
            ["down"] => Some(Self::Down(Some(1))),
            ["down", "all"] => Some(Self::Down(None)),
            ["down", steps] => steps.parse().ok().map(|steps| Self::Down(Some(steps))),
            ["fresh"] => Some(Self::Fresh),
            ["status"] => Some(Self::Status),
            _ => None,
        }
    }
}
