//! One event, whatever stands in it.

use calendar::{
    event::{Event, Method, Person, Status},
    session::uid,
    testing::{parse, parse_all},
};
use workflows::time::Instant;

pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub fn event<'a>(attendees: &'a [Person<'a>]) -> Event<'a> {
    Event {
        uid: "1@aroti.test",
        sequence: 3,
        starts_at: at("2026-06-01T08:00:00Z"),
        ends_at: at("2026-06-01T08:30:00.000001Z"),
        dtstamp: at("2026-05-01T12:00:00Z"),
        last_modified: None,
        summary: "Consultation with Grace",
        description: None,
        location: None,
        url: None,
        organizer: Person {
            name: "Aroti",
            email: "mail@aroti.test",
        },
        attendees,
        status: Status::Confirmed,
    }
}

const ADA: [Person<'static>; 1] = [Person {
    name: "Ada",
    email: "ada@example.test",
}];

#[test]
fn an_invitation() {
    let calendar = event(&ADA).to_calendar(Method::Request);
    assert_eq!(
        calendar.replace("\r\n ", "").split("\r\n").collect::<Vec<_>>(),
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Aroti//Sessions//EN",
            "CALSCALE:GREGORIAN",
            "METHOD:REQUEST",
            "BEGIN:VEVENT",
            "UID:1@aroti.test",
            "SEQUENCE:3",
            "DTSTAMP:20260501T120000Z",
            "DTSTART:20260601T080000Z",
            "DTEND:20260601T083000Z",
            "SUMMARY:Consultation with Grace",
            "ORGANIZER;CN=\"Aroti\":mailto:mail@aroti.test",
            "ATTENDEE;CN=\"Ada\";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:ada@example.test",
            "STATUS:CONFIRMED",
            "TRANSP:OPAQUE",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    );
    let parsed = parse(&calendar);
    assert_eq!(
        (parsed.method.as_str(), parsed.name, parsed.refresh_seconds),
        ("REQUEST", None, None)
    );
    let [happening] = parsed.events.try_into().unwrap();
    assert_eq!((happening.uid.as_str(), happening.sequence), ("1@aroti.test", 3));
    assert_eq!(
        happening.organizer,
        ("mail@aroti.test".to_owned(), Some("Aroti".to_owned()))
    );
    assert_eq!(
        happening.attendees,
        [("ada@example.test".to_owned(), Some("Ada".to_owned()))]
    );
    assert_eq!(happening.dtstamp, "2026-05-01T12:00:00Z");
    assert_eq!(
        (happening.starts_at.as_str(), happening.ends_at.as_str()),
        ("2026-06-01T08:00:00Z", "2026-06-01T08:30:00Z")
    );
}

#[test]
fn a_withdrawal_is_cancelled_and_a_publication_invites_nobody() {
    for (method, status, expected) in [
        (Method::Cancel, Status::Confirmed, "CANCELLED"),
        (Method::Publish, Status::Tentative, "TENTATIVE"),
        (Method::Publish, Status::Confirmed, "CONFIRMED"),
        (Method::Publish, Status::Cancelled, "CANCELLED"),
    ] {
        let parsed = parse(&Event { status, ..event(&ADA) }.to_calendar(method));
        assert_eq!(parsed.method, method.as_str());
        assert_eq!(parsed.events[0].status, expected);
        assert_eq!(parsed.events[0].attendees.is_empty(), method == Method::Publish);
    }
}

#[test]
fn one_session_has_one_uid() {
    let session = "0192f0c1-0000-5000-8000-000000000001";
    assert_eq!(
        uid(session.parse().unwrap(), "aroti.test"),
        format!("{session}@aroti.test")
    );
}

#[test]
fn text_is_escaped() {
    let cases = [
        ("a;b,c\\d", "a;b,c\\d"),
        ("a\nb\r\nc\rd", "a\nb\nc\nd"),
        ("\\n is no end of a line", "\\n is no end of a line"),
        ("x\u{0}\u{7}\u{1b}\u{85}y\tz", "xy z"),
        ("a\u{2028}b", "a\nb"),
        ("EN:D\nEND:VEVENT\nBEGIN:VALARM", "EN:D\nEND:VEVENT\nBEGIN:VALARM"),
    ];
    for (text, expected) in cases {
        let calendar = Event {
            summary: text,
            description: Some(text),
            ..event(&[])
        };
        let [happening] = parse(&calendar.to_calendar(Method::Publish)).events.try_into().unwrap();
        assert_eq!(happening.summary, expected);
        assert_eq!(happening.description.as_deref(), Some(expected));
    }
}

#[test]
fn long_lines_are_folded_between_characters() {
    let texts: Vec<String> = ["x", "ü", "€", "😀", "x😀", ",", "\\", "\n"]
        .iter()
        .flat_map(|character| (0..160).map(|length| character.repeat(length)))
        .collect();
    let calendars: Vec<String> = texts
        .iter()
        .map(|text| {
            let calendar = Event {
                summary: text,
                ..event(&[])
            };
            calendar.to_calendar(Method::Publish)
        })
        .collect();
    let parsed = parse_all(&calendars.iter().map(String::as_str).collect::<Vec<_>>());
    for (text, parsed) in texts.iter().zip(parsed) {
        assert_eq!(parsed.events[0].summary, *text);
    }
}

#[test]
fn names_and_addresses_cannot_leave_their_place() {
    let names = [
        "Hopper; Grace, Dr. \"Amazing\": PhD",
        "A\r\nX-EVIL:1",
        "",
        " \t ",
        "Zoë 😀",
    ];
    let emails = [
        "a+b%c@example.test",
        "\"a b?c#d;e:f,g\"@example.test",
        "a@example.test\r\nX-EVIL:1",
    ];
    for name in names {
        for email in emails {
            let people = [Person { name, email }];
            let calendar = Event {
                organizer: people[0],
                url: Some("https://x.test/\r\nX-EVIL:1"),
                ..event(&people)
            }
            .to_calendar(Method::Request);
            let lines = calendar.replace("\r\n ", "");
            assert!(!lines.contains("\r\nX-EVIL"), "{lines}");
            let organizer = lines
                .split("\r\n")
                .find_map(|line| line.strip_prefix("ORGANIZER"))
                .unwrap();
            let (parameter, address) = organizer.rsplit_once(":mailto:").unwrap();
            assert_eq!(parameter.is_empty(), name.trim().is_empty(), "{organizer}");
            let quoted = parameter.strip_prefix(";CN=\"").and_then(|it| it.strip_suffix('"'));
            assert!(
                parameter.is_empty() || quoted.is_some_and(|it| !it.contains('"')),
                "{organizer}"
            );
            assert!(!address.contains(['"', ' ', ';', ',', '?', '#']), "{address}");
            let [happening] = parse(&calendar).events.try_into().unwrap();
            assert_eq!(happening.organizer.0, address);
            assert_eq!(happening.organizer, happening.attendees[0]);
        }
    }
}
