//! Whether a mail may still go: decided under the session's locks, so that no reminder begins once a cancel or a
//! reschedule has been answered.

use super::mail_key;
use crate::error::StepError;
use entities::{
    db::{Db, lock_both},
    session,
    session_event::{self, NewEvent},
};
use workflows::sessions::{
    contract::{MailKind, SendMails},
    state::SessionState,
};

/// Whether the session is still as the mail says.
pub(super) fn holds(row: &session::Model, mail: &SendMails) -> bool {
    use SessionState::{Cancelled, Completed, Confirmed, Failed, NoShow};
    let same_sequence = u32::try_from(row.sequence) == Ok(mail.sequence);
    match mail.kind {
        MailKind::Confirmation => matches!(row.status, Confirmed | Completed | NoShow) && same_sequence,
        MailKind::Reminder => {
            let wanted = mail
                .offset_minutes
                .is_none_or(|offset| row.reminder_offsets.0.contains(&offset));
            row.status == Confirmed && same_sequence && wanted
        }
        MailKind::Cancellation => row.status == Cancelled,
        MailKind::Failure => row.status == Failed,
        MailKind::ReviewInvitation => row.status == Completed,
    }
}

fn entry(mail: &SendMails, goes: bool) -> NewEvent {
    let (status, detail) = if goes {
        ("started", None)
    } else {
        ("dropped", Some("session_changed".to_owned()))
    };
    NewEvent {
        at: mail.now,
        step: format!("{}_mail", mail.kind.as_str()),
        status: status.to_owned(),
        detail: detail.or_else(|| {
            mail.offset_minutes
                .map(|offset| format!("{offset} min before the start"))
        }),
        key: format!("{}:{status}", mail_key(mail)),
    }
}

/// Claim a mail, or put on record that it does not go; answers whether it goes.
pub(super) async fn claim(db: &Db, row: &session::Model, mail: &SendMails) -> Result<bool, StepError> {
    let tx = db.begin_write().await?;
    lock_both(&tx, row.specialist_id, row.client_id).await?;
    let row = session::by_id(&tx, mail.session).await?;
    let goes = row.is_some_and(|row| holds(&row, mail));
    session_event::append(&tx, mail.session, vec![entry(mail, goes)]).await?;
    tx.commit().await?;
    Ok(goes)
}
