//! From rows to letters: who is written to, and what stands in it.

use super::OutreachActivities;
use crate::{
    error::StepError,
    mail::message::{Kind, Letter, Recipient, Role},
};
use entities::{profile, service, session, session_event, session_text, specialist};
use sea_orm::EntityTrait;
use workflows::{
    ids::TextId,
    sessions::contract::{MailKind, SendMails},
};

/// The letters of one kind about a session, its client's first.
pub(super) async fn letters(
    activities: &OutreachActivities,
    row: &session::Model,
    mail: &SendMails,
    events: &[session_event::Model],
) -> Result<Vec<Letter>, StepError> {
    let db = activities.db.reader();
    let client = profile::of(db, row.client_id).await?;
    let specialist = specialist::Entity::find_by_id(row.specialist_id).one(db).await?;
    let service = service::Entity::find_by_id(row.service_id).one(db).await?;
    let (Some(specialist), Some(service)) = (specialist, service) else {
        return Err(StepError::Final {
            code: "session_incomplete",
            message: "its specialist or service is gone".into(),
        });
    };
    let texts = session_text::by_ids(db, row.notes_id.into_iter().chain(row.cancel_reason_id)).await?;
    let text = |id: Option<TextId>| {
        texts
            .iter()
            .find(|text| Some(text.id) == id)
            .map(|text| text.text.clone())
    };
    let own_profile = match specialist.user_id {
        Some(user) => profile::of(db, user).await?,
        None => None,
    };
    let url = format!(
        "{}/api/sessions/{}",
        activities.public_url.trim_end_matches('/'),
        row.id
    );
    let letter = |role: Role, to: Recipient, other_party: String| Letter {
        kind: match mail.kind {
            MailKind::Confirmation if mail.sequence > 0 => Kind::Rescheduled,
            MailKind::Confirmation => Kind::Confirmation,
            MailKind::Reminder => Kind::Reminder,
            MailKind::Cancellation => Kind::Cancellation,
            MailKind::Failure => Kind::Failed,
            MailKind::ReviewInvitation => Kind::ReviewInvitation,
        },
        role,
        session_id: row.id,
        sequence: mail.sequence,
        reminder_minutes: mail.offset_minutes,
        to,
        other_party,
        service: service.name.clone(),
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        meeting_url: row.meeting_url.clone(),
        reason: text(row.cancel_reason_id),
        notes: text(row.notes_id),
        answer_by: None,
        manage_url: Some(url.clone()),
        at: mail.now,
    };
    // A deleted account has no profile any more, and nobody to write to.
    let for_client = client
        .as_ref()
        .filter(|_| concerns_client(mail.kind, events))
        .map(|profile| {
            let to = Recipient {
                name: profile.name.clone(),
                email: profile.email.clone(),
                time_zone: row.time_zone.clone(),
                locale: profile.locale.clone(),
            };
            letter(Role::Client, to, specialist.name.clone())
        });
    let for_specialist = concerns_specialist(mail.kind, events).then(|| {
        let to = Recipient {
            name: specialist.name.clone(),
            email: specialist.email.clone(),
            time_zone: specialist.time_zone.clone(),
            locale: own_profile.map_or_else(|| "en".to_owned(), |profile| profile.locale),
        };
        letter(
            Role::Specialist,
            to,
            client.as_ref().map(|profile| profile.name.clone()).unwrap_or_default(),
        )
    });
    Ok(for_client.into_iter().chain(for_specialist).collect())
}

/// Who called off, in front of a screen, what they only held needs no letter about it.
fn concerns_client(kind: MailKind, events: &[session_event::Model]) -> bool {
    let only_held = has(events, "hold:started") && !has(events, "hold:confirmed");
    let cancelled = events.iter().find(|event| event.key == "cancellation:done");
    let themselves = cancelled.is_some_and(|event| event.detail.as_deref() == Some("by client"));
    !(kind == MailKind::Cancellation && only_held && themselves)
}

/// The specialist is told of what takes place, and that something they were told of does not.
fn concerns_specialist(kind: MailKind, events: &[session_event::Model]) -> bool {
    match kind {
        MailKind::Confirmation => true,
        MailKind::Cancellation => has(events, "confirmation:done"),
        MailKind::Reminder | MailKind::Failure | MailKind::ReviewInvitation => false,
    }
}

fn has(events: &[session_event::Model], key: &str) -> bool {
    events.iter().any(|event| event.key == key)
}
