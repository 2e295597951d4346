//! `make run`: everything on this machine, for a developer. Never in an image.
//!
//! One command starts the engine, a token issuer, an outbox for mails, the worker and the API on one folder of data, with
//! demo specialists in it, and stops all of it. Start at [`start::run`]; [`seed`] is the demo data.

mod config;
mod identity;
mod keeper;
mod keys;
mod ports;
mod program;
mod ready;
mod run_file;
mod say;
mod seed;
mod start;
mod tools;
mod welcome;

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match start::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dev: {error:#}");
            ExitCode::FAILURE
        }
    }
}
