//! Free slots at a prompt: queries on standard input, answers on standard output.
//!
//! ```sh
//! cargo run -q -p workflows --example slots < query.json
//! ```

use std::{
    io::{self, BufWriter, Read as _, Write as _},
    process::ExitCode,
};
use workflows::slots::prompt;

/// Exit status where a document was refused.
const REFUSED: u8 = 2;

fn main() -> io::Result<ExitCode> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut status = ExitCode::SUCCESS;
    for answer in prompt::answers(&input) {
        let line = answer.or_else(|fault| {
            let line = serde_json::to_string(&fault)?;
            eprintln!("{line}");
            status = ExitCode::from(REFUSED);
            io::Result::Ok(line)
        })?;
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(status)
}
