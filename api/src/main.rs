//! The HTTP process.

use std::process::ExitCode;

/// Requests are many small allocations on several threads.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    api::process::main()
}
