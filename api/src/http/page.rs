//! Pages of a list: limits and opaque cursors.

use crate::error::ApiError;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromParameter, ParseResult, Type},
};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use url::form_urlencoded;

/// How many entries of a list are asked for: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u64);

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl Type for Limit {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "integer".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let number = MetaSchema {
            minimum: Some(1.0),
            maximum: Some(100.0),
            ..MetaSchema::new("integer")
        };
        MetaSchemaRef::Inline(Box::new(number))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for Limit {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        match text.parse() {
            Ok(limit) if (1..=100).contains(&limit) => Ok(Self(limit)),
            _ => Err(ParseError::custom("a number from 1 to 100")),
        }
    }
}

/// Where a page ended, as an opaque text.
///
/// `kind` names the list and whatever its order hangs on, so that a cursor of another list or order is refused.
#[must_use]
pub fn cursor(kind: &str, key: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(kind, key)).expect("keys are plain values"))
}

/// Where the page before ended.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for a text that no page of this list ended with.
pub fn after<T: DeserializeOwned>(kind: &str, text: Option<&str>) -> Result<Option<T>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let key = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .filter(|bytes| !bytes.contains(&0));
    let key = key.and_then(|bytes| serde_json::from_slice::<(String, T)>(&bytes).ok());
    match key {
        Some((of, key)) if of == kind => Ok(Some(key)),
        _ => Err(ApiError::invalid("cursor", "is no cursor of this list")),
    }
}

/// The address of a list, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    path: String,
    query: Vec<(String, String)>,
}

impl Address {
    /// The value of `Link` for the page that begins at `cursor`.
    #[must_use]
    pub fn next(&self, cursor: &str) -> String {
        let others = self.query.iter().filter(|(name, _)| name != "cursor");
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair("cursor", cursor);
        format!("<{}?{}>; rel=\"next\"", self.path, query.finish())
    }
}

impl Address {
    /// The address that `request` asks for, before any routing has cut it.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let uri = request.uri();
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self {
            path: uri.path().to_owned(),
            query,
        }
    }
}

impl<'a> FromRequest<'a> for Address {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(request.data::<Self>().cloned().unwrap_or_else(|| Self::of(request)))
    }
}

/// The first `limit` of `rows`, of which one more than that was asked for, and the cursor of the next page.
pub fn split<T>(mut rows: Vec<T>, limit: Limit, cursor: impl FnOnce(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
    let more = limit < rows.len();
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::{Address, Limit, after, cursor, split};
    use poem_openapi::types::ParseFromParameter;

    #[test]
    fn a_cursor_comes_back() {
        let text = cursor("sessions", &(1, "a"));
        assert_eq!(
            after::<(i64, String)>("sessions", Some(&text)).unwrap(),
            Some((1, "a".to_owned()))
        );
        assert_eq!(after::<(i64, String)>("sessions", None).unwrap(), None);
    }

    #[test]
    fn a_cursor_of_another_list_or_a_changed_one_is_refused() {
        let text = cursor("sessions", &(1, "a"));
        assert!(after::<(i64, String)>("reviews", Some(&text)).is_err());
        let nul = cursor("sessions", &(1, "a")).replace('A', "B");
        for text in ["", "!", "e30", &text[1..], &format!("{text}A"), &nul] {
            if text != cursor("sessions", &(1, "a")) {
                assert!(after::<(i64, String)>("sessions", Some(text)).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn the_row_beyond_the_page_tells_of_more() {
        let name = |row: &u32| row.to_string();
        assert_eq!(split(vec![1, 2, 3], Limit(2), name), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(split(vec![1, 2], Limit(2), name), (vec![1, 2], None));
        assert_eq!(split(Vec::new(), Limit(2), name), (Vec::new(), None));
    }

    #[test]
    fn the_next_page_has_an_address() {
        let query = vec![
            ("q".to_owned(), "a b&c".to_owned()),
            ("cursor".to_owned(), "old".to_owned()),
        ];
        let address = Address {
            path: "/api/sessions".to_owned(),
            query,
        };
        assert_eq!(
            address.next("new"),
            "</api/sessions?q=a+b%26c&cursor=new>; rel=\"next\""
        );
    }

    #[test]
    fn limits_are_bounded() {
        assert_eq!(Limit::parse_from_parameter("100").unwrap(), Limit(100));
        for text in ["0", "101", "-1", "ten", ""] {
            assert!(Limit::parse_from_parameter(text).is_err(), "{text}");
        }
    }
}
