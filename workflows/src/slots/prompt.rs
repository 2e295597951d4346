//! Questions at a prompt: JSON documents in, a line of JSON out for each.

use super::document::Query;
use serde::{Serialize, de::IgnoredAny};

/// Why a document has no answer; serialised, it is the line that stands in the answer's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{error}: {message}")]
pub struct Fault {
    /// The stable name that callers compare with.
    pub error: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

/// The line that answers each document of `input`, in order.
///
/// A line is a document, and blank lines are none; where all lines together are one document, they are read as that.
///
/// # Errors
/// A [`Fault`] in the place of each document that cannot be read or is refused; the others are answered all the same.
pub fn answers(input: &[u8]) -> impl Iterator<Item = Result<String, Fault>> {
    documents(input).into_iter().map(answer)
}

/// The line that answers one document.
///
/// # Errors
/// A [`Fault`] if it cannot be read, or is refused.
pub fn answer(document: &[u8]) -> Result<String, Fault> {
    let malformed = |error: serde_json::Error| Fault {
        error: "malformed",
        message: error.to_string(),
    };
    let query: Query = serde_json::from_slice(document).map_err(malformed)?;
    let answer = query.answer().map_err(|error| Fault {
        error: error.code(),
        message: error.to_string(),
    })?;
    serde_json::to_string(&answer).map_err(malformed)
}

/// The documents of `input`: all of it, or its lines.
fn documents(input: &[u8]) -> Vec<&[u8]> {
    let lines = || {
        input
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
    };
    let is_document = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    // A first line that merely breaks off begins a longer document, unless another line is one by itself.
    let breaks_off = |line: &[u8]| serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
    let is_one = lines().next().is_some_and(breaks_off)
        && (is_document(input) || !lines().any(|line| line.starts_with(b"{") && is_document(line)));
    if is_one { vec![input] } else { lines().collect() }
}
