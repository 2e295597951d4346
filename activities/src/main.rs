//! The worker process.

use std::process::ExitCode;

/// Histories that are read and written are many small allocations on several threads.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    activities::process::main()
}
