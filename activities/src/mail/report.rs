//! The mail of a daily report, in plain text and in HTML.

use super::message::{LetterError, Origin};
use entities::daily_report;
use jiff::civil::Date;
use lettre::{
    Address,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use minijinja::{Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig};
use std::{sync::LazyLock, time::SystemTime};
use uuid::Uuid;

/// The namespace of the ids of recipients.
const RECIPIENTS: Uuid = Uuid::from_u128(0x1d6f_3a52_90b8_4e37_b3c4_7a51_e2f8_6d09);

/// A digest of an address, by which it is known who was written to.
#[must_use]
pub fn recipient_id(address: &str) -> Uuid {
    Uuid::new_v5(&RECIPIENTS, address.to_lowercase().as_bytes())
}

/// How often somebody was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who.
    pub name: String,
    /// How often.
    pub bookings: i64,
}

/// A report to one of its recipients. All of it decides the mail: the same letter is the same mail.
pub struct ReportLetter<'a> {
    /// The recipient's address.
    pub to: &'a str,
    /// The figures.
    pub report: &'a daily_report::Model,
    /// Who was booked most.
    pub specialists: &'a [Line],
}

impl ReportLetter<'_> {
    /// The mail, without a clock: a repeat makes the same one, except for the line between its parts.
    ///
    /// # Errors
    /// [`LetterError::Address`] when the recipient's address is none; the others are bugs.
    pub fn message(&self, origin: &Origin) -> Result<lettre::Message, LetterError> {
        let address: Address = self.to.parse().map_err(|_| LetterError::Address)?;
        let facts = self.facts();
        let text = TEMPLATES.get_template("report.txt")?.render(&facts)?;
        let html = TEMPLATES.get_template("report.html")?.render(&facts)?;
        let date = self.report.date.0;
        let message = lettre::Message::builder()
            .from(origin.from.clone())
            .to(Mailbox::new(None, address))
            .subject(format!("Daily report of {date}"))
            .date(SystemTime::from(self.report.created_at.timestamp()))
            .message_id(Some(message_id(date, self.to, &origin.host)))
            // RFC 3834: no holiday notices in reply.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(
                MultiPart::alternative()
                    .singlepart(SinglePart::plain(text))
                    .singlepart(SinglePart::html(html)),
            )?;
        Ok(message)
    }

    fn facts(&self) -> Value {
        let report = self.report;
        let seconds = |ms: Option<i64>| ms.map(|ms| format!("{}.{:03} s", ms / 1_000, ms % 1_000));
        let lines: Vec<_> = self
            .specialists
            .iter()
            .map(|line| context! { name => line.name.clone(), bookings => line.bookings })
            .collect();
        context! {
            date => report.date.0.to_string(),
            figures => [
                ("Bookings", report.bookings),
                ("Cancellations", report.cancellations),
                ("Sessions that took place", report.completed),
                ("No-shows", report.no_shows),
                ("Holds that expired", report.expired_holds),
                ("People who booked", report.clients),
                ("of them for another time", report.returning_clients),
                ("Mails sent", report.mails_sent),
                ("of them reminders", report.reminders_sent),
            ],
            latest => seconds(report.reminder_lateness_max_ms),
            mean => seconds(report.reminder_lateness_mean_ms),
            specialists => lines,
        }
    }
}

/// `<daily_report.{date}.{recipient}@{host}>`: who gets a mail twice can tell.
#[must_use]
pub fn message_id(date: Date, address: &str, host: &str) -> String {
    format!("<daily_report.{date}.{}@{host}>", recipient_id(address).simple())
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    // The errors of a debug build would otherwise show people's names.
    templates.set_debug(false);
    let lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(lines.expect("the usual delimiters"));
    for (name, source) in [
        ("report.txt", include_str!("templates/report.txt")),
        // In a template of this name what people are called is escaped.
        ("report.html", include_str!("templates/report.html")),
    ] {
        templates
            .add_template(name, source)
            .expect("the embedded templates parse, as the tests show");
    }
    templates
});

#[cfg(test)]
mod tests {
    use super::*;
    use entities::{
        column::LocalDate,
        daily_report::{Booked, Model},
    };

    fn report() -> Model {
        Model {
            date: LocalDate("2026-11-20".parse().unwrap()),
            bookings: 12,
            cancellations: 3,
            no_shows: 1,
            completed: 9,
            expired_holds: 2,
            mails_sent: 40,
            reminders_sent: 11,
            reminder_lateness_max_ms: Some(61_050),
            reminder_lateness_mean_ms: Some(900),
            clients: 10,
            returning_clients: 4,
            specialists: Booked::default(),
            created_at: "2026-11-21T06:00:01Z".parse().unwrap(),
        }
    }

    fn written(report: &Model, specialists: &[Line], to: &str) -> String {
        let origin = Origin {
            from: "Aroti <no-reply@aroti.test>".parse().unwrap(),
            host: "aroti.test".to_owned(),
        };
        let letter = ReportLetter {
            to,
            report,
            specialists,
        };
        String::from_utf8(letter.message(&origin).unwrap().formatted()).unwrap()
    }

    #[test]
    fn it_says_the_figures_in_both_bodies() {
        let line = Line {
            name: "Ada <Lovelace>".to_owned(),
            bookings: 7,
        };
        let mail = written(&report(), &[line], "root@example.test");
        let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).unwrap();
        assert_eq!(parsed.subject(), Some("Daily report of 2026-11-20"));
        let (text, html) = (parsed.body_text(0).unwrap(), parsed.body_html(0).unwrap());
        for body in [&text, &html] {
            for words in ["2026-11-20", "12", "61.050 s", "0.900 s", "Holds that expired"] {
                assert!(body.contains(words), "{words}: {body}");
            }
        }
        assert!(text.contains("Ada <Lovelace>: 7"), "{text}");
        assert!(html.contains("Ada &lt;Lovelace&gt;"), "{html}");
    }

    #[test]
    fn a_day_on_which_nothing_happened_is_a_report_too() {
        let report = Model {
            reminder_lateness_max_ms: None,
            reminder_lateness_mean_ms: None,
            ..report()
        };
        let mail = written(&report, &[], "root@example.test");
        let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).unwrap();
        assert!(!parsed.body_text(0).unwrap().contains("late"), "{mail}");
    }

    #[test]
    fn each_recipient_has_a_message_of_their_own_and_always_the_same() {
        let id = |address| message_id("2026-11-20".parse().unwrap(), address, "aroti.test");
        assert_eq!(id("Root@example.test"), id("root@example.test"));
        assert_ne!(id("root@example.test"), id("second@example.test"));
        assert!(!id("root@example.test").contains("root"));
        let date = |mail: &str| mail.lines().find(|line| line.starts_with("Date:")).unwrap().to_owned();
        let mail = written(&report(), &[], "root@example.test");
        assert_eq!(date(&mail), "Date: Sat, 21 Nov 2026 06:00:01 +0000");
        assert!(mail.contains(&id("root@example.test")));
    }
}
