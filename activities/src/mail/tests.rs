//! What stands in the mails, and what a mail server makes of them.

use super::{
    language,
    message::{Kind, Letter, LetterError, Origin, Recipient, Role},
    render::render,
};
use calendar::{event::Method, language::Language, testing};
use mail_parser::{MessageParser, MimeHeaders};
use workflows::{ids::SessionId, time::Instant};

const HOST: &str = "aroti.test";
const SESSION: &str = "0192f0c1-0000-5000-8000-000000000001";

const KINDS: [Kind; 7] = [
    Kind::Confirmation,
    Kind::Rescheduled,
    Kind::Reminder,
    Kind::Cancellation,
    Kind::Failed,
    Kind::ReviewInvitation,
    Kind::Offer,
];

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn session() -> SessionId {
    SESSION.parse().unwrap()
}

fn letter(kind: Kind, role: Role) -> Letter {
    let (name, email, other_party) = match role {
        Role::Client => ("Ada Lovelace", "ada@example.test", "Dr. Grace Hopper"),
        Role::Specialist => ("Dr. Grace Hopper", "grace@example.test", "Ada Lovelace"),
    };
    Letter {
        kind,
        role,
        session_id: session(),
        sequence: 0,
        reminder_minutes: None,
        to: Recipient {
            name: name.to_owned(),
            email: email.to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            locale: "en".to_owned(),
        },
        other_party: other_party.to_owned(),
        service: "Consultation".to_owned(),
        starts_at: at("2026-06-01T08:00:00Z"),
        ends_at: at("2026-06-01T08:30:00Z"),
        meeting_url: Some("https://meet.example.test/room-1".to_owned()),
        reason: None,
        notes: None,
        answer_by: (kind == Kind::Offer).then(|| at("2026-05-01T13:00:00Z")),
        manage_url: Some("https://aroti.test/sessions/1?a=1&b=2".to_owned()),
        at: at("2026-05-01T12:00:00Z"),
    }
}

fn german(kind: Kind, role: Role) -> Letter {
    let mut letter = letter(kind, role);
    letter.to.locale = "de-AT".to_owned();
    letter
}

fn origin() -> Origin {
    Origin {
        from: "Aroti <mail@aroti.test>".parse().unwrap(),
        host: HOST.to_owned(),
    }
}

/// The mail of a letter as bytes, which is what a server sees.
fn mail(letter: &Letter) -> Vec<u8> {
    letter.message(&origin()).unwrap().formatted()
}

/// What stands before the first empty line.
fn head(mail: &[u8]) -> String {
    let mail = String::from_utf8(mail.to_vec()).expect("mails are ASCII");
    mail.split_once("\r\n\r\n").expect("a body").0.to_owned()
}

mod dates {
    use super::*;

    fn span(language: Language, zone: &str, from: &str, to: &str) -> String {
        language::span(language, at(from), at(to), zone)
    }

    #[test]
    fn zones_and_languages() {
        let (from, to) = ("2026-06-01T08:00:00Z", "2026-06-01T08:30:00Z");
        let cases = [
            (
                Language::English,
                "Europe/Berlin",
                "Monday, 1 June 2026, 10:00–10:30 (Europe/Berlin)",
            ),
            (
                Language::German,
                "Europe/Berlin",
                "Montag, 1. Juni 2026, 10:00–10:30 Uhr (Europe/Berlin)",
            ),
            (
                Language::English,
                "Asia/Kathmandu",
                "Monday, 1 June 2026, 13:45–14:15 (Asia/Kathmandu)",
            ),
            (
                Language::English,
                "Pacific/Kiritimati",
                "Monday, 1 June 2026, 22:00–22:30 (Pacific/Kiritimati)",
            ),
            (
                Language::English,
                "America/Los_Angeles",
                "Monday, 1 June 2026, 01:00–01:30 (America/Los_Angeles)",
            ),
            (
                Language::English,
                "Atlantis/Capital",
                "Monday, 1 June 2026, 08:00–08:30 (UTC)",
            ),
            (Language::English, "", "Monday, 1 June 2026, 08:00–08:30 (UTC)"),
        ];
        for (language, zone, expected) in cases {
            assert_eq!(span(language, zone, from, to), expected);
        }
        assert_eq!(
            language::start(Language::German, at(from), "Europe/Berlin"),
            "Montag, 1. Juni 2026, 10:00"
        );
    }

    #[test]
    fn midnight_between_start_and_end() {
        let (from, to) = ("2026-12-31T22:45:00Z", "2026-12-31T23:15:00Z");
        assert_eq!(
            span(Language::English, "Europe/Berlin", from, to),
            "Thursday, 31 December 2026, 23:45 – Friday, 1 January 2027, 00:15 (Europe/Berlin)"
        );
        assert_eq!(
            span(Language::German, "Europe/Berlin", from, to),
            "Donnerstag, 31. Dezember 2026, 23:45 Uhr – Freitag, 1. Januar 2027, 00:15 Uhr (Europe/Berlin)"
        );
    }

    #[test]
    fn clocks_that_are_set() {
        let berlin = |from, to| span(Language::English, "Europe/Berlin", from, to);
        // Back: 02:00 to 03:00 comes twice.
        assert_eq!(
            berlin("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            "Sunday, 25 October 2026, 02:30 (UTC+2)–02:30 (UTC+1) (Europe/Berlin)"
        );
        assert_eq!(
            berlin("2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"),
            "Sunday, 25 October 2026, 03:00–03:30 (Europe/Berlin)"
        );
        // Forward: 02:00 to 03:00 does not come.
        assert_eq!(
            berlin("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
            "Sunday, 29 March 2026, 01:30–03:30 (Europe/Berlin)"
        );
        assert_eq!(
            span(
                Language::English,
                "America/St_Johns",
                "2026-11-01T03:45:00Z",
                "2026-11-01T04:15:00Z"
            ),
            "Sunday, 1 November 2026, 01:15 (UTC-2:30)–01:45 (UTC-2:30) (America/St_Johns)"
        );
    }

    #[test]
    fn every_month_and_weekday_has_a_name() {
        let names = |language: Language, step: i64, count: i64| -> std::collections::HashSet<String> {
            let start = at("2026-01-05T12:00:00Z");
            (0..count)
                .map(|n| language::start(language, start.plus_minutes(n * step), "UTC"))
                .collect()
        };
        for language in Language::ALL {
            let day = 24 * 60;
            for text in names(language, 31 * day, 12).into_iter().chain(names(language, day, 7)) {
                assert!(!text.contains("  ") && !text.starts_with(','), "{text}");
            }
        }
        assert_eq!(
            language::start(Language::German, at("2026-03-04T12:00:00Z"), "UTC"),
            "Mittwoch, 4. März 2026, 12:00"
        );
    }
}

mod texts {
    use super::*;
    use crate::mail::render::Rendered;

    #[test]
    fn every_kind_for_everybody_in_every_language() {
        for kind in KINDS {
            for role in [Role::Client, Role::Specialist] {
                for (letter, hello) in [(letter(kind, role), "Hello "), (german(kind, role), "Guten Tag ")] {
                    let rendered = render(&letter).unwrap();
                    let what = format!(
                        "{kind:?} {role:?} {}\n{}\n{}",
                        rendered.subject, rendered.text, rendered.html
                    );
                    assert!(
                        rendered.text.starts_with(&format!("{hello}{},\n\n", letter.to.name)),
                        "{what}"
                    );
                    assert!(rendered.subject.contains(&letter.other_party), "{what}");
                    assert!(!rendered.subject.contains(&letter.to.name), "{what}");
                    for body in [&rendered.text, &rendered.html] {
                        assert!(
                            body.contains("2026, 10:00–10:30") && body.contains("(Europe/Berlin)"),
                            "{what}"
                        );
                        assert!(
                            body.contains(&letter.other_party) && body.contains("Consultation"),
                            "{what}"
                        );
                        // No template's own marks, nothing undefined, no gap where a sentence should be.
                        assert!(!body.contains(['{', '}']) && !body.contains("undefined"), "{what}");
                        assert!(!body.contains("<p></p>") && !body.contains("\n\n\n\n"), "{what}");
                    }
                    let takes_place = matches!(kind, Kind::Confirmation | Kind::Rescheduled | Kind::Reminder);
                    assert_eq!(
                        rendered.text.contains("https://meet.example.test/room-1"),
                        takes_place,
                        "{what}"
                    );
                    assert_eq!(
                        rendered.html.contains("https://meet.example.test/room-1"),
                        takes_place,
                        "{what}"
                    );
                    assert!(
                        rendered.text.contains(": https://aroti.test/sessions/1?a=1&b=2\n"),
                        "{what}"
                    );
                    assert!(rendered.html.contains("/sessions/1?a=1&amp;b=2\""), "{what}");
                }
            }
        }
    }

    #[test]
    fn a_confirmation_as_text() {
        let mut letter = letter(Kind::Confirmation, Role::Client);
        letter.notes = Some("Bring:\r\n- tea; & <cake>".to_owned());
        let rendered = render(&letter).unwrap();
        assert_eq!(
            rendered.subject,
            "Confirmed: Consultation with Dr. Grace Hopper, Monday, 1 June 2026, 10:00"
        );
        assert_eq!(
            rendered.text,
            "Hello Ada Lovelace,\n\n\
             Your session with Dr. Grace Hopper is confirmed.\n\n\
             When: Monday, 1 June 2026, 10:00–10:30 (Europe/Berlin)\n\
             Service: Consultation\n\
             Specialist: Dr. Grace Hopper\n\
             Join: https://meet.example.test/room-1\n\
             Notes: Bring:\n- tea; & <cake>\n\n\
             Your calendar can take the session from this mail.\n\n\
             See or change the session: https://aroti.test/sessions/1?a=1&b=2\n\n\
             -- \nThis mail was sent automatically."
        );
    }

    #[test]
    fn a_cancellation_in_german() {
        let mut letter = german(Kind::Cancellation, Role::Specialist);
        letter.reason = Some("Krank".to_owned());
        letter.manage_url = None;
        let rendered = render(&letter).unwrap();
        assert_eq!(
            rendered.subject,
            "Abgesagt: Consultation mit Ada Lovelace, Montag, 1. Juni 2026, 10:00"
        );
        assert_eq!(
            rendered.text,
            "Guten Tag Dr. Grace Hopper,\n\n\
             Ihr Termin mit Ada Lovelace wurde abgesagt und findet nicht statt.\n\n\
             Wann: Montag, 1. Juni 2026, 10:00–10:30 Uhr (Europe/Berlin)\n\
             Leistung: Consultation\n\
             Kundin oder Kunde: Ada Lovelace\n\
             Grund: Krank\n\n\
             Ihr Kalender kann den Termin mit dieser E-Mail entfernen.\n\n\
             -- \nDiese E-Mail wurde automatisch verschickt."
        );
        assert!(rendered.html.contains("<html lang=\"de\">"));
    }

    #[test]
    fn html_shows_what_people_wrote_and_runs_none_of_it() {
        let mut letter = letter(Kind::Confirmation, Role::Client);
        letter.other_party = "<script>alert('x')</script>\" onload=\"x".to_owned();
        letter.notes = Some("</td><img src=x>\n{{ 1 + 1 }}".to_owned());
        letter.meeting_url = Some("https://x.test/\"><b>".to_owned());
        letter.manage_url = Some("javascript:alert(1)".to_owned());
        let Rendered { html, text, .. } = render(&letter).unwrap();
        for tag in ["<script", "<img", "<b>", "javascript:", "\" onload"] {
            assert!(!html.contains(tag), "{html}");
        }
        assert!(
            html.contains("&lt;script&gt;") && html.contains("{{ 1 + 1 }}"),
            "{html}"
        );
        assert!(text.contains("<img src=x>") && !text.contains("javascript:"), "{text}");
    }

    #[test]
    fn little_is_needed() {
        let mut letter = letter(Kind::Confirmation, Role::Client);
        letter.to.name = " ".to_owned();
        letter.meeting_url = None;
        letter.manage_url = None;
        letter.notes = Some(" \r\n".to_owned());
        let Rendered { text, .. } = render(&letter).unwrap();
        assert!(text.starts_with("Hello,\n\nYour session"), "{text}");
        assert!(
            !text.contains("Join") && !text.contains("Notes") && !text.contains("change"),
            "{text}"
        );
    }
}

mod mails {
    use super::*;

    #[test]
    fn the_message_id_is_of_the_letter_alone() {
        let mut letter = letter(Kind::Reminder, Role::Specialist);
        letter.sequence = 2;
        letter.reminder_minutes = Some(1440);
        assert_eq!(
            letter.message_id(HOST),
            format!("<reminder.2.1440.specialist.{SESSION}@aroti.test>")
        );
        let before = letter.message_id(HOST);
        letter.at = at("2027-01-01T00:00:00Z");
        letter.to.name = "Somebody Else".to_owned();
        letter.starts_at = at("2026-07-01T08:00:00Z");
        assert_eq!(letter.message_id(HOST), before);
        letter.reminder_minutes = None;
        letter.kind = Kind::ReviewInvitation;
        letter.role = Role::Client;
        assert_eq!(
            letter.message_id(HOST),
            format!("<review_invitation.2.client.{SESSION}@aroti.test>")
        );
    }

    #[test]
    fn the_same_letter_is_the_same_mail() {
        let letter = letter(Kind::Confirmation, Role::Client);
        assert_eq!(
            head(&mail(&letter))
                .lines()
                .filter(|line| !line.contains("boundary"))
                .collect::<Vec<_>>(),
            [
                "From: Aroti <mail@aroti.test>",
                "To: \"Ada Lovelace\" <ada@example.test>",
                "Subject: Confirmed: Consultation with Dr. Grace Hopper, Monday, 1 June 2026,",
                " 10:00",
                "Date: Fri, 01 May 2026 12:00:00 +0000",
                &format!("Message-ID: {}", letter.message_id(HOST)),
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
                "Content-Type: multipart/mixed;",
            ]
        );
        let parts = |mail: &[u8]| {
            let parsed = MessageParser::default().parse(mail).unwrap();
            parsed
                .parts
                .iter()
                .map(|part| part.contents().to_vec())
                .skip(2)
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(&mail(&letter)), parts(&mail(&letter)));
    }

    #[test]
    fn only_what_changes_a_calendar_has_one() {
        let mut calendars = Vec::new();
        for kind in KINDS {
            for role in [Role::Client, Role::Specialist] {
                let mut letter = letter(kind, role);
                letter.sequence = 4;
                let mail = mail(&letter);
                let parsed = MessageParser::default().parse(&mail).unwrap();
                let types: Vec<String> = parsed
                    .parts
                    .iter()
                    .map(|part| {
                        let of = part.content_type().unwrap();
                        format!("{}/{}", of.ctype(), of.subtype().unwrap())
                    })
                    .collect();
                let Some(method) = kind.method() else {
                    assert_eq!(types, ["multipart/alternative", "text/plain", "text/html"]);
                    continue;
                };
                assert_eq!(
                    types,
                    [
                        "multipart/mixed",
                        "multipart/alternative",
                        "text/plain",
                        "text/html",
                        "text/calendar",
                        "application/ics"
                    ]
                );
                for part in &parsed.parts[4..] {
                    let of = part.content_type().unwrap();
                    assert_eq!(of.attribute("method"), Some(method.as_str()));
                    assert_eq!(of.attribute("charset"), Some("utf-8"));
                    let text = std::str::from_utf8(part.contents()).unwrap().to_owned();
                    calendars.push((text, method, letter.to.clone()));
                }
                assert_eq!(parsed.parts[5].attachment_name(), Some("invite.ics"));
                assert_eq!(parsed.parts[4].contents(), parsed.parts[5].contents());
            }
        }
        let texts: Vec<&str> = calendars.iter().map(|(text, ..)| text.as_str()).collect();
        for (parsed, (_, method, to)) in testing::parse_all(&texts).into_iter().zip(&calendars) {
            assert_eq!(parsed.method, method.as_str());
            let [event] = parsed.events.try_into().unwrap();
            assert_eq!((event.uid, event.sequence), (format!("{SESSION}@{HOST}"), 4));
            assert_eq!(
                (event.dtstamp.as_str(), event.last_modified),
                ("2026-05-01T12:00:00Z", None)
            );
            assert_eq!(
                (event.starts_at.as_str(), event.ends_at.as_str()),
                ("2026-06-01T08:00:00Z", "2026-06-01T08:30:00Z")
            );
            assert_eq!(
                event.organizer,
                ("mail@aroti.test".to_owned(), Some("Aroti".to_owned()))
            );
            assert_eq!(event.attendees, [(to.email.clone(), Some(to.name.clone()))]);
            // Nobody is shown the way to what does not take place.
            let joins = *method == Method::Request;
            assert_eq!(event.location.is_some(), joins);
            assert_eq!(event.url, event.location);
            let said = event.description.unwrap();
            assert_eq!(said.contains("Join: https://meet.example.test/room-1"), joins, "{said}");
            assert!(said.contains("https://aroti.test/sessions/1?a=1&b=2"), "{said}");
        }
    }

    #[test]
    fn the_bodies_arrive_as_they_were_written() {
        for letter in [
            letter(Kind::Reminder, Role::Client),
            german(Kind::Confirmation, Role::Specialist),
        ] {
            let rendered = render(&letter).unwrap();
            let mail = mail(&letter);
            let parsed = MessageParser::default().parse(&mail).unwrap();
            assert_eq!(parsed.subject(), Some(rendered.subject.as_str()));
            assert_eq!(
                parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(),
                rendered.text.trim_end()
            );
            assert_eq!(
                parsed.body_html(0).unwrap().replace("\r\n", "\n").trim_end(),
                rendered.html.trim_end()
            );
        }
    }

    #[test]
    fn names_cannot_add_headers() {
        let evil = [
            "Ada\r\nBcc: eve@example.test",
            "Ada\nBcc: eve@example.test",
            "Ada\r\n\r\n<b>body</b>",
            "Ada \"the <first>\" Lovelace, eve@example.test",
            "\"",
            "\\",
            "Ädä 😀 Löv\u{2028}elace",
            "=?utf-8?q?x=0D=0ABcc:_eve@example.test?=",
            "\u{0}",
        ];
        for name in evil {
            let mut letter = letter(Kind::Confirmation, Role::Client);
            letter.to.name = name.to_owned();
            letter.other_party = name.to_owned();
            letter.service = name.to_owned();
            let mail = mail(&letter);
            let names: Vec<String> = head(&mail)
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap().to_owned())
                .collect();
            assert_eq!(
                names,
                [
                    "From",
                    "To",
                    "Subject",
                    "Date",
                    "Message-ID",
                    "Auto-Submitted",
                    "MIME-Version",
                    "Content-Type"
                ],
                "{name:?}"
            );
            let parsed = MessageParser::default().parse(&mail).unwrap();
            let to: Vec<_> = parsed
                .to()
                .unwrap()
                .iter()
                .map(|address| address.address().unwrap())
                .collect();
            assert_eq!(to, ["ada@example.test"], "{name:?}");
            assert_eq!(parsed.parts.len(), 6, "{name:?}");
            let envelope = letter.message(&origin()).unwrap().envelope().to().to_vec();
            assert_eq!(envelope, ["ada@example.test".parse().unwrap()]);
        }
    }

    #[test]
    fn an_address_must_be_one() {
        for email in [
            "",
            "ada",
            "ada@",
            "@example.test",
            "a@b@c",
            "ada@example.test\r\nBcc: eve@example.test",
            "ada lovelace@x.test",
            "Ada <ada@example.test>",
            "ada@example.test, eve@example.test",
            "ada@example.test\n",
        ] {
            let mut letter = letter(Kind::Confirmation, Role::Client);
            letter.to.email = email.to_owned();
            assert!(
                matches!(letter.message(&origin()), Err(LetterError::Address)),
                "{email:?}"
            );
        }
    }
}

#[cfg(feature = "outbox")]
mod sending {
    use super::*;
    use crate::{
        mail::sender::{MailError, Mailer, Outcome},
        outbox::server::Outbox,
    };
    use lettre::message::Mailbox;
    use settings::Sender;
    use std::{net::SocketAddr, time::Duration};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    const SOON: Duration = Duration::from_secs(10);
    const FROM: &str = "Aroti <mail@aroti.test>";

    async fn start() -> (Outbox, Mailer) {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let outbox = Outbox::start(any, any).await.unwrap();
        let mailer = mailer(&outbox, &[]);
        (outbox, mailer)
    }

    fn mailer(outbox: &Outbox, allowed: &[&str]) -> Mailer {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        Mailer::new(&format!("smtp://{}", outbox.smtp_addr()), &from(FROM), &allowed).unwrap()
    }

    fn to(email: &str) -> Letter {
        let mut letter = letter(Kind::Confirmation, Role::Client);
        letter.to.email = email.to_owned();
        letter
    }

    #[tokio::test]
    async fn a_letter_arrives_with_its_calendar() {
        let (outbox, mailer) = start().await;
        for letter in [
            german(Kind::Confirmation, Role::Client),
            german(Kind::Cancellation, Role::Client),
        ] {
            outbox.clear();
            assert_eq!(mailer.send(&letter).await.unwrap(), Outcome::Sent);
            let [message] = outbox.messages(Some("ada@example.test")).try_into().expect("one mail");
            let rendered = render(&letter).unwrap();
            assert_eq!(message.from, "mail@aroti.test");
            assert_eq!(message.subject.as_deref(), Some(rendered.subject.as_str()));
            assert_eq!(message.message_id, Some(letter.message_id("aroti.test")));
            assert_eq!(message.header("Auto-Submitted"), Some("auto-generated"));
            assert_eq!(message.header("Date"), Some("Fri, 01 May 2026 12:00:00 +0000"));
            assert_eq!(message.text.unwrap().replace("\r\n", "\n").trim_end(), rendered.text);
            assert_eq!(
                message.html.unwrap().replace("\r\n", "\n").trim_end(),
                rendered.html.trim_end()
            );
            let [alternative, attachment] = message.attachments.try_into().expect("two parts");
            let method = letter.kind.method().unwrap().as_str();
            assert_eq!(
                (alternative.content_type.as_str(), alternative.filename),
                ("text/calendar", None)
            );
            assert_eq!(attachment.filename.as_deref(), Some("invite.ics"));
            assert_eq!(
                (alternative.method.as_deref(), attachment.method.as_deref()),
                (Some(method), Some(method))
            );
            assert_eq!(testing::parse(alternative.text.as_deref().unwrap()).method, method);
            assert_eq!(alternative.text, attachment.text);
        }
    }

    #[tokio::test]
    async fn a_refusal_is_final_and_a_delay_is_not() {
        let (outbox, mailer) = start().await;
        let letter = to("ada@example.test");
        outbox.fail(451, 1);
        assert!(matches!(mailer.send(&letter).await, Err(MailError::Unavailable { .. })));
        assert_eq!(mailer.send(&letter).await.unwrap(), Outcome::Sent);
        outbox.fail(550, 1);
        assert!(matches!(
            mailer.send(&letter).await,
            Err(MailError::Refused { code: 550 })
        ));
        assert_eq!(mailer.send(&letter).await.unwrap(), Outcome::Sent);
        outbox.fail(530, 1);
        assert!(matches!(mailer.send(&letter).await, Err(MailError::Unavailable { .. })));
        assert_eq!(outbox.messages(None).len(), 2);
    }

    #[tokio::test]
    async fn errors_name_nobody() {
        let (outbox, mailer) = start().await;
        let mut errors = Vec::new();
        for code in [451, 550] {
            outbox.fail(code, 1);
            errors.push(mailer.send(&to("ada@example.test")).await.unwrap_err());
        }
        outbox.stop().await;
        errors.push(mailer.send(&to("ada@example.test")).await.unwrap_err());
        errors.push(mailer.send(&to("ada")).await.unwrap_err());
        for error in errors {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("ada") && !shown.contains("Lovelace"), "{shown}");
        }
        let wrong = Mailer::new("ftp://user:secret@host", &from(FROM), &[])
            .err()
            .expect("an error");
        assert!(!format!("{wrong:?}").contains("secret"));
    }

    #[tokio::test]
    async fn bad_addresses_and_absent_servers() {
        let (outbox, mailer) = start().await;
        assert!(matches!(mailer.send(&to("nobody")).await, Err(MailError::BadAddress)));
        // The outbox takes addresses beyond ASCII, as RFC 6531 has it.
        assert_eq!(mailer.send(&to("zoë@example.test")).await.unwrap(), Outcome::Sent);
        assert_eq!(outbox.messages(Some("zoë@example.test")).len(), 1);
        outbox.stop().await;
        assert!(matches!(
            mailer.send(&to("ada@example.test")).await,
            Err(MailError::Unavailable { .. })
        ));
    }

    #[tokio::test]
    async fn only_the_allowed_get_mail() {
        let (outbox, _) = start().await;
        let mailer = mailer(&outbox, &["Example.test", " grace@other.test", "@third.test", ""]);
        for (email, outcome) in [
            ("ada@EXAMPLE.test", Outcome::Sent),
            ("Grace@other.test", Outcome::Sent),
            ("x@third.test", Outcome::Sent),
            ("ada@other.test", Outcome::Skipped),
            ("ada@sub.example.test", Outcome::Skipped),
            ("ada@notexample.test", Outcome::Skipped),
            ("example.test@evil.test", Outcome::Skipped),
        ] {
            assert_eq!(mailer.send(&to(email)).await.unwrap(), outcome, "{email}");
        }
        assert_eq!(outbox.messages(None).len(), 3);
    }

    #[tokio::test]
    async fn a_hundred_at_once_and_a_restart_in_between() {
        let (outbox, mailer) = start().await;
        let mailer = std::sync::Arc::new(mailer);
        let wave = || {
            (0..100)
                .map(|n| {
                    let mailer = mailer.clone();
                    tokio::spawn(async move { mailer.send(&to(&format!("{n}@example.test"))).await.unwrap() })
                })
                .collect::<Vec<_>>()
        };
        for sent in wave() {
            assert_eq!(sent.await.unwrap(), Outcome::Sent);
        }
        assert_eq!(outbox.messages(None).len(), 100);
        let (smtp, page) = (outbox.smtp_addr(), outbox.page_addr());
        outbox.stop().await;
        // The connections of before are dead; nobody notices.
        let outbox = Outbox::start(smtp, page).await.unwrap();
        for sent in wave() {
            assert_eq!(sent.await.unwrap(), Outcome::Sent);
        }
        assert_eq!(outbox.messages(None).len(), 100);
    }

    /// The connection of a server that takes commands until `DATA`, where it falls silent.
    async fn silent_at_data(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 hello\r\n").await.unwrap();
        let mut buffer = [0; 4_096];
        loop {
            let n_read = stream.read(&mut buffer).await.unwrap();
            if buffer[..n_read].starts_with(b"DATA") {
                return stream;
            }
            stream.write_all(b"250 fine\r\n").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_mail_that_was_given_up_closes_its_connection() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mailer = Mailer::new(&format!("smtp://{}", listener.local_addr().unwrap()), &from(FROM), &[]).unwrap();
        let letter = to("ada@example.test");
        // What was begun is never taken up again: the second mail has a connection of its own.
        for _ in 0..2 {
            let mut stream = tokio::select! {
                stream = silent_at_data(&listener) => stream,
                sent = mailer.send(&letter) => panic!("{sent:?}"),
            };
            let mut rest = Vec::new();
            let ended = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "the connection is still open");
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn urls_and_senders() {
        for url in [
            "smtp://mail.example.test",
            "smtp://127.0.0.1:1025/me.example.test",
            "smtps://user:p%40ss@mail.example.test",
            "smtp://[::1]:587?tls=required",
            "smtp://mail.example.test?tls=opportunistic",
        ] {
            assert!(Mailer::new(url, &from(FROM), &[]).is_ok(), "{url}");
        }
        for url in [
            "",
            "mail.example.test",
            "http://mail.example.test",
            "smtp:///",
            "smtp://h?tls=maybe",
            "smtps://h?tls=x",
        ] {
            assert!(Mailer::new(url, &from(FROM), &[]).is_err(), "{url}");
        }
        for no_address in ["no address@aroti.test", "a@b@aroti.test"] {
            assert!(Mailer::new("smtp://h", &from(no_address), &[]).is_err(), "{no_address}");
        }
    }

    /// The API has no mail library and names sessions by the same host.
    #[test]
    fn a_sender_is_read_as_the_mail_library_reads_it() {
        for text in [
            "mail@aroti.test",
            "Aroti <mail@aroti.test>",
            "<mail@aroti.test>",
            "\"Aroti, Inc. \\\"the one\\\"\" <mail+x@Mail.Aroti.test>",
            "Zoë 😀 <no-reply@localhost>",
        ] {
            let theirs: Mailbox = text.parse().unwrap();
            let mailer = Mailer::new("smtp://h", &from(text), &[]).unwrap();
            let origin = mailer.origin();
            assert_eq!(origin.from, theirs, "{text}");
            assert_eq!(origin.host, theirs.email.domain(), "{text}");
        }
    }

    fn from(text: &str) -> Sender {
        text.parse().unwrap()
    }
}
