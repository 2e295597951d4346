//! The languages that people are written to in.

/// A language that mails and calendars are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

/// The words that stand in a calendar, and in mails too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Before the link of a meeting.
    pub link: &'static str,
    /// Before why something does not take place.
    pub reason: &'static str,
    /// Before what the client wrote.
    pub notes: &'static str,
    /// Between a service and a person: a consultation *with* somebody.
    pub with: &'static str,
}

impl Language {
    /// Every language there is.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language of a locale such as `de-AT` or `de_DE.UTF-8`; English where there is none of it.
    #[must_use]
    pub fn of(locale: &str) -> Self {
        let primary = locale.split(['-', '_', '.']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
            .unwrap_or(Self::English)
    }

    /// Its tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its words.
    #[must_use]
    pub fn words(self) -> Words {
        match self {
            Self::English => Words {
                link: "Join",
                reason: "Reason",
                notes: "Notes",
                with: "with",
            },
            Self::German => Words {
                link: "Teilnehmen",
                reason: "Grund",
                notes: "Notizen",
                with: "mit",
            },
        }
    }
}
