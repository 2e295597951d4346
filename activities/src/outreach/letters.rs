//! From rows to letters: who is written to, and what stands in it.

use super::OutreachActivities;
use crate::{
    error::StepError,
    mail::message::{Kind, Letter, Recipient, Role},
};
use entities::{profile, service, session, session_text, specialist};
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
        manage_url: Some(url.clone()),
        at: mail.now,
    };
    // A deleted account has no profile any more, and nobody to write to.
    let for_client = client.as_ref().map(|profile| {
        let to = Recipient {
            name: profile.name.clone(),
            email: profile.email.clone(),
            time_zone: row.time_zone.clone(),
            locale: profile.locale.clone(),
        };
        letter(Role::Client, to, specialist.name.clone())
    });
    let both = matches!(mail.kind, MailKind::Confirmation | MailKind::Cancellation);
    let for_specialist = both.then(|| {
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
