//! Lines for whoever sits at the terminal.

use std::io::Write;

/// Print a line; nobody reading is no reason to fail.
pub fn say(line: &str) {
    let _unread = writeln!(std::io::stdout(), "{line}");
}
