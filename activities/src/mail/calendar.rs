//! A session as iCalendar text (RFC 5545), to be sent as an invitation or its withdrawal (RFC 5546).
//!
//! By hand: what the crate `icalendar` 0.17 writes had to be corrected in more places than are written here. Its last
//! folded line may have 76 octets, carriage returns and other control characters pass through, a quote in a name ends
//! the parameter, and an address is not encoded as a URI.

use jiff::fmt::strtime;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use workflows::{ids::SessionId, time::Instant};

/// What the receiver of a calendar shall do with its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Take it in, or take it in the place of an earlier one with the same UID.
    Request,
    /// Take it out.
    Cancel,
    /// Look at it; nobody is invited.
    Publish,
}

impl Method {
    /// The value of `METHOD`, and of the parameter `method` of the content type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
            Self::Publish => "PUBLISH",
        }
    }
}

/// How certain an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It may yet vanish: a hold.
    Tentative,
    /// It takes place.
    Confirmed,
    /// It does not.
    Cancelled,
}

/// Somebody at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person<'a> {
    /// What they are called; may be empty.
    pub name: &'a str,
    /// Their mail address.
    pub email: &'a str,
}

/// One event of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Names the event for ever, see [`uid`].
    pub uid: &'a str,
    /// Rises with each change; calendars ignore an event with a lower one than they have.
    pub sequence: u32,
    /// What the receiver shall do.
    pub method: Method,
    /// When it begins.
    pub starts_at: Instant,
    /// When it is over.
    pub ends_at: Instant,
    /// When this text was made.
    pub dtstamp: Instant,
    /// Its title.
    pub summary: &'a str,
    /// More about it, lines separated by `\n`.
    pub description: Option<&'a str>,
    /// Where it is.
    pub location: Option<&'a str>,
    /// A page about it.
    pub url: Option<&'a str>,
    /// Who invites.
    pub organizer: Person<'a>,
    /// Who is invited; left out of a published event, as RFC 5546 §3.2.1 wants it.
    pub attendees: &'a [Person<'a>],
    /// How certain it is; one that is withdrawn is always cancelled.
    pub status: Status,
}

/// The UID of a session's event: the same in every mail and feed, whatever becomes of the session.
#[must_use]
pub fn uid(session_id: SessionId, host: &str) -> String {
    format!("{session_id}@{host}")
}

impl Event<'_> {
    /// The event as a calendar of its own, in UTC, lines folded and ended by CRLF.
    #[must_use]
    pub fn to_calendar(&self) -> String {
        let mut lines = Lines::default();
        lines.push("BEGIN:VCALENDAR");
        lines.push("VERSION:2.0");
        lines.push("PRODID:-//Aroti//Sessions//EN");
        lines.push("CALSCALE:GREGORIAN");
        lines.push(&format!("METHOD:{}", self.method.as_str()));
        lines.push("BEGIN:VEVENT");
        lines.push(&format!("UID:{}", text(self.uid)));
        lines.push(&format!("SEQUENCE:{}", self.sequence));
        lines.push(&format!("DTSTAMP:{}", utc(self.dtstamp)));
        lines.push(&format!("DTSTART:{}", utc(self.starts_at)));
        lines.push(&format!("DTEND:{}", utc(self.ends_at)));
        lines.push(&format!("SUMMARY:{}", text(self.summary)));
        if let Some(description) = self.description {
            lines.push(&format!("DESCRIPTION:{}", text(description)));
        }
        if let Some(location) = self.location {
            lines.push(&format!("LOCATION:{}", text(location)));
        }
        if let Some(url) = self.url {
            lines.push(&format!("URL:{}", utf8_percent_encode(url, NOT_IN_URI)));
        }
        lines.push(&format!(
            "ORGANIZER{}:{}",
            common_name(self.organizer),
            mailto(self.organizer)
        ));
        if self.method != Method::Publish {
            for attendee in self.attendees {
                // They have booked already: nobody is asked for an answer.
                let parameters = "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE";
                lines.push(&format!(
                    "ATTENDEE{};{parameters}:{}",
                    common_name(*attendee),
                    mailto(*attendee)
                ));
            }
        }
        lines.push(match (self.method, self.status) {
            (Method::Cancel, _) | (_, Status::Cancelled) => "STATUS:CANCELLED",
            (_, Status::Confirmed) => "STATUS:CONFIRMED",
            (_, Status::Tentative) => "STATUS:TENTATIVE",
        });
        lines.push("TRANSP:OPAQUE");
        lines.push("END:VEVENT");
        lines.push("END:VCALENDAR");
        lines.0
    }
}

/// Content lines, RFC 5545 §3.1.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Add a line; what is longer than 75 octets goes on in the next one behind a space, never inside a character.
    fn push(&mut self, line: &str) {
        const OCTETS: usize = 75;
        let mut n_octets = 0;
        for character in line.chars() {
            if n_octets + character.len_utf8() > OCTETS {
                self.0.push_str("\r\n ");
                n_octets = 1;
            }
            self.0.push(character);
            n_octets += character.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// A value of type TEXT, RFC 5545 §3.3.11.
fn text(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.replace("\r\n", "\n").chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => escaped.push_str("\\n"),
            '\t' => escaped.push(' '),
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// The parameter with somebody's name. A quote cannot be written there (RFC 5545 §3.2), so an apostrophe stands for it.
fn common_name(person: Person<'_>) -> String {
    let name: String = person
        .name
        .chars()
        .map(|character| match character {
            '"' => '\'',
            space if space.is_control() || space == '\u{2028}' || space == '\u{2029}' => ' ',
            other => other,
        })
        .collect();
    match name.trim() {
        "" => String::new(),
        name => format!(";CN=\"{name}\""),
    }
}

/// What an address or a link may not contain as it is, RFC 3986 §2: above all no end of a line.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// Nor, besides, what would begin another part of a `mailto:` URI, RFC 6068 §2.
const NOT_IN_MAILTO: &AsciiSet = &NOT_IN_URI
    .add(b'%')
    .add(b'?')
    .add(b'#')
    .add(b'&')
    .add(b'/')
    .add(b';')
    .add(b',')
    .add(b':')
    .add(b'[')
    .add(b']');

fn mailto(person: Person<'_>) -> String {
    format!("mailto:{}", utf8_percent_encode(person.email, NOT_IN_MAILTO))
}

fn utc(instant: Instant) -> String {
    // Only an unknown directive can make this fail.
    strtime::format("%Y%m%dT%H%M%SZ", instant.timestamp()).unwrap_or_default()
}
