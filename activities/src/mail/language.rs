//! The words and dates of mails, by language.

use calendar::language::Language;
use jiff::{
    Zoned,
    civil::Weekday,
    tz::{Offset, TimeZone},
};
use workflows::time::Instant;

/// The words around the facts of a session, the same in each kind of mail.
pub(super) struct Words {
    pub(super) hello: &'static str,
    pub(super) when: &'static str,
    pub(super) service: &'static str,
    /// What a client calls the specialist.
    pub(super) specialist: &'static str,
    /// What a specialist calls the client.
    pub(super) client: &'static str,
    /// In place of the link of a session that goes on without one.
    pub(super) no_link: &'static str,
    pub(super) automatic: &'static str,
}

/// The words of a language, besides those that calendars have too.
pub(super) fn words(language: Language) -> Words {
    match language {
        Language::English => Words {
            hello: "Hello",
            when: "When",
            service: "Service",
            specialist: "Specialist",
            client: "Client",
            no_link: "There is no meeting link yet; please agree on one with each other.",
            automatic: "This mail was sent automatically.",
        },
        Language::German => Words {
            hello: "Guten Tag",
            when: "Wann",
            service: "Leistung",
            specialist: "Fachperson",
            client: "Kundin oder Kunde",
            no_link: "Es gibt noch keinen Link zur Sitzung; bitte vereinbaren Sie ihn miteinander.",
            automatic: "Diese E-Mail wurde automatisch verschickt.",
        },
    }
}

/// The beginning of a session: "Monday, 1 June 2026, 10:00".
pub(super) fn start(language: Language, starts_at: Instant, time_zone: &str) -> String {
    let start = starts_at.timestamp().to_zoned(zone(time_zone));
    format!("{}, {}", date(language, &start), clock(&start, false))
}

/// The whole of a session: "Monday, 1 June 2026, 10:00–10:30 (Europe/Berlin)", in UTC where the zone is unknown.
///
/// Times that the clock shows twice, when it is set back, get their offset.
pub(super) fn span(language: Language, starts_at: Instant, ends_at: Instant, time_zone: &str) -> String {
    let zone = zone(time_zone);
    let start = starts_at.timestamp().to_zoned(zone.clone());
    let end = ends_at.timestamp().to_zoned(zone.clone());
    let twice = [&start, &end]
        .into_iter()
        .any(|time| zone.to_ambiguous_zoned(time.datetime()).is_ambiguous());
    let unit = match language {
        Language::English => "",
        Language::German => " Uhr",
    };
    let name = zone.iana_name().unwrap_or("UTC");
    let (from, to) = (clock(&start, twice), clock(&end, twice));
    if start.date() == end.date() {
        format!("{}, {from}–{to}{unit} ({name})", date(language, &start))
    } else {
        format!(
            "{}, {from}{unit} – {}, {to}{unit} ({name})",
            date(language, &start),
            date(language, &end)
        )
    }
}

fn date(language: Language, time: &Zoned) -> String {
    let (weekday, day, month, year) = (
        weekday(language, time.weekday()),
        time.day(),
        month(language, time.month()),
        time.year(),
    );
    match language {
        Language::English => format!("{weekday}, {day} {month} {year}"),
        Language::German => format!("{weekday}, {day}. {month} {year}"),
    }
}

fn weekday(language: Language, weekday: Weekday) -> &'static str {
    match (language, weekday) {
        (Language::English, Weekday::Monday) => "Monday",
        (Language::English, Weekday::Tuesday) => "Tuesday",
        (Language::English, Weekday::Wednesday) => "Wednesday",
        (Language::English, Weekday::Thursday) => "Thursday",
        (Language::English, Weekday::Friday) => "Friday",
        (Language::English, Weekday::Saturday) => "Saturday",
        (Language::English, Weekday::Sunday) => "Sunday",
        (Language::German, Weekday::Monday) => "Montag",
        (Language::German, Weekday::Tuesday) => "Dienstag",
        (Language::German, Weekday::Wednesday) => "Mittwoch",
        (Language::German, Weekday::Thursday) => "Donnerstag",
        (Language::German, Weekday::Friday) => "Freitag",
        (Language::German, Weekday::Saturday) => "Samstag",
        (Language::German, Weekday::Sunday) => "Sonntag",
    }
}

/// The name of month 1 to 12.
fn month(language: Language, month: i8) -> &'static str {
    let names = match language {
        Language::English => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        Language::German => [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
    };
    usize::try_from(month - 1)
        .ok()
        .and_then(|index| names.get(index).copied())
        .unwrap_or_default()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn clock(time: &Zoned, with_offset: bool) -> String {
    let clock = format!("{:02}:{:02}", time.hour(), time.minute());
    if with_offset {
        format!("{clock} (UTC{})", offset(time.offset()))
    } else {
        clock
    }
}

fn offset(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    match (minutes.abs() / 60, minutes.abs() % 60) {
        (hours, 0) => format!("{sign}{hours}"),
        (hours, minutes) => format!("{sign}{hours}:{minutes:02}"),
    }
}
