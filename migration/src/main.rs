//! The migration process.

use std::process::ExitCode;

fn main() -> ExitCode {
    migration::command::main()
}
