//! A mail that was received, taken apart.

use mail_parser::{HeaderForm, MessageParser, MessagePart, MimeHeaders, PartType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;
use workflows::time::Instant;

/// A mail as it was received, and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Sorts by time of arrival (UUIDv7).
    pub id: Uuid,
    /// When the last line of the mail had come, to the millisecond.
    pub received_at: Instant,
    /// The sender of the envelope, empty for a bounce.
    pub from: String,
    /// The recipients of the envelope, in the order they were named.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: Option<String>,
    /// The `Message-ID` as it was written, angle brackets included.
    pub message_id: Option<String>,
    /// The headers of the mail, unfolded and decoded; a repeated one has its values on lines of their own.
    pub headers: BTreeMap<String, String>,
    /// The first `text/plain` part.
    pub text: Option<String>,
    /// The first `text/html` part.
    pub html: Option<String>,
    /// Every other part, the calendar alternative included.
    pub attachments: Vec<Attachment>,
    /// The mail as it came, bytes that are not UTF-8 replaced.
    pub raw: String,
}

/// A part of a mail that is not its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// Type and subtype, without parameters.
    pub content_type: String,
    /// The name it wants to be saved under.
    pub filename: Option<String>,
    /// The parameter `method` of its content type: what an invitation asks for, such as `REQUEST` or `CANCEL`.
    pub method: Option<String>,
    /// What is in it, when that is UTF-8 text.
    pub text: Option<String>,
}

/// Who sent a mail to whom, as SMTP was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Envelope {
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

impl Message {
    /// Take `raw` apart; what cannot be understood is left out, `raw` always shows all.
    pub(super) fn parse(id: Uuid, envelope: Envelope, raw: &[u8]) -> Self {
        let Envelope { from, to } = envelope;
        let mut message = Self {
            id,
            received_at: arrival(id),
            from,
            to,
            subject: None,
            message_id: None,
            headers: BTreeMap::new(),
            text: None,
            html: None,
            attachments: Vec::new(),
            raw: String::from_utf8_lossy(raw).into_owned(),
        };
        let Some(parsed) = MessageParser::default().parse(raw) else {
            return message;
        };
        for header in parsed.headers() {
            let name = header.name.as_str();
            if !message.headers.contains_key(name) {
                let values = parsed.header_as(header.name.clone(), HeaderForm::Text);
                let values: Vec<&str> = values.iter().filter_map(|value| value.as_text()).collect();
                message.headers.insert(name.to_owned(), values.join("\n"));
            }
        }
        message.subject = message.header("subject").map(ToOwned::to_owned);
        message.message_id = message.header("message-id").map(ToOwned::to_owned);
        for part in &parsed.parts {
            let attached = part
                .content_disposition()
                .is_some_and(|disposition| disposition.is_attachment());
            match &part.body {
                PartType::Multipart(_) => {}
                PartType::Html(html) if !attached && message.html.is_none() => message.html = Some(html.to_string()),
                PartType::Text(text) if !attached && message.text.is_none() && is_plain(part) => {
                    message.text = Some(text.to_string());
                }
                _ => message.attachments.push(Attachment::of(part)),
            }
        }
        message
    }

    /// The value of the header `name`, whatever the case of its letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the envelope names `address`, whatever the case of its letters.
    #[must_use]
    pub fn is_to(&self, address: &str) -> bool {
        self.to.iter().any(|to| to.eq_ignore_ascii_case(address))
    }
}

impl Attachment {
    fn of(part: &MessagePart<'_>) -> Self {
        let content_type = part.content_type();
        Self {
            content_type: content_type.map_or_else(
                || "text/plain".to_owned(),
                |it| format!("{}/{}", it.ctype(), it.subtype().unwrap_or("*")).to_ascii_lowercase(),
            ),
            filename: part.attachment_name().map(ToOwned::to_owned),
            method: content_type
                .and_then(|it| it.attribute("method"))
                .map(ToOwned::to_owned),
            text: match &part.body {
                PartType::Text(text) | PartType::Html(text) => Some(text.to_string()),
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8(bytes.to_vec()).ok(),
                PartType::Message(inner) => String::from_utf8(inner.raw_message.to_vec()).ok(),
                PartType::Multipart(_) => None,
            },
        }
    }
}

/// A part without a content type is plain text, RFC 2045 §5.2.
fn is_plain(part: &MessagePart<'_>) -> bool {
    part.content_type().is_none() || part.is_content_type("text", "plain")
}

fn arrival(id: Uuid) -> Instant {
    let milliseconds = id.get_timestamp().map_or(0, |at| {
        let (seconds, nanoseconds) = at.to_unix();
        seconds
            .saturating_mul(1_000)
            .saturating_add(u64::from(nanoseconds / 1_000_000))
    });
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok())
        .map_or(Instant::from_unix_seconds(0), Instant::new)
}
