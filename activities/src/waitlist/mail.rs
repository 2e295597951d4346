//! `outreach.send_offer`: the mail of an offer, once, while the offer stands.

use super::OfferMailActivities;
use crate::{
    crash::{self, Point},
    error::StepError,
    mail::{
        message::{Kind, Letter, Recipient, Role},
        sender::{MailError, Outcome},
    },
};
use entities::{
    profile, service, session,
    session_event::{self, NewEvent},
    specialist, waitlist_offer,
};
use sea_orm::EntityTrait;
use settings::Purpose;
use workflows::{
    sessions::contract::Mailed,
    waitlist::{contract::OfOffer, rules::standing, state::OfferState},
};

/// The step, as crash points and the timeline know it.
const STEP: &str = "outreach.send_offer";

pub(super) async fn run(activities: &OfferMailActivities, input: OfOffer) -> Result<Mailed, StepError> {
    crash::point(STEP, Point::Before);
    let db = activities.db.reader();
    let Some((offer, row)) = waitlist_offer::by_id(db, input.offer).await? else {
        return Err(StepError::no_offer(input.offer));
    };
    if offer.announced_at.is_some() {
        return Ok(Mailed::Done);
    }
    // `now` is when the mail was asked for; an attempt that comes later is bounded by the offer's end.
    if standing(offer.status, &row.case(input.now)) != OfferState::Offered {
        record(activities, &offer, &input, "dropped", Some("offer_ended".to_owned())).await?;
        return Ok(Mailed::Dropped);
    }
    let Some(letter) = letter(activities, &offer, &row, &input).await? else {
        record(
            activities,
            &offer,
            &input,
            "dropped",
            Some("nobody_to_write_to".to_owned()),
        )
        .await?;
        return Ok(Mailed::Dropped);
    };
    let (status, detail) = match activities.mailer.send(&letter).await {
        Ok(Outcome::Sent) => ("sent", None),
        Ok(Outcome::Skipped) => ("skipped", Some("recipient_not_allowed".to_owned())),
        Err(MailError::Refused { code }) => ("refused", Some(format!("the mail server answered {code}"))),
        Err(MailError::BadAddress) => ("refused", Some("bad_address".to_owned())),
        Err(error @ (MailError::Unavailable { .. } | MailError::Unwritable(_))) => {
            return Err(StepError::Passing {
                code: "mail_server_unavailable",
                source: error.into(),
            });
        }
    };
    crash::point(STEP, Point::AfterEffect);
    record(activities, &offer, &input, status, detail).await?;
    Ok(Mailed::Done)
}

/// The letter to the client; a deleted account has nobody to write to.
async fn letter(
    activities: &OfferMailActivities,
    offer: &waitlist_offer::Model,
    row: &session::Model,
    input: &OfOffer,
) -> Result<Option<Letter>, StepError> {
    let db = activities.db.reader();
    let client = profile::of(db, row.client_id).await?;
    let specialist = specialist::Entity::find_by_id(row.specialist_id).one(db).await?;
    let service = service::Entity::find_by_id(row.service_id).one(db).await?;
    let (Some(client), Some(specialist), Some(service)) = (client, specialist, service) else {
        return Ok(None);
    };
    let token = activities.links.token(Purpose::Offer, offer.id.0);
    let base = activities.public_url.trim_end_matches('/');
    Ok(Some(Letter {
        kind: Kind::Offer,
        role: Role::Client,
        session_id: row.id,
        sequence: 0,
        reminder_minutes: None,
        to: Recipient {
            name: client.name,
            email: client.email,
            time_zone: row.time_zone.clone(),
            locale: client.locale,
        },
        other_party: specialist.name,
        service: service.name,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        meeting_url: None,
        reason: None,
        notes: None,
        answer_by: Some(offer.expires_at),
        manage_url: Some(format!("{base}/api/offers/{token}")),
        at: input.now,
    }))
}

async fn record(
    activities: &OfferMailActivities,
    offer: &waitlist_offer::Model,
    input: &OfOffer,
    status: &str,
    detail: Option<String>,
) -> Result<(), StepError> {
    let to = "to the client";
    let event = NewEvent {
        at: input.now,
        step: "offer_mail".to_owned(),
        status: status.to_owned(),
        detail: Some(detail.map_or(to.to_owned(), |detail| format!("{to}: {detail}"))),
        key: "mail:offer:client".to_owned(),
    };
    let tx = activities.db.begin_write().await?;
    session_event::append(&tx, offer.session_id, vec![event]).await?;
    waitlist_offer::announced(&tx, offer.id, input.now).await?;
    tx.commit().await?;
    Ok(())
}
