//! Identifiers: one type a thing, so that a specialist is never looked up by a session's id.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "sea-orm", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        #[cfg(feature = "sea-orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

ids! {
    /// A booked session: UUIDv5 of its client and the idempotency key, see [`crate::sessions::contract::session_id`].
    SessionId;
    /// A person who gives sessions.
    SpecialistId;
    /// Something a specialist offers: a duration, a price, buffers, a capacity.
    ServiceId;
    /// A person with a login: the `sub` of the token.
    UserId;
    /// What sessions that may share one start have in common: the session's own id, or one derived from (service, start).
    SeatGroup;
    /// A free text (notes, a reason) kept in a table of its own, so that histories carry its id only.
    TextId;
    /// A review of a completed session.
    ReviewId;
    /// An entry of the audit trail.
    AuditId;
    /// Something that must happen because a row has changed.
    FollowUpId;
    /// A recurring booking: UUIDv5 of its client and the idempotency key.
    SeriesId;
    /// A place in a specialist's waitlist.
    WaitlistEntryId;
    /// A calendar elsewhere whose events block a specialist's time.
    BusyFeedId;
    /// A slot that was offered to somebody who waits, see [`crate::waitlist::contract::offer_id`].
    OfferId;
    /// A text of the library of insights.
    InsightTextId;
    /// An address that is told of sessions.
    WebhookId;
}
