//! Calendars and their events.
//!
//! By hand: what the crate `icalendar` 0.17 writes had to be corrected in more places than are written here. Its last
//! folded line may have 76 octets, carriage returns and other control characters pass through, a quote in a name ends
//! the parameter, and an address is not encoded as a URI.

use crate::lines::{Lines, common_name, mailto, text, uri, utc};
use workflows::time::Instant;

/// What the receiver of a calendar shall do with its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Take them in, or take them in the place of earlier ones with the same UID.
    Request,
    /// Take them out.
    Cancel,
    /// Look at them; nobody is invited.
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
    /// Names the event for ever, see [`crate::session::uid`].
    pub uid: &'a str,
    /// Rises with each change; calendars ignore an event with a lower one than they have.
    pub sequence: u32,
    /// When it begins.
    pub starts_at: Instant,
    /// When it is over.
    pub ends_at: Instant,
    /// When this text was made; of two with one sequence, calendars keep the later.
    pub dtstamp: Instant,
    /// When what it tells of was last changed.
    pub last_modified: Option<Instant>,
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

impl Event<'_> {
    /// The event as a calendar of its own.
    #[must_use]
    pub fn to_calendar(&self, method: Method) -> String {
        let mut calendar = Calendar::new(method);
        calendar.add(self);
        calendar.end()
    }
}

/// A calendar being written: any number of events, in UTC, lines folded and ended by CRLF.
#[derive(Debug)]
pub struct Calendar {
    lines: Lines,
    method: Method,
    is_empty: bool,
}

impl Calendar {
    /// One that is sent or fetched.
    #[must_use]
    pub fn new(method: Method) -> Self {
        let mut lines = Lines::default();
        lines.push("BEGIN:VCALENDAR");
        lines.push("VERSION:2.0");
        lines.push("PRODID:-//Aroti//Sessions//EN");
        lines.push("CALSCALE:GREGORIAN");
        lines.push(&format!("METHOD:{}", method.as_str()));
        Self {
            lines,
            method,
            is_empty: true,
        }
    }

    /// One that is subscribed to, called `name`; subscribers are asked to look again every `refresh_minutes`.
    ///
    /// # Source
    /// RFC 7986 §5.1 and §5.7, each followed by the extension that came before it and that more programs know.
    #[must_use]
    pub fn feed(name: &str, refresh_minutes: u32) -> Self {
        let mut calendar = Self::new(Method::Publish);
        let name = text(name);
        for line in [
            format!("NAME:{name}"),
            format!("X-WR-CALNAME:{name}"),
            format!("REFRESH-INTERVAL;VALUE=DURATION:PT{refresh_minutes}M"),
            format!("X-PUBLISHED-TTL:PT{refresh_minutes}M"),
        ] {
            calendar.lines.push(&line);
        }
        calendar
    }

    /// Add an event.
    pub fn add(&mut self, event: &Event<'_>) {
        self.is_empty = false;
        let lines = &mut self.lines;
        lines.push("BEGIN:VEVENT");
        lines.push(&format!("UID:{}", text(event.uid)));
        lines.push(&format!("SEQUENCE:{}", event.sequence));
        lines.push(&format!("DTSTAMP:{}", utc(event.dtstamp)));
        if let Some(at) = event.last_modified {
            lines.push(&format!("LAST-MODIFIED:{}", utc(at)));
        }
        lines.push(&format!("DTSTART:{}", utc(event.starts_at)));
        lines.push(&format!("DTEND:{}", utc(event.ends_at)));
        lines.push(&format!("SUMMARY:{}", text(event.summary)));
        if let Some(description) = event.description {
            lines.push(&format!("DESCRIPTION:{}", text(description)));
        }
        if let Some(location) = event.location {
            lines.push(&format!("LOCATION:{}", text(location)));
        }
        if let Some(url) = event.url {
            lines.push(&format!("URL:{}", uri(url)));
        }
        let organizer = event.organizer;
        lines.push(&format!("ORGANIZER{}:{}", common_name(organizer), mailto(organizer)));
        if self.method != Method::Publish {
            for attendee in event.attendees {
                // They have booked already: nobody is asked for an answer.
                let parameters = "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE";
                lines.push(&format!(
                    "ATTENDEE{};{parameters}:{}",
                    common_name(*attendee),
                    mailto(*attendee)
                ));
            }
        }
        lines.push(match (self.method, event.status) {
            (Method::Cancel, _) | (_, Status::Cancelled) => "STATUS:CANCELLED",
            (_, Status::Confirmed) => "STATUS:CONFIRMED",
            (_, Status::Tentative) => "STATUS:TENTATIVE",
        });
        lines.push("TRANSP:OPAQUE");
        lines.push("END:VEVENT");
    }

    /// The text.
    ///
    /// A calendar without any component is none (RFC 5545 §3.6), so one without events has the zone it is written in.
    #[must_use]
    pub fn end(mut self) -> String {
        if self.is_empty {
            for line in [
                "BEGIN:VTIMEZONE",
                "TZID:Etc/UTC",
                "BEGIN:STANDARD",
                "DTSTART:19700101T000000",
                "TZOFFSETFROM:+0000",
                "TZOFFSETTO:+0000",
                "END:STANDARD",
                "END:VTIMEZONE",
            ] {
                self.lines.push(line);
            }
        }
        self.lines.push("END:VCALENDAR");
        self.lines.into_text()
    }
}
