//! Values that are texts on the wire and checked when they are read: zones, dates, times of day.

use jiff::civil::{Date, Time};
use oxilangtag::LanguageTag;
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;
use std::borrow::Cow;
use workflows::slots::schedule::Zone;

/// An IANA zone, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName(pub Zone);

/// A date of somebody's calendar, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalDate(pub Date);

/// A time of day, `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(pub Time);

/// A language and its region, a BCP 47 tag such as `de-AT`, in its usual spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(pub String);

/// The longest tag of a language that is taken, in bytes: RFC 5646 asks for no more.
const LOCALE_LIMIT: usize = 35;

macro_rules! text {
    ($name:ident, $schema:expr, $example:literal, $parse:expr) => {
        impl Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                "string".into()
            }

            fn schema_ref() -> MetaSchemaRef {
                let schema: MetaSchema = $schema;
                MetaSchemaRef::Inline(Box::new(MetaSchema {
                    example: Some($example.into()),
                    ..schema
                }))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromParameter for $name {
            fn parse_from_parameter(text: &str) -> ParseResult<Self> {
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(text).ok_or_else(|| ParseError::custom(concat!("not like ", $example)))
            }
        }

        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                match value.unwrap_or_default() {
                    Value::String(text) => Self::parse_from_parameter(&text),
                    other => Err(ParseError::expected_type(other)),
                }
            }
        }

        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.0.to_string()))
            }
        }
    };
}

text!(ZoneName, MetaSchema::new("string"), "Europe/Berlin", |text| Zone::new(
    text
)
.ok()
.map(Self));
text!(
    LocalDate,
    MetaSchema::new_with_format("string", "date"),
    "2026-06-01",
    |text| {
        let shape = shaped(text, "0000-00-00");
        text.parse().ok().filter(|_| shape).map(Self)
    }
);
text!(LocalTime, MetaSchema::new("string"), "09:30", |text| {
    let shape = shaped(text, "00:00");
    text.parse().ok().filter(|_| shape).map(Self)
});

text!(Locale, MetaSchema::new("string"), "de-AT", |text| {
    let tag = LanguageTag::parse_and_normalize(text).ok()?;
    let language = tag.primary_language();
    // The grammar has place for what no language is called, and for tags that only their makers understand.
    let names_one = text.len() <= LOCALE_LIMIT && (2..=3).contains(&language.len()) && language != "und";
    names_one.then(|| Self(tag.into_inner()))
});

/// Whether the text has digits and signs where the pattern has them.
fn shaped(text: &str, pattern: &str) -> bool {
    let same = |(one, other): (u8, u8)| {
        if other == b'0' {
            one.is_ascii_digit()
        } else {
            one == other
        }
    };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::{LocalDate, LocalTime, Locale, ZoneName};
    use poem_openapi::types::ParseFromParameter;

    #[test]
    fn reads_one_spelling() {
        assert!(LocalDate::parse_from_parameter("2028-02-29").is_ok());
        for text in [
            "2027-02-29",
            "20270201",
            "2027-2-1",
            "2027-02-01T00:00",
            "+2027-02-01",
            "",
        ] {
            assert!(LocalDate::parse_from_parameter(text).is_err(), "{text}");
        }
        assert!(LocalTime::parse_from_parameter("23:59").is_ok());
        for text in ["24:00", "9:00", "09:00:00", "0900", "09:60", ""] {
            assert!(LocalTime::parse_from_parameter(text).is_err(), "{text}");
        }
        assert!(ZoneName::parse_from_parameter("Asia/Kathmandu").is_ok());
        for text in ["+02:00", "CET-1", "Mars/Olympus", ""] {
            assert!(ZoneName::parse_from_parameter(text).is_err(), "{text}");
        }
        for (text, spelt) in [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("de-DE-u-co-phonebk", "de-DE-u-co-phonebk"),
        ] {
            assert_eq!(Locale::parse_from_parameter(text).unwrap().0, spelt);
        }
        for text in [
            "",
            "de_DE",
            "de_DE.UTF-8",
            "und",
            "x",
            "x-ours",
            "german",
            "de-",
            "german language",
            "de\n",
        ] {
            assert!(Locale::parse_from_parameter(text).is_err(), "{text}");
        }
    }
}
