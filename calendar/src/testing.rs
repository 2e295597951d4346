//! What a parser of somebody else's makes of a calendar: the Python package `icalendar`, which `scripts/tool` has.
//!
//! Tests may panic; so may this.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use serde::Deserialize;
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// A calendar as it was understood.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Parsed {
    /// `METHOD`.
    pub method: String,
    /// `X-WR-CALNAME`, and `NAME`, which are the same.
    pub name: Option<String>,
    /// `REFRESH-INTERVAL`, and `X-PUBLISHED-TTL`, which are the same: in seconds.
    pub refresh_seconds: Option<u64>,
    /// The events, in their order.
    pub events: Vec<Happening>,
}

/// An event as it was understood; instants are `2026-06-01T08:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Happening {
    /// `UID`.
    pub uid: String,
    /// `SEQUENCE`.
    pub sequence: u32,
    /// `STATUS`.
    pub status: String,
    /// `DTSTAMP`.
    pub dtstamp: String,
    /// `LAST-MODIFIED`.
    pub last_modified: Option<String>,
    /// `DTSTART`.
    pub starts_at: String,
    /// `DTEND`.
    pub ends_at: String,
    /// `SUMMARY`.
    pub summary: String,
    /// `DESCRIPTION`.
    pub description: Option<String>,
    /// `LOCATION`.
    pub location: Option<String>,
    /// `URL`.
    pub url: Option<String>,
    /// `ORGANIZER`, and the name in it.
    pub organizer: (String, Option<String>),
    /// Each `ATTENDEE`, and the name in it.
    pub attendees: Vec<(String, Option<String>)>,
}

/// Read `calendar`, whose form is looked at strictly, see [`read`].
///
/// # Panics
/// With what is wrong with it; or when Python or the package is missing and cannot be installed.
#[must_use]
pub fn parse(calendar: &str) -> Parsed {
    parse_all(&[calendar]).pop().expect("one for one")
}

/// Read many at once, which takes hardly longer than one.
///
/// # Panics
/// As [`parse`].
#[must_use]
pub fn parse_all(calendars: &[&str]) -> Vec<Parsed> {
    read(calendars).unwrap_or_else(|why| panic!("not a calendar:\n{why}\n{}", calendars.join("\n")))
}

/// Read calendars, whose form is looked at strictly on the way: ends and lengths of lines, what must be there, what may
/// be there once, what the method wants.
///
/// # Errors
/// What is wrong with the first that is.
///
/// # Panics
/// When Python or the package is missing and cannot be installed.
pub fn read(calendars: &[&str]) -> Result<Vec<Parsed>, String> {
    let mut child = Command::new(python())
        .args(["-I", "-c", include_str!("testing.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python runs");
    let mut stdin = child.stdin.take().expect("it was piped");
    // It reads all before it writes, so nobody waits for the other.
    stdin
        .write_all(&serde_json::to_vec(calendars).unwrap())
        .expect("python reads");
    drop(stdin);
    let output = child.wait_with_output().expect("python ends");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let parsed: Vec<Parsed> = serde_json::from_slice(&output.stdout).expect("what the script writes");
    assert_eq!(parsed.len(), calendars.len());
    Ok(parsed)
}

/// A Python that has the package.
fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let finder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/tool");
        let found = Command::new(finder)
            .arg("icalendar")
            .stderr(Stdio::inherit())
            .output()
            .expect("scripts/tool runs");
        assert!(found.status.success(), "there is no parser for calendars");
        String::from_utf8(found.stdout).unwrap().trim().to_owned()
    })
}
