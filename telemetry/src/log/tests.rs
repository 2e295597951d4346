use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing::{Level, info, info_span, span};
use tracing_subscriber::layer::SubscriberExt;

use super::{LogFormat, LogLevel, json};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines(level: &str, work: impl FnOnce()) -> Vec<Value> {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::registry()
        .with(level.parse::<LogLevel>().unwrap().filter())
        .with(json("api", move || writer.clone()));
    tracing::subscriber::with_default(subscriber, work);
    let bytes = captured.0.lock().unwrap().clone();
    String::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read")]
struct Outer(#[source] io::Error);

#[test]
fn a_line_is_one_object_with_the_fields_of_its_spans() {
    let seen = lines("info", || {
        let outer = info_span!(
            "request",
            request_id = "r-1",
            user_id = tracing::field::Empty,
            step = "outer"
        );
        let _outer = outer.enter();
        outer.record("user_id", "u-1");
        let _inner = span!(Level::INFO, "work", step = "inner", level = "not this").entered();
        let error = Outer(io::Error::other("gone"));
        let error: &(dyn std::error::Error + 'static) = &error;
        info!(duration_ms = 12, error, session.id = %7, "held slot\nfor {}", 7);
    });
    let [line] = seen.as_slice() else { panic!("{seen:?}") };
    let field = |name: &str| line.get(name).cloned().unwrap_or_default();
    assert_eq!(field("message"), "held slot\nfor 7");
    assert_eq!(field("level"), "info");
    assert_eq!(field("service"), "api");
    assert_eq!(field("request_id"), "r-1");
    assert_eq!(field("user_id"), "u-1");
    assert_eq!(field("step"), "inner");
    assert_eq!(field("session.id"), "7");
    assert_eq!(field("duration_ms"), 12);
    assert_eq!(field("error"), "cannot read: gone");
    assert!(
        field("timestamp").as_str().is_some_and(|text| text.ends_with('Z')),
        "{line}"
    );
}

#[test]
fn libraries_are_quiet_unless_asked() {
    let chatter = || {
        info!(target: "sqlx::query", "select");
        info!(target: "api::sessions", "booked");
    };
    let targets = |level: &str| {
        lines(level, chatter)
            .iter()
            .map(|line| line["target"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(targets("info"), ["api::sessions"]);
    assert_eq!(targets("warn,sqlx=info"), ["sqlx::query"]);
}

#[test]
fn levels_and_formats_are_parsed_once() {
    for good in ["info", "WARN", "off", "info,sqlx=debug", "api::sessions=trace"] {
        assert!(good.parse::<LogLevel>().is_ok(), "{good}");
    }
    for bad in ["", "loud", "info,loud", "sqlx=loud"] {
        assert!(bad.parse::<LogLevel>().is_err(), "{bad}");
    }
    assert_eq!("json".parse(), Ok(LogFormat::Json));
    assert_eq!("pretty".parse(), Ok(LogFormat::Pretty));
    assert!("xml".parse::<LogFormat>().is_err());
}
