//! A plain mail to those who run the place: no template, no language but English.

use super::message::{LetterError, Origin};
use lettre::{
    Address,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use std::time::SystemTime;
use workflows::time::Instant;

/// A notice. Cannot be shown by `Debug`, so that no log ever names anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about, for ever, in its `Message-ID`.
    pub kind: &'static str,
    /// Which one, with an id: the same notice has the same `Message-ID`.
    pub about: String,
    /// Who it is for.
    pub to: String,
    /// One line.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// When it was decided to write it.
    pub at: Instant,
}

impl Notice {
    /// The mail, without a clock.
    ///
    /// # Errors
    /// [`LetterError::Address`] when the recipient's address is none; the others are bugs.
    pub fn message(&self, origin: &Origin) -> Result<lettre::Message, LetterError> {
        let address: Address = self.to.parse().map_err(|_| LetterError::Address)?;
        let message = lettre::Message::builder()
            .from(origin.from.clone())
            .to(Mailbox::new(None, address))
            .subject(self.subject.clone())
            .date(SystemTime::from(self.at.timestamp()))
            .message_id(Some(format!("<{}.{}@{}>", self.kind, self.about, origin.host)))
            // RFC 3834: no holiday notices in reply.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())?;
        Ok(message)
    }
}
