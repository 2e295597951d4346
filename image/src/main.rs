//! The one program of the image, which is `api`, `worker` or `migration` by the name that it is called by.
//!
//! Three programs would each carry the engine's client, the database's and the cryptography, and be twice as large.

use std::{env, path::Path, process::ExitCode};

/// As in `api` and `worker` by themselves.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let called = env::args_os().next().unwrap_or_default();
    match Path::new(&called).file_name().and_then(|name| name.to_str()) {
        Some("api") => api::process::main(),
        Some("worker") => activities::process::main(),
        Some("migration") => migration::command::main(),
        _ => {
            eprintln!("aroti: call it api, worker or migration (a link to it of that name)");
            ExitCode::from(64)
        }
    }
}
