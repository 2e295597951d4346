//! Who may be offered what, for how long, and how an offer stands: pure decisions.

use super::state::OfferState;
use crate::{
    sessions::{case::Case, state::SessionState},
    slots::schedule::Zone,
    time::Instant,
};

/// In as many lines may one client wait.
pub const MAX_OPEN: u64 = 10;

/// As many offers of a specialist may a client let lapse in [`LAPSED_MINUTES`] before their place is given up; one that
/// they were not told of is none.
pub const MAX_LAPSED: u64 = 2;

/// What lapsed is held against a client for so long, also in a place that they have taken since: seven days, in
/// minutes.
pub const LAPSED_MINUTES: i64 = 7 * 24 * 60;

/// A start whose offer lapsed before its client was told of it may be offered to them again after so long, in minutes:
/// it goes along the line meanwhile, and is not kept from everybody by one whom no mail reaches.
pub const UNTOLD_REST_MINUTES: i64 = 3 * 60;

/// An offer that would be open for less is not made, in minutes.
pub const SHORTEST_MINUTES: i64 = 5;

/// Which starts somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Starts then or later.
    pub from: Instant,
    /// Starts before.
    pub to: Instant,
    /// The zone of the two times of day.
    pub zone: Zone,
    /// The start's time of day is this or later, in minutes since midnight.
    pub earliest_minute: Option<u32>,
    /// The start's time of day is this or earlier.
    pub latest_minute: Option<u32>,
}

impl Wish {
    /// Whether a session that begins then would do.
    #[must_use]
    pub fn suits(&self, start: Instant) -> bool {
        if start < self.from || self.to <= start {
            return false;
        }
        let time = start.timestamp().to_zoned(self.zone.tz().clone()).time();
        let minute = u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs());
        self.earliest_minute.is_none_or(|earliest| earliest <= minute)
            && self.latest_minute.is_none_or(|latest| minute <= latest)
    }
}

/// When an offer of that start would end; nothing when there is not time enough to answer it.
///
/// It never lasts into the minimum notice: what is given back then could not be booked by anybody else.
#[must_use]
pub fn expires_at(now: Instant, start: Instant, notice_minutes: u32, offer_minutes: u32) -> Option<Instant> {
    let last = start.plus_minutes(-i64::from(notice_minutes));
    let until = now.plus_minutes(offer_minutes.into()).min(last);
    (now.plus_minutes(SHORTEST_MINUTES.min(offer_minutes.into())) <= until).then_some(until)
}

/// How an offer ends that stood open, by the session that it is; nothing while that is still held for it.
#[must_use]
pub fn ending(status: SessionState, hold_expires_at: Option<Instant>) -> Option<OfferState> {
    match status {
        SessionState::Held if hold_expires_at.is_some() => None,
        SessionState::Expired => Some(OfferState::Lapsed),
        SessionState::Cancelled => Some(OfferState::Declined),
        // A session that fails or ends after the client wanted it was wanted.
        SessionState::Held
        | SessionState::Confirmed
        | SessionState::Completed
        | SessionState::NoShow
        | SessionState::Failed => Some(OfferState::Accepted),
    }
}

/// How an offer stands: one whose time is over has lapsed, whether its session's run has noticed or not.
#[must_use]
pub fn standing(recorded: OfferState, session: &Case) -> OfferState {
    match recorded {
        OfferState::Offered => ending(session.status(), session.hold_expires_at).unwrap_or(OfferState::Offered),
        ended => ended,
    }
}

/// What an answer means to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It decides.
    Decides,
    /// It was given before.
    Same,
    /// The opposite was given before.
    Opposite,
    /// It comes too late.
    TooLate,
}

/// What the answer `accept` means to an offer that stands so.
#[must_use]
pub fn verdict(state: OfferState, accept: bool) -> Verdict {
    match (state, accept) {
        (OfferState::Offered, _) => Verdict::Decides,
        (OfferState::Lapsed, _) => Verdict::TooLate,
        (OfferState::Accepted, true) | (OfferState::Declined | OfferState::Withdrawn, false) => Verdict::Same,
        (OfferState::Accepted, false) | (OfferState::Declined | OfferState::Withdrawn, true) => Verdict::Opposite,
    }
}

#[cfg(test)]
mod tests {
    use super::{OfferState, Verdict, Wish, ending, expires_at, verdict};
    use crate::{sessions::state::SessionState, slots::schedule::Zone, time::Instant};

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn the_time_of_day_is_that_of_the_zone_also_when_clocks_change() {
        let wish = Wish {
            from: at("2026-03-01T00:00:00Z"),
            to: at("2026-04-30T00:00:00Z"),
            zone: Zone::new("Europe/Berlin").unwrap(),
            earliest_minute: Some(9 * 60),
            latest_minute: Some(10 * 60),
        };
        for (start, suits) in [
            ("2026-03-27T08:00:00Z", true),
            ("2026-03-27T07:59:00Z", false),
            ("2026-03-27T09:00:00Z", true),
            ("2026-03-27T09:15:00Z", false),
            // Summer time from the 29th on.
            ("2026-03-30T07:00:00Z", true),
            ("2026-03-30T08:15:00Z", false),
            ("2026-02-27T08:00:00Z", false),
            ("2026-04-30T07:00:00Z", false),
        ] {
            assert_eq!(wish.suits(at(start)), suits, "{start}");
        }
        let any = Wish {
            earliest_minute: None,
            latest_minute: None,
            ..wish
        };
        assert!(
            any.suits(at("2026-03-01T00:00:00Z")) && !any.suits(at("2026-04-30T00:00:00Z")),
            "ends are exclusive"
        );
    }

    #[test]
    fn an_offer_ends_before_the_slot_can_be_booked_by_nobody() {
        let now = at("2026-03-01T00:00:00Z");
        let ends = |start, notice| expires_at(now, at(start), notice, 60);
        assert_eq!(ends("2026-03-02T00:00:00Z", 0), Some(at("2026-03-01T01:00:00Z")));
        assert_eq!(ends("2026-03-01T02:30:00Z", 120), Some(at("2026-03-01T00:30:00Z")));
        assert_eq!(ends("2026-03-01T02:04:00Z", 120), None, "four minutes are too few");
        assert_eq!(ends("2026-03-01T01:00:00Z", 120), None);
        assert_eq!(
            expires_at(now, at("2026-03-02T00:00:00Z"), 0, 1),
            Some(at("2026-03-01T00:01:00Z")),
            "where offers are shorter than that anyway"
        );
    }

    #[test]
    fn the_session_tells_how_the_offer_ended() {
        let hold = Some(at("2026-03-01T00:00:00Z"));
        assert_eq!(ending(SessionState::Held, hold), None);
        assert_eq!(ending(SessionState::Held, None), Some(OfferState::Accepted));
        assert_eq!(ending(SessionState::Confirmed, None), Some(OfferState::Accepted));
        assert_eq!(ending(SessionState::Expired, None), Some(OfferState::Lapsed));
        assert_eq!(ending(SessionState::Cancelled, None), Some(OfferState::Declined));
    }

    #[test]
    fn the_same_answer_again_is_the_same_and_the_opposite_is_not() {
        use OfferState::{Accepted, Declined, Lapsed, Offered, Withdrawn};
        for (state, on_yes, on_no) in [
            (Offered, Verdict::Decides, Verdict::Decides),
            (Accepted, Verdict::Same, Verdict::Opposite),
            (Declined, Verdict::Opposite, Verdict::Same),
            (Withdrawn, Verdict::Opposite, Verdict::Same),
            (Lapsed, Verdict::TooLate, Verdict::TooLate),
        ] {
            assert_eq!(
                (verdict(state, true), verdict(state, false)),
                (on_yes, on_no),
                "{state:?}"
            );
        }
    }
}
