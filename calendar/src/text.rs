//! What people wrote, made fit to be shown.

use url::Url;

/// `value` without ends of lines and other control characters, and without space around it.
#[must_use]
pub fn one_line(value: &str) -> String {
    let words: Vec<&str> = value
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// `value` without control characters other than ends of lines; nothing when that leaves nothing.
#[must_use]
pub fn paragraph(value: Option<&str>) -> Option<String> {
    let value = value?.replace("\r\n", "\n").replace('\r', "\n");
    let value: String = value.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// `url`, if it is one that a browser opens: nothing else becomes a link.
#[must_use]
pub fn link(url: Option<&str>) -> Option<String> {
    let url = Url::parse(url?).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}
