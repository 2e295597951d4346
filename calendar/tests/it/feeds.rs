//! Calendars to subscribe to.

use crate::events::{at, event};
use calendar::{
    event::{Calendar, Event, Status},
    testing::{parse, read},
};

#[test]
fn a_feed_has_a_name_and_many_events() {
    let mut calendar = Calendar::feed("Aroti, at \"home\"; ü", 15);
    let statuses = [Status::Confirmed, Status::Tentative, Status::Cancelled];
    for (n, status) in statuses.into_iter().enumerate() {
        calendar.add(&Event {
            uid: &format!("{n}@aroti.test"),
            status,
            last_modified: Some(at("2026-05-02T12:00:00.9Z")),
            location: Some("https://meet.example.test/a,b;c"),
            url: Some("https://meet.example.test/a,b;c"),
            ..event(&[])
        });
    }
    let parsed = parse(&calendar.end());
    assert_eq!(parsed.method, "PUBLISH");
    assert_eq!(parsed.name.as_deref(), Some("Aroti, at \"home\"; ü"));
    assert_eq!(parsed.refresh_seconds, Some(900));
    let told: Vec<_> = parsed
        .events
        .iter()
        .map(|event| (event.uid.as_str(), event.status.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("0@aroti.test", "CONFIRMED"),
            ("1@aroti.test", "TENTATIVE"),
            ("2@aroti.test", "CANCELLED")
        ]
    );
    assert_eq!(parsed.events[0].last_modified.as_deref(), Some("2026-05-02T12:00:00Z"));
    assert_eq!(
        parsed.events[0].location.as_deref(),
        Some("https://meet.example.test/a,b;c")
    );
    assert_eq!(parsed.events[0].url, parsed.events[0].location);
}

#[test]
fn a_feed_without_events_is_a_calendar() {
    let parsed = parse(&Calendar::feed("Aroti", 15).end());
    assert_eq!(parsed.events, []);
    assert_eq!(parsed.name.as_deref(), Some("Aroti"));
}

/// What these tests rest on.
#[test]
fn the_parser_is_strict() {
    let mut calendar = Calendar::feed("Aroti", 15);
    calendar.add(&event(&[]));
    let calendar = calendar.end();
    assert!(read(&[&calendar]).is_ok());
    for (from, to, why) in [
        ("\r\n", "\n", "the last line is ended"),
        ("SUMMARY:C", &format!("SUMMARY:{}C", "x".repeat(60)), "octets"),
        ("SUMMARY:C", "SUMMARY:\u{85}C", "a control character"),
        ("UID:1@aroti.test\r\n", "", "UID is missing"),
        ("STATUS:CONFIRMED\r\n", "", "STATUS is missing"),
        ("SEQUENCE:3\r\n", "", "SEQUENCE is missing"),
        ("STATUS:", "STATUS:TENTATIVE\r\nSTATUS:", "STATUS stands more than once"),
        ("DTSTAMP:20260501T120000Z", "DTSTAMP:20260501T120000", "not in UTC"),
        ("DTSTART:20260601T080000Z", "DTSTART:20260601T0x0000Z", "DTSTART"),
        ("METHOD:PUBLISH", "METHOD:REQUEST", "is for somebody"),
        ("PT15M", "PT15", "PT15"),
    ] {
        let wrong = calendar.replace(from, to);
        assert_ne!(wrong, calendar, "{from}");
        let told = read(&[&wrong]).unwrap_err();
        assert!(told.contains(why), "{to}: {told}");
    }
}
