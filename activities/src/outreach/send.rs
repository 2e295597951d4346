//! `outreach.send_mails`: each recipient once, whatever is repeated.

use super::{OutreachActivities, Waited, claim, letters::letters, mail_key};
use crate::{
    crash::{self, Point},
    error::StepError,
    mail::{
        message::Letter,
        sender::{MailError, Outcome},
    },
};
use entities::{
    session,
    session_event::{self, NewEvent},
};
use std::time::SystemTime;
use telemetry::metrics;
use workflows::{
    sessions::contract::{MailKind, Mailed, SendMails},
    time::Instant,
};

pub(super) async fn run(activities: &OutreachActivities, mail: SendMails, waited: Waited) -> Result<Mailed, StepError> {
    crash::point("outreach.send_mails", Point::Before);
    let db = activities.db.reader();
    let Some(row) = session::by_id(db, mail.session).await? else {
        return Err(StepError::no_session(mail.session));
    };
    let on_record = session_event::of_session(db, mail.session, 0).await?;
    let letters = letters(activities, &row, &mail, &on_record).await?;
    let key_of = |letter: &Letter| format!("{}:{}", mail_key(&mail), letter.role.as_str());
    let holds = claim::holds(&row, &mail);
    if !holds && !letters.is_empty() && letters.iter().all(|letter| has(&on_record, &key_of(letter))) {
        // It went, and only the answer was lost: what has become of the session since does not matter.
        return Ok(Mailed::Done);
    }
    let goes = (holds && mail.kind != MailKind::Reminder) || claim::claim(&activities.db, &row, &mail).await?;
    if !goes {
        return Ok(Mailed::Dropped);
    }
    // Another attempt may have been heard of while this one waited for the locks.
    let on_record = session_event::of_session(db, mail.session, 0).await?;
    let mut away = None;
    for letter in letters {
        let key = key_of(&letter);
        if has(&on_record, &key) {
            continue;
        }
        let outcome = activities.mailer.send(&letter).await;
        if let (Ok(Outcome::Sent), Some(offset)) = (&outcome, letter.reminder_minutes) {
            let due = SystemTime::from(row.starts_at.plus_minutes(-i64::from(offset)).timestamp());
            metrics::reminder(due.elapsed().unwrap_or_default());
        }
        let (status, detail) = match outcome {
            Ok(Outcome::Sent) => ("sent", None),
            Ok(Outcome::Skipped) => ("skipped", Some("recipient_not_allowed".to_owned())),
            Err(MailError::Refused { code }) => ("refused", Some(format!("the mail server answered {code}"))),
            Err(MailError::BadAddress) => ("refused", Some("bad_address".to_owned())),
            // The other recipient's server may well be there.
            Err(error @ (MailError::Unavailable { .. } | MailError::Unwritable(_))) => {
                away = Some(error);
                continue;
            }
        };
        crash::point("outreach.send_mails", Point::AfterEffect);
        // When it went, and not when it was asked for: that is how late a reminder is.
        let at = waited.now(mail.now);
        record(activities, &mail, &letter, key, (status, at), detail).await?;
    }
    match away {
        None => Ok(Mailed::Done),
        Some(error) => Err(StepError::Passing {
            code: "mail_server_unavailable",
            source: error.into(),
        }),
    }
}

fn has(on_record: &[session_event::Model], key: &str) -> bool {
    on_record.iter().any(|event| event.key == key)
}

async fn record(
    activities: &OutreachActivities,
    mail: &SendMails,
    letter: &Letter,
    key: String,
    (status, at): (&str, Instant),
    detail: Option<String>,
) -> Result<(), StepError> {
    let to = format!("to the {}", letter.role.as_str());
    let detail = detail.map_or(to.clone(), |detail| format!("{to}: {detail}"));
    let event = NewEvent {
        at,
        step: format!("{}_mail", mail.kind.as_str()),
        status: status.to_owned(),
        detail: Some(detail),
        key,
    };
    let tx = activities.db.begin_write().await?;
    session_event::append(&tx, mail.session, vec![event]).await?;
    tx.commit().await?;
    Ok(())
}
