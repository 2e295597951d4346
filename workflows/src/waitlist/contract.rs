//! What callers, the list's workflow and its steps say to each other.
//!
//! Everything here is stored in histories: a field is added with `#[serde(default)]`, never renamed and never given
//! another meaning. Ids and decisions only.

use super::error::WaitlistError;
use crate::{
    ids::{OfferId, SessionId, SpecialistId, UserId, WaitlistEntryId},
    sessions::contract::ServiceChoice,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The flow that new runs start with; see `workflow` for what each number means.
pub const CURRENT_FLOW: u32 = 1;

/// The namespace of offers.
const OFFERS: Uuid = Uuid::from_u128(0x91d6_0c5a_6e3b_5a0f_8a41_9d3e_52f7_c0b8);
/// The namespace of the sessions that offers are; none that a client books is in it.
const SESSIONS: Uuid = Uuid::from_u128(0x4be2_77f1_20d8_5c96_b3a5_1f60_8c4d_e92a);

/// The workflow id of a specialist's list.
#[must_use]
pub fn workflow_id(specialist: SpecialistId) -> String {
    format!("waitlist-{specialist}")
}

/// What a list's run is shown as.
#[must_use]
pub fn summary(specialist: SpecialistId) -> String {
    format!("waitlist of specialist {specialist}")
}

/// The id of the offer that is made to `entry` after `n_before` others.
#[must_use]
pub fn offer_id(entry: WaitlistEntryId, n_before: u64) -> OfferId {
    OfferId(Uuid::new_v5(
        &Uuid::new_v5(&OFFERS, entry.0.as_bytes()),
        &n_before.to_be_bytes(),
    ))
}

/// The session that an offer is.
#[must_use]
pub fn offered_session(offer: OfferId) -> SessionId {
    SessionId(Uuid::new_v5(&SESSIONS, offer.0.as_bytes()))
}

/// What stands for a request's hash in that session: no request made it.
#[must_use]
pub fn request_hash(offer: OfferId) -> String {
    format!("offer-{offer}")
}

/// The start input of a list's workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The order of steps this run follows, see [`CURRENT_FLOW`].
    pub flow: u32,
    /// Whose list.
    pub specialist: SpecialistId,
}

impl Watch {
    /// The list of `specialist`, as lists begin today.
    #[must_use]
    pub fn new(specialist: SpecialistId) -> Self {
        Self {
            flow: CURRENT_FLOW,
            specialist,
        }
    }
}

/// The argument of update `join`: somebody wants to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The place to be, if the client has none yet.
    pub entry: WaitlistEntryId,
    /// Who.
    pub client: UserId,
    /// For what.
    pub service: ServiceChoice,
    /// Starts then or later.
    pub from: Instant,
    /// Starts before.
    pub to: Instant,
    /// The start's time of day is this or later, in minutes since midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest_minute: Option<u32>,
    /// The start's time of day is this or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_minute: Option<u32>,
    /// The zone of the two; the specialist's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The argument of update `leave`: somebody waits no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The place.
    pub entry: WaitlistEntryId,
    /// Whose it must be.
    pub client: UserId,
    /// Not committed by then, the command refuses itself.
    pub not_after: Instant,
    /// The request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The answer to a command: updates lose the type of an error, so a no is an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    /// Carried out, or it had been already; whose row tells how they stand.
    Done(WaitlistEntryId),
    /// Refused; nothing has changed.
    Refused(WaitlistError),
}

/// Input of the steps that carry out a command: `waitlist.join`, `waitlist.leave`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given<Command> {
    /// Whose list.
    pub specialist: SpecialistId,
    /// The command.
    pub command: Command,
    /// The workflow's time.
    pub now: Instant,
}

/// Input of step `waitlist.offer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferSlots {
    /// Whose list.
    pub specialist: SpecialistId,
    /// Begin behind this place in line; at its head when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// The line has been gone along: say what is to be done behind this offer, and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attended: Option<OfferId>,
    /// The workflow's time.
    pub now: Instant,
}

/// Output of step `waitlist.offer`: where to go on, and at the end of the line what is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Offers whose session may have no run yet, or whose client was not told yet.
    #[serde(default)]
    pub made: Vec<Made>,
    /// Offers that were withdrawn, whose session's run has not noticed yet.
    #[serde(default)]
    pub withdrawn: Vec<OfferId>,
    /// Where to go on in line; absent at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Where to go on with what is to be done: there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attended: Option<OfferId>,
    /// When something may be free for somebody, or somebody's range over, without anybody saying so; absent when nobody
    /// waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_again_at: Option<Instant>,
}

/// An offer that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Which.
    pub offer: OfferId,
    /// When it ends.
    pub expires_at: Instant,
}

/// Input of the steps that need no more than the offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfOffer {
    /// The offer.
    pub offer: OfferId,
    /// The workflow's time.
    pub now: Instant,
}
