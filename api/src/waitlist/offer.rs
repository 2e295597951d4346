//! Offers: shown to, and answered by, whoever has the link. The signed token is the authority; it acts as the client.

use super::wire::OfferView;
use crate::{
    edge::RequestId,
    error::{ApiError, Thing},
    http::deadline::Deadline,
    sessions::book::not_after,
    state::State,
    temporal::EngineError,
};
use entities::{db, service, session, specialist, waitlist_offer};
use sea_orm::EntityTrait;
use settings::Purpose;
use workflows::{
    ids::OfferId,
    sessions::{
        contract::{Answer, Cancel, ConfirmHold, Role},
        error::SessionError,
        workflow::SessionBooking,
    },
    time::Instant,
    waitlist::{
        rules::{Verdict, standing, verdict},
        state::OfferState,
    },
};

/// An offer as it was read.
struct Found {
    offer: waitlist_offer::Model,
    session: session::Model,
    now: Instant,
}

impl Found {
    fn standing(&self) -> OfferState {
        standing(self.offer.status, &self.session.case(self.now))
    }

    async fn view(self, state: &State, deadline: Deadline) -> Result<OfferView, ApiError> {
        let reader = state.db.reader();
        let specialist = specialist::Entity::find_by_id(self.session.specialist_id).one(reader);
        let specialist = deadline.database(specialist).await?;
        let service = service::Entity::find_by_id(self.session.service_id).one(reader);
        let service = deadline.database(service).await?;
        let standing = self.standing();
        Ok(OfferView::new(
            standing,
            &self.offer,
            &self.session,
            specialist,
            service,
        ))
    }
}

/// The offer that a token stands for, as it stands.
///
/// # Errors
/// [`ApiError::NotFound`] for a token that nobody signed.
pub async fn show(state: &State, token: &str, deadline: Deadline) -> Result<OfferView, ApiError> {
    find(state, token, deadline).await?.view(state, deadline).await
}

/// Take the offer or decline it; the same answer again is answered the same.
///
/// # Errors
/// [`ApiError::OfferAnswered`] where the opposite was answered, [`ApiError::OfferLapsed`], or what is away.
pub async fn answer(
    state: &State,
    token: &str,
    accept: bool,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<OfferView, ApiError> {
    let found = find(state, token, deadline).await?;
    if is_answered(&found, accept)? {
        return found.view(state, deadline).await;
    }
    let unknown = || ApiError::OutcomeUnknown {
        location: format!("/api/offers/{token}"),
        key: None,
    };
    match send(state, &found, accept, request_id, deadline).await {
        Ok(Answer::Refused(error @ SessionError::Lapsed)) => return Err(ApiError::refused(error)),
        Ok(Answer::Done(_) | Answer::Refused(_)) => {}
        // Its run has ended since the row was read, or begins in a moment: the row tells which.
        Err(EngineError::NoRun) => {}
        Err(EngineError::Unreachable) => return Err(ApiError::EngineUnavailable),
        Err(EngineError::Unknown) => return Err(unknown()),
    }
    // It is done, or decided otherwise, whatever happens to these reads.
    let found = find(state, token, deadline).await.map_err(|_| unknown())?;
    if is_answered(&found, accept)? {
        return found.view(state, deadline).await.map_err(|_| unknown());
    }
    Err(ApiError::EngineUnavailable)
}

/// Whether the offer has that answer already.
fn is_answered(found: &Found, accept: bool) -> Result<bool, ApiError> {
    match verdict(found.standing(), accept) {
        Verdict::Decides => Ok(false),
        Verdict::Same => Ok(true),
        Verdict::Opposite => Err(ApiError::OfferAnswered),
        Verdict::TooLate => Err(ApiError::OfferLapsed),
    }
}

async fn find(state: &State, token: &str, deadline: Deadline) -> Result<Found, ApiError> {
    let absent = || ApiError::NotFound(Thing::Offer);
    let id = state
        .links
        .read(Purpose::Offer, token)
        .map(OfferId)
        .ok_or_else(absent)?;
    let found = deadline.database(waitlist_offer::by_id(state.db.reader(), id)).await?;
    let (offer, session) = found.ok_or_else(absent)?;
    let now = deadline.database(db::now(state.db.reader())).await?;
    Ok(Found { offer, session, now })
}

async fn send(
    state: &State,
    found: &Found,
    accept: bool,
    request_id: RequestId,
    deadline: Deadline,
) -> Result<Answer, EngineError> {
    let (session, by) = (found.session.id, deadline.instant());
    let (actor, not_after, request_id) = (Some(found.session.client_id), not_after(found.now), Some(request_id.0));
    if accept {
        let command = ConfirmHold {
            actor,
            not_after,
            request_id,
        };
        return state
            .engine
            .command(session, SessionBooking::confirm, command, by)
            .await;
    }
    let command = Cancel {
        role: Role::Client,
        actor,
        reason: None,
        // It may have been taken since it was read.
        only_hold: true,
        not_after,
        request_id,
    };
    state.engine.command(session, SessionBooking::cancel, command, by).await
}
