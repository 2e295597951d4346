//! `outreach.send_report`: each recipient once, whatever is repeated.

use super::ReportMailActivities;
use crate::{
    crash::{self, Point},
    error::StepError,
    mail::{
        report::{Line, ReportLetter, recipient_id},
        sender::{MailError, Outcome},
    },
};
use entities::{column::LocalDate, daily_report, report_mail, specialist};
use workflows::{reports::contract::OfReport, sessions::contract::Mailed};

/// The step, as crash points know it.
const STEP: &str = "outreach.send_report";

pub(super) async fn run(activities: &ReportMailActivities, input: OfReport) -> Result<Mailed, StepError> {
    crash::point(STEP, Point::Before);
    if activities.recipients.is_empty() {
        return Ok(Mailed::Dropped);
    }
    let db = activities.db.reader();
    let Some(report) = daily_report::find(db, input.date).await? else {
        return Err(StepError::Final {
            code: "report_not_found",
            message: format!("no report of {}", input.date),
        });
    };
    let names = specialist::names(db, report.specialists.0.iter().map(|booked| booked.id)).await?;
    let specialists: Vec<_> = report
        .specialists
        .0
        .iter()
        .map(|booked| Line {
            name: names.get(&booked.id).cloned().unwrap_or_default(),
            bookings: booked.bookings,
        })
        .collect();
    let dealt_with = report_mail::dealt_with(db, input.date).await?;
    let mut away = None;
    for address in &activities.recipients {
        let recipient = recipient_id(address);
        if dealt_with.contains(&recipient) {
            continue;
        }
        let letter = ReportLetter {
            to: address,
            report: &report,
            specialists: &specialists,
        };
        let origin = activities.mailer.origin();
        let sent = match letter.message(origin).map_err(MailError::from) {
            Ok(message) => activities.mailer.hand_over("daily_report", &message).await,
            Err(error) => Err(error),
        };
        let status = match sent {
            Ok(Outcome::Sent) => "sent",
            Ok(Outcome::Skipped) => "skipped",
            Err(MailError::Refused { .. } | MailError::BadAddress) => "refused",
            // The other recipient's server may well be there.
            Err(error @ (MailError::Unavailable { .. } | MailError::Unwritable(_))) => {
                away = Some(error);
                continue;
            }
        };
        crash::point(STEP, Point::AfterEffect);
        if status != "sent" {
            tracing::warn!(date = %input.date, status, "a report was not mailed to one of its recipients");
        }
        let mail = report_mail::Model {
            date: LocalDate(input.date),
            recipient,
            status: status.to_owned(),
            at: input.now,
        };
        let tx = activities.db.begin_write().await?;
        report_mail::record(&tx, mail).await?;
        tx.commit().await?;
    }
    match away {
        None => Ok(Mailed::Done),
        Some(error) => Err(StepError::Passing {
            code: "mail_server_unavailable",
            source: error.into(),
        }),
    }
}
