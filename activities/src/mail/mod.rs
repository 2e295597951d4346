//! The mails about a session: what stands in them and how they leave the house.
//!
//! [`message::Letter`] is what is to be said to whom; it becomes a mail without a clock or a network ([`render`] for the
//! text, [`calendar`] for the invitation, `language` for words and dates), and [`sender::Mailer`] hands it to SMTP.
//! [`report::ReportLetter`] is the one mail that is about no session.
//! A [`notice::Notice`] is for those who run the place.
//! Who gets which letter when is the workflow's business, not this module's.

mod language;
pub mod message;
pub mod notice;
pub mod render;
pub mod report;
pub mod sender;

#[cfg(test)]
mod tests;
