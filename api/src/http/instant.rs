//! Instants on the wire.

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::{borrow::Cow, fmt};
use workflows::time::Instant;

/// An instant as RFC 3339: any offset is read, UTC is written (`2026-06-01T08:00:00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utc(pub Instant);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Instant> for Utc {
    fn from(instant: Instant) -> Self {
        Self(instant)
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Type for Utc {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_date-time".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for Utc {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        // The library reads more than the RFC allows: `2026-06-01 08Z`, signed years, second 60.
        let rfc = text.len() >= 20
            && text.is_ascii()
            && matches!(text.as_bytes().get(10), Some(b'T' | b't'))
            && text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        let instant = text.parse().ok().filter(|_| rfc);
        instant
            .map(Self)
            .ok_or_else(|| ParseError::custom("not an instant such as 2026-06-01T08:00:00Z"))
    }
}

impl ParseFromJSON for Utc {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Self::parse_from_parameter(&text),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl ToJSON for Utc {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::Utc;
    use poem_openapi::types::ParseFromParameter;

    #[test]
    fn reads_any_offset_and_writes_utc() {
        for (text, written) in [
            ("2026-06-01T08:00:00Z", "2026-06-01T08:00:00Z"),
            ("2026-06-01T10:00:00+02:00", "2026-06-01T08:00:00Z"),
            ("2026-06-01T08:00:00.5Z", "2026-06-01T08:00:00.5Z"),
        ] {
            assert_eq!(Utc::parse_from_parameter(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "2026-06-01",
            "2026-06-01T08:00:00",
            "2026-06-01 08:00:00Z",
            "2026-13-01T08:00:00Z",
            "now",
        ] {
            assert!(Utc::parse_from_parameter(text).is_err(), "{text}");
        }
    }
}
