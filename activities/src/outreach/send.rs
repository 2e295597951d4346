//! `outreach.send_mails`: each recipient once, whatever is repeated.

use super::{OutreachActivities, claim, letters::letters, mail_key};
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
use workflows::sessions::contract::{MailKind, Mailed, SendMails};

pub(super) async fn run(activities: &OutreachActivities, mail: SendMails) -> Result<Mailed, StepError> {
    crash::point("outreach.send_mails", Point::Before);
    let db = activities.db.reader();
    let Some(row) = session::by_id(db, mail.session).await? else {
        return Err(StepError::no_session(mail.session));
    };
    let goes = match mail.kind {
        MailKind::Reminder => claim::claim(&activities.db, &row, &mail).await?,
        _ => claim::holds(&row, &mail),
    };
    if !goes {
        if mail.kind != MailKind::Reminder {
            claim::drop(&activities.db, &mail).await?;
        }
        return Ok(Mailed::Dropped);
    }
    let on_record = session_event::of_session(db, mail.session, 0).await?;
    let mut away = None;
    for letter in letters(activities, &row, &mail, &on_record).await? {
        let key = format!("{}:{}", mail_key(&mail), letter.role.as_str());
        if on_record.iter().any(|event| event.key == key) {
            continue;
        }
        let (status, detail) = match activities.mailer.send(&letter).await {
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
        record(activities, &mail, &letter, key, status, detail).await?;
    }
    match away {
        None => Ok(Mailed::Done),
        Some(error) => Err(StepError::Passing {
            code: "mail_server_unavailable",
            source: error.into(),
        }),
    }
}

async fn record(
    activities: &OutreachActivities,
    mail: &SendMails,
    letter: &Letter,
    key: String,
    status: &str,
    detail: Option<String>,
) -> Result<(), StepError> {
    let to = format!("to the {}", letter.role.as_str());
    let detail = detail.map_or(to.clone(), |detail| format!("{to}: {detail}"));
    let event = NewEvent {
        at: mail.now,
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
