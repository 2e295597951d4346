//! `cargo run -p workflows --example slots`: the slot arithmetic at a prompt.

use std::{
    env,
    io::Write,
    process::{Command, Output, Stdio},
};

const QUERY: &str = r#"{"time_zone":"Europe/Berlin","weekly":{"mon":[["09:00","17:00"]],"tue":[]},
 "overrides":[{"date":"2026-06-05","windows":[["10:00","12:00"]]}],
 "duration_minutes":30,"interval_minutes":30,"buffer_before_minutes":0,"buffer_after_minutes":0,
 "minimum_notice_minutes":0,"booking_window_days":null,"book_until":null,"max_per_day":null,"max_per_week":null,
 "sessions":[{"starts_at":"2026-06-01T08:00:00Z","ends_at":"2026-06-01T08:30:00Z","buffer_before_minutes":0,"buffer_after_minutes":0,"expires_at":null}],
 "busy":[{"from":"2026-06-01T09:00:00Z","to":"2026-06-01T10:00:00Z"}],
 "now":"2026-05-30T12:00:00Z","from":"2026-06-01T00:00:00Z","to":"2026-06-08T00:00:00Z"}"#;

/// What the program says to that input, as built beside the tests.
fn prompt(input: &str) -> Output {
    let tests = env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/slots");
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo builds examples with the tests");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_document_over_several_lines_is_answered_with_its_free_starts() {
    let output = prompt(QUERY);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(r#"{"slots":["2026-06-01T07:00:00Z","2026-06-01T07:30:00Z","2026-06-01T08:30:00Z","#),
        "{text}"
    );
    assert!(
        !text.contains("2026-06-01T09:00:00Z"),
        "the external calendar is busy then"
    );
    assert_eq!(
        text.matches('Z').count(),
        17,
        "thirteen on Monday, four on the Friday that is open by an override"
    );
}

#[test]
fn one_bad_line_costs_its_own_answer_only() {
    let line = QUERY.replace('\n', "");
    let why = line.replacen('{', r#"{"at":"2026-06-01T08:00:00Z","#, 1);
    let output = prompt(&format!("{line}\nnot json\n{why}\n"));
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with(r#"{"slots":["#));
    assert!(lines[1].starts_with(r#"{"error":"#) && lines[1].contains(r#""message":"#));
    assert_eq!(lines[2], r#"{"bookable":false,"because":["slot_taken"]}"#);
    assert!(String::from_utf8(output.stderr).unwrap().contains(r#"{"error":"#));
}
