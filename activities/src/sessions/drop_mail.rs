//! `sessions.drop_mail`: a mail does not go, and the timeline says why.

use crate::{error::StepError, outreach::mail_key};
use entities::{
    db::Db,
    session_event::{self, NewEvent},
};
use workflows::sessions::contract::DropMail;

pub(super) async fn run(db: &Db, input: DropMail) -> Result<(), StepError> {
    let DropMail { mail, reason, now } = input;
    let key = mail_key(&mail);
    let event = NewEvent {
        at: now,
        step: format!("{}_mail", mail.kind.as_str()),
        status: "dropped".to_owned(),
        detail: Some(reason),
        key: format!("{key}:dropped"),
    };
    let tx = db.begin_write().await?;
    for recipient in ["client", "specialist"] {
        // A run that took over asks anew for what has gone.
        if session_event::has(&tx, mail.session, &format!("{key}:{recipient}")).await? {
            return Ok(());
        }
    }
    session_event::append(&tx, mail.session, vec![event]).await?;
    tx.commit().await?;
    Ok(())
}
