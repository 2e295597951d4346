//! Content lines, RFC 5545 §3.1, and the values in them.

use crate::event::Person;
use jiff::fmt::strtime;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use workflows::time::Instant;

/// The lines so far.
#[derive(Debug, Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// Add a line; what is longer than 75 octets goes on in the next one behind a space, never inside a character.
    pub(crate) fn push(&mut self, line: &str) {
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

    /// All of them.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A value of type TEXT, RFC 5545 §3.3.11.
pub(crate) fn text(value: &str) -> String {
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
pub(crate) fn common_name(person: Person<'_>) -> String {
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

/// A value of type URI.
pub(crate) fn uri(url: &str) -> String {
    utf8_percent_encode(url, NOT_IN_URI).to_string()
}

/// Somebody's address as a URI.
pub(crate) fn mailto(person: Person<'_>) -> String {
    format!("mailto:{}", utf8_percent_encode(person.email, NOT_IN_MAILTO))
}

/// A value of type DATE-TIME, in UTC.
pub(crate) fn utc(instant: Instant) -> String {
    // Only an unknown directive can make this fail.
    strtime::format("%Y%m%dT%H%M%SZ", instant.timestamp()).unwrap_or_default()
}
