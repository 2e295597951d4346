//! A letter about a session, and the mail it becomes.

use super::render;
use calendar::{
    event::{Event, Method, Person, Status},
    session::uid,
    text::one_line,
};
use lettre::{
    Address,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use std::time::SystemTime;
use workflows::{ids::SessionId, time::Instant};

/// What a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The session takes place.
    Confirmation,
    /// The session takes place at another time than was said before.
    Rescheduled,
    /// The session is near.
    Reminder,
    /// The session does not take place any more.
    Cancellation,
    /// The session could not be set up, and its slot is free again.
    Failed,
    /// The session is over: how was it?
    ReviewInvitation,
    /// The session is held for somebody who waited.
    Offer,
}

impl Kind {
    /// Its name in `Message-ID`s, for ever, and of its templates.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Rescheduled => "rescheduled",
            Self::Reminder => "reminder",
            Self::Cancellation => "cancellation",
            Self::Failed => "failed",
            Self::ReviewInvitation => "review_invitation",
            Self::Offer => "offer",
        }
    }

    /// Whether there will be a session to join.
    pub(super) fn takes_place(self) -> bool {
        matches!(self, Self::Confirmation | Self::Rescheduled | Self::Reminder)
    }

    /// What a calendar is told with it; `None` when it has no calendar part.
    #[must_use]
    pub fn method(self) -> Option<Method> {
        match self {
            Self::Confirmation | Self::Rescheduled => Some(Method::Request),
            Self::Cancellation => Some(Method::Cancel),
            Self::Reminder | Self::Failed | Self::ReviewInvitation | Self::Offer => None,
        }
    }
}

/// Whose letter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who booked.
    Client,
    /// Who was booked.
    Specialist,
}

impl Role {
    /// Its name in `Message-ID`s, for ever.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Specialist => "specialist",
        }
    }
}

/// Who a letter is for. Cannot be shown by `Debug`, so that no log ever names anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// What they are called; may be empty.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Their zone by its IANA name; UTC where it is unknown.
    pub time_zone: String,
    /// Their language, such as `de` or `de-AT`; English where it is unknown.
    pub locale: String,
}

/// A letter about a session to one of its two people. All of it decides the mail: the same letter is the same mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub kind: Kind,
    /// Whose letter it is.
    pub role: Role,
    /// The session.
    pub session_id: SessionId,
    /// Rises with each change of the session.
    pub sequence: u32,
    /// Which of the reminders this is: minutes before the start.
    pub reminder_minutes: Option<u32>,
    /// Who it is for.
    pub to: Recipient,
    /// What the other person is called.
    pub other_party: String,
    /// What was booked.
    pub service: String,
    /// When the session begins.
    pub starts_at: Instant,
    /// When the session is over.
    pub ends_at: Instant,
    /// Where the session is.
    pub meeting_url: Option<String>,
    /// Why it does not take place, in somebody's words.
    pub reason: Option<String>,
    /// What the client wrote when booking.
    pub notes: Option<String>,
    /// Of an offer: when it ends.
    pub answer_by: Option<Instant>,
    /// Where the recipient can see or change the session, review it, or answer the offer.
    pub manage_url: Option<String>,
    /// When it was decided to write it: the `Date` of the mail, however late that is sent.
    pub at: Instant,
}

/// Who letters are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The sender and organizer.
    pub from: Mailbox,
    /// What `Message-ID`s and UIDs end with.
    pub host: String,
}

/// Why a letter cannot become a mail.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The recipient's address is none.
    #[error("the recipient has no valid address")]
    Address,
    /// A template is wrong.
    #[error("a template is wrong")]
    Template(#[from] minijinja::Error),
    /// The parts do not make a mail.
    #[error("the mail cannot be put together")]
    Mail(#[from] lettre::error::Error),
}

impl Letter {
    /// The mail, without a clock: a repeat makes the same one, except for the lines between its parts.
    ///
    /// # Errors
    /// [`LetterError::Address`] when the recipient's address is none; the others are bugs.
    pub fn message(&self, origin: &Origin) -> Result<lettre::Message, LetterError> {
        let address: Address = self.to.email.parse().map_err(|_| LetterError::Address)?;
        let name = Some(one_line(&self.to.name)).filter(|name| !name.is_empty());
        let rendered = render::render(self)?;
        let builder = lettre::Message::builder()
            .from(origin.from.clone())
            .to(Mailbox::new(name, address))
            .subject(rendered.subject)
            .date(SystemTime::from(self.at.timestamp()))
            .message_id(Some(self.message_id(&origin.host)))
            // RFC 3834: no holiday notices in reply.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let bodies = MultiPart::alternative()
            .singlepart(SinglePart::plain(rendered.text))
            .singlepart(SinglePart::html(rendered.html));
        let Some(method) = self.kind.method() else {
            return Ok(builder.multipart(bodies)?);
        };

        let event = self.calendar(method, origin);
        let method = method.as_str();
        // The alternative is what mail programs act on; the attachment is for those that do not know it.
        let invitation = SinglePart::builder()
            .header(content_type(&format!("text/calendar; method={method}; charset=utf-8")))
            .body(event.clone());
        let attachment = Attachment::new("invite.ics".to_owned()).body(
            event,
            content_type(&format!("application/ics; method={method}; charset=utf-8")),
        );
        let all = MultiPart::mixed()
            .multipart(bodies.singlepart(invitation))
            .singlepart(attachment);
        Ok(builder.multipart(all)?)
    }

    /// `<{kind}.{sequence}[.{offset}].{role}.{session id}@{host}>`: who gets a mail twice can tell.
    #[must_use]
    pub fn message_id(&self, host: &str) -> String {
        let (kind, role) = (self.kind.as_str(), self.role.as_str());
        let offset = self
            .reminder_minutes
            .map(|minutes| format!(".{minutes}"))
            .unwrap_or_default();
        format!("<{kind}.{}{offset}.{role}.{}@{host}>", self.sequence, self.session_id)
    }

    fn calendar(&self, method: Method, origin: &Origin) -> String {
        let meeting_url = render::meeting(self);
        let status = match method {
            Method::Cancel => Status::Cancelled,
            Method::Request | Method::Publish => Status::Confirmed,
        };
        Event {
            uid: &uid(self.session_id, &origin.host),
            sequence: self.sequence,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            dtstamp: self.at,
            last_modified: None,
            summary: &render::summary(self),
            description: render::description(self).as_deref(),
            location: meeting_url.as_deref(),
            url: meeting_url.as_deref(),
            organizer: Person {
                name: origin.from.name.as_deref().unwrap_or_default(),
                email: origin.from.email.as_ref(),
            },
            attendees: &[Person {
                name: &one_line(&self.to.name),
                email: &self.to.email,
            }],
            status,
        }
        .to_calendar(method)
    }
}

fn content_type(value: &str) -> ContentType {
    ContentType::parse(value).expect("a fixed type with a fixed method")
}
