//! Words and dates, by language.

use jiff::{
    Zoned,
    civil::Weekday,
    tz::{Offset, TimeZone},
};
use workflows::time::Instant;

/// A language that mails are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

/// The words around the facts of a session, the same in each kind of mail.
pub(super) struct Words {
    pub(super) hello: &'static str,
    pub(super) when: &'static str,
    pub(super) service: &'static str,
    /// What a client calls the specialist.
    pub(super) specialist: &'static str,
    /// What a specialist calls the client.
    pub(super) client: &'static str,
    pub(super) link: &'static str,
    pub(super) reason: &'static str,
    pub(super) notes: &'static str,
    /// Between a service and a person: a consultation *with* somebody.
    pub(super) with: &'static str,
    pub(super) automatic: &'static str,
}

impl Language {
    /// Every language there is.
    pub(super) const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language of a locale such as `de-AT` or `de_DE.UTF-8`; English where there is none of it.
    pub(super) fn of(locale: &str) -> Self {
        let primary = locale.split(['-', '_', '.']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
            .unwrap_or(Self::English)
    }

    /// Its tag (BCP 47), which is also the folder of its templates.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    pub(super) fn words(self) -> Words {
        match self {
            Self::English => Words {
                hello: "Hello",
                when: "When",
                service: "Service",
                specialist: "Specialist",
                client: "Client",
                link: "Join",
                reason: "Reason",
                notes: "Notes",
                with: "with",
                automatic: "This mail was sent automatically.",
            },
            Self::German => Words {
                hello: "Guten Tag",
                when: "Wann",
                service: "Leistung",
                specialist: "Fachperson",
                client: "Kundin oder Kunde",
                link: "Teilnehmen",
                reason: "Grund",
                notes: "Notizen",
                with: "mit",
                automatic: "Diese E-Mail wurde automatisch verschickt.",
            },
        }
    }

    /// The beginning of a session: "Monday, 1 June 2026, 10:00".
    pub(super) fn start(self, starts_at: Instant, time_zone: &str) -> String {
        let start = starts_at.timestamp().to_zoned(zone(time_zone));
        format!("{}, {}", self.date(&start), clock(&start, false))
    }

    /// The whole of a session: "Monday, 1 June 2026, 10:00–10:30 (Europe/Berlin)", in UTC where the zone is unknown.
    ///
    /// Times that the clock shows twice, when it is set back, get their offset.
    pub(super) fn span(self, starts_at: Instant, ends_at: Instant, time_zone: &str) -> String {
        let zone = zone(time_zone);
        let start = starts_at.timestamp().to_zoned(zone.clone());
        let end = ends_at.timestamp().to_zoned(zone.clone());
        let twice = [&start, &end]
            .into_iter()
            .any(|time| zone.to_ambiguous_zoned(time.datetime()).is_ambiguous());
        let unit = match self {
            Self::English => "",
            Self::German => " Uhr",
        };
        let name = zone.iana_name().unwrap_or("UTC");
        let (from, to) = (clock(&start, twice), clock(&end, twice));
        if start.date() == end.date() {
            format!("{}, {from}–{to}{unit} ({name})", self.date(&start))
        } else {
            format!(
                "{}, {from}{unit} – {}, {to}{unit} ({name})",
                self.date(&start),
                self.date(&end)
            )
        }
    }

    fn date(self, time: &Zoned) -> String {
        let (weekday, day, month, year) = (
            self.weekday(time.weekday()),
            time.day(),
            self.month(time.month()),
            time.year(),
        );
        match self {
            Self::English => format!("{weekday}, {day} {month} {year}"),
            Self::German => format!("{weekday}, {day}. {month} {year}"),
        }
    }

    fn weekday(self, weekday: Weekday) -> &'static str {
        match (self, weekday) {
            (Self::English, Weekday::Monday) => "Monday",
            (Self::English, Weekday::Tuesday) => "Tuesday",
            (Self::English, Weekday::Wednesday) => "Wednesday",
            (Self::English, Weekday::Thursday) => "Thursday",
            (Self::English, Weekday::Friday) => "Friday",
            (Self::English, Weekday::Saturday) => "Saturday",
            (Self::English, Weekday::Sunday) => "Sunday",
            (Self::German, Weekday::Monday) => "Montag",
            (Self::German, Weekday::Tuesday) => "Dienstag",
            (Self::German, Weekday::Wednesday) => "Mittwoch",
            (Self::German, Weekday::Thursday) => "Donnerstag",
            (Self::German, Weekday::Friday) => "Freitag",
            (Self::German, Weekday::Saturday) => "Samstag",
            (Self::German, Weekday::Sunday) => "Sonntag",
        }
    }

    /// The name of month 1 to 12.
    fn month(self, month: i8) -> &'static str {
        let names = match self {
            Self::English => [
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
            Self::German => [
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
