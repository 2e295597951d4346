//! The languages of texts: tags after BCP 47, in one spelling.

use std::fmt;

/// What everybody may read when there is nothing in their language.
pub const FALLBACK: &str = "en";

/// The longest tag taken.
const LONGEST: usize = 35;

/// A language, as its tag is written: `en`, `de-AT`, `zh-Hant-TW`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// The language of a tag in any case; nothing for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('-').collect();
        let alphanumeric =
            |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let primary = parts.first()?;
        let is_tag = (2..=8).contains(&primary.len())
            && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
            && parts.iter().all(alphanumeric)
            && text.len() <= LONGEST;
        if !is_tag {
            return None;
        }
        let spelled = parts.iter().enumerate().map(|(n, part)| {
            let lower = part.to_ascii_lowercase();
            match (n, part.len()) {
                (0, _) => lower,
                (_, 2) => lower.to_ascii_uppercase(),
                (_, 4) if lower.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                    let (first, rest) = lower.split_at(1);
                    format!("{}{rest}", first.to_ascii_uppercase())
                }
                _ => lower,
            }
        });
        Some(Self(spelled.collect::<Vec<_>>().join("-")))
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.0
    }

    /// The languages that do for somebody with that locale, the best first: its own, what it is a kind of, and
    /// [`FALLBACK`].
    #[must_use]
    pub fn wanted(locale: &str) -> Vec<Self> {
        // As POSIX writes them, too: `de_AT.UTF-8`.
        let tag = locale.split('.').next().unwrap_or_default().replace('_', "-");
        let mut wanted = Vec::new();
        if let Some(Self(tag)) = Self::parse(&tag) {
            let mut rest = tag.as_str();
            loop {
                wanted.push(Self(rest.to_owned()));
                match rest.rsplit_once('-') {
                    Some((shorter, _)) => rest = shorter,
                    None => break,
                }
            }
        }
        let fallback = Self(FALLBACK.to_owned());
        if !wanted.contains(&fallback) {
            wanted.push(fallback);
        }
        wanted
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    fn wanted(locale: &str) -> Vec<String> {
        Language::wanted(locale).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tags_have_one_spelling() {
        for (text, tag) in [
            ("en", "en"),
            ("DE", "de"),
            ("de-at", "de-AT"),
            ("zh-hANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
        ] {
            assert_eq!(Language::parse(text).unwrap().tag(), tag);
        }
        for text in [
            "",
            "d",
            "de_AT",
            "de-",
            "-de",
            "1de",
            "de-ä",
            "de AT",
            "toolongtag",
            "generic/../x",
        ] {
            assert_eq!(Language::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_locale_falls_back_step_by_step() {
        assert_eq!(wanted("de-AT"), ["de-AT", "de", "en"]);
        assert_eq!(wanted("de_CH.UTF-8"), ["de-CH", "de", "en"]);
        assert_eq!(wanted("zh-Hant-TW"), ["zh-Hant-TW", "zh-Hant", "zh", "en"]);
        assert_eq!(wanted("en-GB"), ["en-GB", "en"]);
        assert_eq!(wanted("en"), ["en"]);
        assert_eq!(wanted(""), ["en"]);
        assert_eq!(wanted("???"), ["en"]);
    }
}
