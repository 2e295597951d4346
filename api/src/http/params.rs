//! Parameters: ids in paths, and the headers that routes read.

use crate::error::{ApiError, FieldError, Thing};
use poem::{
    Request, RequestBody, Result,
    http::{HeaderName, HeaderValue},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromParameter, ParseResult, Type},
};
use std::{borrow::Cow, str::FromStr, time::Duration};
use uuid::Uuid;
use workflows::ids::{InsightTextId, SeriesId, ServiceId, SessionId, SpecialistId, WaitlistEntryId, WebhookId};

/// An id in the path; what is no UUID is not there.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// An id that can stand in a path.
pub trait PathId: From<Uuid> + Send {
    /// What is not found when it is none.
    const THING: Thing;
}

/// The ids that stand in paths.
#[derive(Clone, Copy, Debug)]
pub struct SessionPath(pub SessionId);

impl From<Uuid> for SessionPath {
    fn from(id: Uuid) -> Self {
        Self(SessionId(id))
    }
}

impl PathId for SessionPath {
    const THING: Thing = Thing::Session;
}

/// A series in a path.
#[derive(Clone, Copy, Debug)]
pub struct SeriesPath(pub SeriesId);

impl From<Uuid> for SeriesPath {
    fn from(id: Uuid) -> Self {
        Self(SeriesId(id))
    }
}

impl PathId for SeriesPath {
    const THING: Thing = Thing::Series;
}

/// A specialist in a path.
#[derive(Clone, Copy, Debug)]
pub struct SpecialistPath(pub SpecialistId);

impl From<Uuid> for SpecialistPath {
    fn from(id: Uuid) -> Self {
        Self(SpecialistId(id))
    }
}

impl PathId for SpecialistPath {
    const THING: Thing = Thing::Specialist;
}

/// A service in a path.
#[derive(Clone, Copy, Debug)]
pub struct ServicePath(pub ServiceId);

impl From<Uuid> for ServicePath {
    fn from(id: Uuid) -> Self {
        Self(ServiceId(id))
    }
}

impl PathId for ServicePath {
    const THING: Thing = Thing::Service;
}

/// A place in a waitlist in a path.
#[derive(Clone, Copy, Debug)]
pub struct WaitlistEntryPath(pub WaitlistEntryId);

impl From<Uuid> for WaitlistEntryPath {
    fn from(id: Uuid) -> Self {
        Self(WaitlistEntryId(id))
    }
}

impl PathId for WaitlistEntryPath {
    const THING: Thing = Thing::WaitlistEntry;
}

/// A text of the library of insights in a path.
#[derive(Clone, Copy, Debug)]
pub struct InsightTextPath(pub InsightTextId);

impl From<Uuid> for InsightTextPath {
    fn from(id: Uuid) -> Self {
        Self(InsightTextId(id))
    }
}

impl PathId for InsightTextPath {
    const THING: Thing = Thing::InsightText;
}

/// A receiver of webhooks in a path.
#[derive(Clone, Copy, Debug)]
pub struct WebhookPath(pub WebhookId);

impl From<Uuid> for WebhookPath {
    fn from(id: Uuid) -> Self {
        Self(WebhookId(id))
    }
}

impl PathId for WebhookPath {
    const THING: Thing = Thing::Webhook;
}

impl<'a, T: PathId> ApiExtractor<'a> for Path<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = Uuid;
    type ParamRawType = Uuid;

    fn register(registry: &mut Registry) {
        Uuid::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(Uuid::schema_ref())
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<Uuid>,
    ) -> Result<Self> {
        // One spelling only: a caller that is answered under another one would cache it twice.
        let text = request.raw_path_param(options.name).unwrap_or_default();
        let id = Uuid::from_str(text).ok().filter(|_| text.len() == 36);
        Ok(Self(id.ok_or(ApiError::NotFound(T::THING))?.into()))
    }
}

/// `Idempotency-Key`: the client's own name for a booking, 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// The header.
    pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

    /// The client's key, or a fresh one.
    #[must_use]
    pub fn or_fresh(self) -> String {
        self.0.unwrap_or_else(|| Uuid::new_v4().to_string())
    }

    fn parse(values: &[&HeaderValue]) -> Result<Self, ApiError> {
        let key = match values {
            [] => return Ok(Self(None)),
            [only] => std::str::from_utf8(only.as_bytes()).unwrap_or_default(),
            _ => "",
        };
        if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(Some(key.to_owned())));
        }
        let message = "must be one text of 1 to 255 visible ASCII characters";
        Err(ApiError::InvalidRequest(vec![FieldError::new(
            "Idempotency-Key",
            "invalid",
            message,
        )]))
    }
}

impl<'a> ApiExtractor<'a> for IdempotencyKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let text = MetaSchema {
            min_length: Some(1),
            max_length: Some(255),
            ..MetaSchema::new("string")
        };
        Some(MetaSchemaRef::Inline(Box::new(text)))
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<String>) -> Result<Self> {
        // The library's own extractor takes bytes that are no ASCII for an absent header.
        let values: Vec<_> = request.headers().get_all(Self::HEADER).iter().collect();
        Ok(Self::parse(&values)?)
    }
}

/// `Prefer: wait=n`: how long the caller would wait for a booking to be confirmed, 30 s at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefer(pub Option<Duration>);

impl Prefer {
    /// A preference that is not understood is ignored, as RFC 7240 has it.
    fn parse(text: &str) -> Self {
        let wait = text.split([',', ';']).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then_some(value.trim().trim_matches('"'))
        });
        let seconds = wait
            .and_then(|value| value.parse::<u64>().ok())
            .filter(|seconds| 0 < *seconds);
        Self(seconds.map(|seconds| Duration::from_secs(seconds.min(30))))
    }
}

impl<'a> ApiExtractor<'a> for Prefer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<String>) -> Result<Self> {
        let values = request
            .headers()
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok());
        Ok(Self::parse(&values.collect::<Vec<_>>().join(",")))
    }
}

/// `If-None-Match`: the versions that the caller has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfNoneMatch(String);

impl IfNoneMatch {
    /// Whether the caller has what `etag` names; tags are compared weakly.
    #[must_use]
    pub fn has(&self, etag: &str) -> bool {
        let tag = |text: &str| text.trim().trim_start_matches("W/").to_owned();
        self.0
            .split(',')
            .any(|one| one.trim() == "*" || (!one.trim().is_empty() && tag(one) == tag(etag)))
    }
}

impl<'a> ApiExtractor<'a> for IfNoneMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<String>) -> Result<Self> {
        let values = request
            .headers()
            .get_all("if-none-match")
            .iter()
            .filter_map(|value| value.to_str().ok());
        Ok(Self(values.collect::<Vec<_>>().join(",")))
    }
}

/// `If-Match`: the version that the caller has seen and means to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(String);

impl IfMatch {
    /// The version; nothing when any will do.
    ///
    /// # Errors
    /// [`ApiError::VersionMismatch`] for a tag that no version has: weak ones never match (RFC 9110 §13.1.1), neither do
    /// several at once, because a thing has one.
    pub fn version(&self) -> Result<Option<i32>, ApiError> {
        match self.0.trim() {
            "" | "*" => Ok(None),
            tag => tag
                .strip_prefix('"')
                .and_then(|tag| tag.strip_suffix('"'))
                .and_then(|version| version.parse().ok())
                .map(Some)
                .ok_or(ApiError::VersionMismatch),
        }
    }
}

impl<'a> ApiExtractor<'a> for IfMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<String>) -> Result<Self> {
        let values = request
            .headers()
            .get_all("if-match")
            .iter()
            // What is no text is no tag of ours either.
            .map(|value| value.to_str().unwrap_or("?"));
        Ok(Self(values.collect::<Vec<_>>().join(",")))
    }
}

/// A text of a query without the character NUL, which no database takes, and at most 200 characters long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub String);

impl Type for Words {
    const IS_REQUIRED: bool = true;

    type RawValueType = String;
    type RawElementValueType = String;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            max_length: Some(200),
            ..MetaSchema::new("string")
        }))
    }

    fn as_raw_value(&self) -> Option<&String> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a String> + 'a> {
        Box::new(std::iter::once(&self.0))
    }
}

impl ParseFromParameter for Words {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        if text.contains('\0') || 200 < text.chars().count() {
            return Err(ParseError::custom("at most 200 characters, none of them NUL"));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{IdempotencyKey, IfMatch, IfNoneMatch, Prefer};
    use poem::http::HeaderValue;
    use std::time::Duration;

    #[test]
    fn a_key_is_visible_ascii() {
        let parse = |bytes: &[u8]| IdempotencyKey::parse(&[&HeaderValue::from_bytes(bytes).unwrap()]);
        for key in ["a", "7f9c-…".trim_end_matches('…'), &"k".repeat(255)] {
            assert_eq!(parse(key.as_bytes()).unwrap().or_fresh(), key);
        }
        for key in ["", "two words", "schlüssel", "a\tb", &"k".repeat(256)] {
            assert!(parse(key.as_bytes()).is_err(), "{key:?}");
        }
        assert!(parse(b"\xff").is_err());
        let (one, two) = (HeaderValue::from_static("a"), HeaderValue::from_static("b"));
        assert!(IdempotencyKey::parse(&[&one, &two]).is_err(), "one key only");
        let fresh = IdempotencyKey::parse(&[]).unwrap().or_fresh();
        assert_eq!(fresh.len(), 36);
    }

    #[test]
    fn prefers_to_wait() {
        let wait = |text| Prefer::parse(text).0.map(|wait| wait.as_secs());
        assert_eq!(wait("wait=10"), Some(10));
        assert_eq!(wait("respond-async, Wait = \"5\""), Some(5));
        assert_eq!(wait("wait=300"), Some(Duration::from_secs(30).as_secs()));
        for ignored in ["", "wait", "wait=0", "wait=-1", "wait=soon", "return=minimal"] {
            assert_eq!(wait(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn a_version_to_be_changed_is_named_exactly() {
        let version = |header: &str| IfMatch(header.to_owned()).version();
        assert_eq!(version("").unwrap(), None);
        assert_eq!(version("*").unwrap(), None);
        assert_eq!(version("\"3\"").unwrap(), Some(3));
        for header in ["W/\"3\"", "3", "\"3\", \"4\"", "\"x\"", "?"] {
            assert_eq!(version(header).unwrap_err().code(), "version_mismatch", "{header}");
        }
    }

    #[test]
    fn tags_match_weakly() {
        let has = |header: &str| IfNoneMatch(header.to_owned()).has("\"3\"");
        assert!(has("\"3\"") && has("W/\"3\"") && has("\"1\", \"3\"") && has("*"));
        assert!(!has("") && !has("\"33\"") && !has("3"));
    }
}
