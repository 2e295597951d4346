//! Request bodies: strict JSON objects, read field by field so that everything wrong is told at once.

use crate::error::{ApiError, FieldError};
use poem::{Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::{ParseFromJSON, Type},
};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::RefCell, collections::BTreeSet, fmt, ops::RangeInclusive};

/// The longest body read, in bytes.
pub const LIMIT: usize = 1024 * 1024;
/// So many mistakes of a body are told of.
const MISTAKES: usize = 50;

/// A request object: what it documents is [`Type`]'s business, how it is read is its own.
pub trait Strict: Type + Sized {
    /// Whether no body at all stands for an empty object.
    const MAY_BE_ABSENT: bool = false;

    /// Take the fields; `None` where one that is needed was refused or is missing.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// A strict JSON body.
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// The same as canonical JSON: no spaces, keys sorted, before anything was looked up.
    pub canonical: String,
}

/// The fields of an object, taken one by one.
#[derive(Debug)]
pub struct Fields {
    rest: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// A field that must be there.
    pub fn required<T: ParseFromJSON>(&mut self, name: &str) -> Option<T> {
        let value = self.rest.remove(name).filter(|value| !value.is_null());
        if value.is_none() {
            self.errors.push(FieldError::new(name, "missing", "is required"));
        }
        self.parse(name, value?)
    }

    /// A field that may be absent or `null`.
    pub fn optional<T: ParseFromJSON>(&mut self, name: &str) -> Option<T> {
        let value = self.rest.remove(name).filter(|value| !value.is_null())?;
        self.parse(name, value)
    }

    /// A text that may be absent, of at most `limit` bytes.
    pub fn text(&mut self, name: &str, limit: usize) -> Option<String> {
        let value = self.rest.remove(name).filter(|value| !value.is_null())?;
        // The library's own reader of texts takes numbers and booleans as well.
        let Value::String(text) = value else {
            self.refuse(name, "invalid", "must be a text");
            return None;
        };
        if text.len() <= limit {
            return Some(text);
        }
        self.refuse(name, "too_long", format!("is longer than {limit} bytes"));
        None
    }

    /// A text that must be there and say something, of at most `limit` bytes.
    pub fn required_text(&mut self, name: &str, limit: usize) -> Option<String> {
        if !self.has(name) {
            self.refuse(name, "missing", "is required");
            return None;
        }
        let text = self.text(name, limit)?;
        if text.trim().is_empty() {
            self.refuse(name, "invalid", "must not be empty");
            return None;
        }
        Some(text)
    }

    /// A whole number that must be there, within bounds.
    pub fn number(&mut self, name: &str, bounds: RangeInclusive<i32>) -> Option<i32> {
        if !self.has(name) {
            self.refuse(name, "missing", "is required");
            return None;
        }
        self.optional_number(name, bounds)
    }

    /// A whole number that may be absent or `null`, within bounds.
    pub fn optional_number(&mut self, name: &str, bounds: RangeInclusive<i32>) -> Option<i32> {
        let number: i32 = self.optional(name)?;
        if bounds.contains(&number) {
            return Some(number);
        }
        self.refuse(
            name,
            "invalid",
            format!("must be {} to {}", bounds.start(), bounds.end()),
        );
        None
    }

    /// Up to 50 different words of 1 to 100 characters; none when absent.
    pub fn words(&mut self, name: &str) -> Vec<String> {
        let words: Vec<String> = self.optional(name).unwrap_or_default();
        let fits = |word: &String| !word.trim().is_empty() && word.chars().count() <= 100;
        let distinct: BTreeSet<_> = words.iter().collect();
        if 50 < words.len() || distinct.len() < words.len() || !words.iter().all(fits) {
            self.refuse(
                name,
                "invalid",
                "must be up to 50 different words of 1 to 100 characters",
            );
        }
        words
    }

    /// An object that must be there; what is wrong with it is told by `name.field`.
    pub fn required_object<T: Strict>(&mut self, name: &str) -> Option<T> {
        if !self.has(name) {
            self.refuse(name, "missing", "is required");
        }
        self.object(name)
    }

    /// An object that may be absent or `null`; what is wrong with it is told by `name.field`.
    pub fn object<T: Strict>(&mut self, name: &str) -> Option<T> {
        match self.rest.remove(name).filter(|value| !value.is_null())? {
            Value::Object(rest) => {
                let mut inner = Self {
                    rest,
                    errors: Vec::new(),
                };
                let read = T::read(&mut inner);
                let errors = inner.finish().into_iter().map(|error| FieldError {
                    field: format!("{name}.{}", error.field),
                    ..error
                });
                self.errors.extend(errors);
                read
            }
            _ => {
                self.refuse(name, "invalid", "must be an object");
                None
            }
        }
    }

    /// Say that a field is wrong.
    pub fn refuse(&mut self, name: &str, code: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(name, code, message));
    }

    /// Whether the object has the field, not yet taken, and not `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.rest.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether the object says `null` of the field, not yet taken: what is to be taken back is not left out.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        self.rest.get(name).is_some_and(Value::is_null)
    }

    fn parse<T: ParseFromJSON>(&mut self, name: &str, value: Value) -> Option<T> {
        match T::parse_from_json(Some(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, "invalid", error.into_message());
                None
            }
        }
    }

    fn finish(mut self) -> Vec<FieldError> {
        for name in self.rest.keys().take(MISTAKES) {
            self.errors
                .push(FieldError::new(name, "unknown", "there is no such field"));
        }
        self.errors
    }
}

/// Read an object from the bytes of a body.
///
/// # Errors
/// [`ApiError::InvalidJson`] for what does not parse, nests more than 127 deep or has a lone surrogate;
/// [`ApiError::InvalidRequest`] with everything that is wrong with the rest.
pub fn read<T: Strict>(bytes: &[u8]) -> Result<Body<T>, ApiError> {
    let duplicates = RefCell::new(Vec::new());
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(&duplicates)
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    let value = value.map_err(|error| ApiError::InvalidJson(error.to_string()))?;
    let mut errors: Vec<_> = duplicates
        .into_inner()
        .into_iter()
        .map(|name: String| FieldError::new(name, "duplicate", "is there more than once"))
        .collect();
    let canonical = canonical(&value);
    let Value::Object(rest) = value else {
        return Err(ApiError::invalid("", "the body must be an object"));
    };
    let with_nul = rest
        .iter()
        .filter(|(name, value)| name.contains('\0') || has_nul(value))
        .take(MISTAKES);
    errors.extend(with_nul.map(|(name, _)| FieldError::new(name, "invalid", "must not contain the character NUL")));
    let mut fields = Fields { rest, errors };
    let value = T::read(&mut fields);
    let mut errors = fields.finish();
    errors.truncate(MISTAKES);
    match value {
        Some(value) if errors.is_empty() => Ok(Body { value, canonical }),
        _ => Err(ApiError::InvalidRequest(errors)),
    }
}

/// JSON without spaces and with its keys in order; numbers and texts as they were sent.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_str());
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

impl<'a, T: Strict> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: T::schema_ref(),
            }],
            required: !T::MAY_BE_ABSENT,
        })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let bytes = body.take()?.into_bytes_limit(LIMIT).await?;
        if bytes.is_empty() && T::MAY_BE_ABSENT {
            return Ok(read(b"{}")?);
        }
        if !is_json(request.header(header::CONTENT_TYPE)) {
            return Err(ApiError::UnsupportedMediaType.into());
        }
        Ok(read(&bytes)?)
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Any JSON value, noting keys that come twice: the library keeps the last one and says nothing.
#[derive(Clone, Copy)]
struct Seed<'a>(&'a RefCell<Vec<String>>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<Name>()? {
            let value = fields.next_value_seed(self)?;
            if object.contains_key(&name.0) {
                // A body may have a hundred thousand.
                let mut duplicates = self.0.borrow_mut();
                if duplicates.len() < MISTAKES {
                    duplicates.push(name.0.clone());
                }
            }
            object.insert(name.0, value);
        }
        Ok(Value::Object(object))
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests;
