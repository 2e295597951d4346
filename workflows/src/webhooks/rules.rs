//! Which events are told, and when a telling is tried again.

use std::time::Duration;

/// Pauses between attempts: with the first attempt ten of them, over a little more than three days.
///
/// # Source
/// The schedule that Standard Webhooks recommends.
pub const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// A receiver is left alone for so long at most because it asks for it.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// What can be told of a session. Names are for ever; one whose payload must change gets another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A slot is held for a client, who has yet to confirm.
    Held,
    /// It takes place.
    Confirmed,
    /// It has another time.
    Rescheduled,
    /// It was called off.
    Cancelled,
    /// A hold was not confirmed in time.
    Expired,
    /// It could not be set up.
    Failed,
    /// Its end has passed.
    Completed,
    /// The client did not come.
    NoShow,
}

/// The type of a test call.
pub const PING: &str = "webhook.ping";

impl EventType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Confirmed,
        Self::Rescheduled,
        Self::Cancelled,
        Self::Expired,
        Self::Failed,
        Self::Completed,
        Self::NoShow,
    ];

    /// Its name on the wire and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "session.held",
            Self::Confirmed => "session.confirmed",
            Self::Rescheduled => "session.rescheduled",
            Self::Cancelled => "session.cancelled",
            Self::Expired => "session.expired",
            Self::Failed => "session.failed",
            Self::Completed => "session.completed",
            Self::NoShow => "session.no_show",
        }
    }

    /// What an entry of a session's timeline tells the world; nothing where it is nobody else's business.
    #[must_use]
    pub fn of_step(step: &str, status: &str) -> Option<Self> {
        match (step, status) {
            ("hold", "started") => Some(Self::Held),
            ("confirmation", "done") => Some(Self::Confirmed),
            ("reschedule", "done") => Some(Self::Rescheduled),
            ("cancellation", "done") => Some(Self::Cancelled),
            ("hold", "expired") => Some(Self::Expired),
            ("slot", "released") => Some(Self::Failed),
            ("completion", "done") => Some(Self::Completed),
            ("no_show", "done") => Some(Self::NoShow),
            _ => None,
        }
    }
}

/// How long to wait after so many attempts; nothing when it is given up.
///
/// `chance` is any number: it moves the pause by up to a tenth, so that what failed together is not tried again together.
/// What the receiver asks for is heeded up to an hour, and never shortens a pause.
#[must_use]
pub fn pause(attempts: u32, retry_after: Option<Duration>, chance: u32) -> Option<Duration> {
    let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause = PAUSES
        .get(index)?
        .mul_f64(0.9 + 0.2 * f64::from(chance) / f64::from(u32::MAX));
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    Some(pause.max(asked))
}

#[cfg(test)]
mod tests {
    use super::{EventType, PAUSES, pause};
    use std::{collections::BTreeSet, time::Duration};

    #[test]
    fn three_days_of_attempts_and_then_none() {
        for (chance, least, most) in [(0, 67, 69), (u32::MAX / 2, 75, 76), (u32::MAX, 83, 84)] {
            let all: Duration = (1..=9).map(|attempts| pause(attempts, None, chance).unwrap()).sum();
            let hours = all.as_secs() / 3_600;
            assert!((least..=most).contains(&hours), "{chance}: {hours} hours");
            assert_eq!(pause(10, None, chance), None);
            assert_eq!(pause(11, None, chance), None);
        }
        assert_eq!(pause(0, None, 0), None, "nothing was attempted");
    }

    #[test]
    fn chance_moves_a_pause_by_a_tenth() {
        for (n, planned) in (1..).zip(PAUSES) {
            for chance in [0, 1, u32::MAX / 3, u32::MAX - 1, u32::MAX] {
                let pause = pause(n, None, chance).unwrap();
                assert!(
                    planned.mul_f64(0.899) <= pause && pause <= planned.mul_f64(1.101),
                    "{pause:?}"
                );
            }
        }
    }

    #[test]
    fn what_a_receiver_asks_for_is_heeded_within_bounds() {
        let seconds = |asked| pause(1, Some(Duration::from_secs(asked)), 0).unwrap().as_secs();
        assert_eq!(seconds(0), 4);
        assert_eq!(seconds(120), 120);
        assert_eq!(seconds(999_999), 3_600);
        let long = pause(8, Some(Duration::from_secs(1)), u32::MAX / 2).unwrap();
        assert!(Duration::from_secs(18 * 3_600) <= long, "{long:?}");
    }

    #[test]
    fn every_type_has_a_name_of_its_own() {
        let names: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        assert!(names.iter().all(|name| name.starts_with("session.")));
        assert_eq!(EventType::of_step("reminder_mail", "sent"), None);
    }
}
