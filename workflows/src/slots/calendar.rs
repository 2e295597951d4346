//! The calendar of one specialist for one offer: the free starts, and why another is not.

use super::{
    busy::{Busy, Occupied},
    error::SlotsError,
    grid::{CHUNK, Grid},
    judge::{Block, Judge, blocked, is_live},
    local::{DAY, LocalDays, MINUTE, timestamp},
    offer::Offer,
    refusal::Refusal,
    schedule::{Schedule, Zone},
};
use crate::time::Instant;
use jiff::civil::Date;

/// As many starts may a range have, by the schedule alone, that [`Calendar::free`] lists.
pub const MAX_STARTS: u64 = 20_000;

/// As far ahead does [`Calendar::next`] look.
pub const MAX_DAYS_AHEAD: u32 = 62;

/// What decides whether a session may begin.
///
/// The lists may come in any order; entries far from the range asked for do no harm, and caps need those of the whole week.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'a> {
    /// When the specialist works.
    pub schedule: &'a Schedule,
    /// What is asked for.
    pub offer: &'a Offer,
    /// Live sessions and holds.
    pub occupied: &'a [Occupied],
    /// External calendars.
    pub busy: &'a [Busy],
    /// The time of the question.
    pub now: Instant,
}

/// A start that can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// First instant of the session.
    pub starts_at: Instant,
    /// First instant after it, its buffer not included.
    pub ends_at: Instant,
    /// Seats left, where a group start has begun to fill; nothing for a start that is still all free.
    pub seats_left: Option<u32>,
}

/// What stands in the way of a start, as positions in the lists of its [`Calendar`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blockers {
    /// In [`Calendar::occupied`]; none unless [`Refusal::SlotTaken`].
    pub occupied: Vec<usize>,
    /// In [`Calendar::busy`]; none unless [`Refusal::ExternalBusy`].
    pub busy: Vec<usize>,
}

impl Calendar<'_> {
    /// Every slot that starts in `[from, to)`, earliest first, each once.
    ///
    /// # Errors
    /// [`SlotsError::TooManyStarts`] if the schedule alone has more than [`MAX_STARTS`] there.
    ///
    /// # Cost
    /// O(windows + occupied + busy + starts) once the two lists are sorted.
    pub fn free(&self, from: Instant, to: Instant) -> Result<Vec<Slot>, SlotsError> {
        let mut judge = Judge::new(self);
        let mut slots = Vec::new();
        let mut n_starts = 0;
        for grid in self.grids(from.unix_micros(), to.unix_micros()) {
            n_starts += grid.count();
            if n_starts > MAX_STARTS {
                return Err(SlotsError::TooManyStarts { limit: MAX_STARTS });
            }
            for start in grid.starts() {
                if let Some(slot) = self.slot(&mut judge, start) {
                    slots.push(slot);
                }
            }
        }
        Ok(slots)
    }

    /// The first `n` slots that start at `after` or later, at most [`MAX_DAYS_AHEAD`] days of 24 hours ahead.
    ///
    /// # Cost
    /// As [`Calendar::free`], up to the last slot found.
    #[must_use]
    pub fn next(&self, after: Instant, n: usize) -> Vec<Slot> {
        let after = after.unix_micros();
        let mut judge = Judge::new(self);
        self.grids(after, after + i64::from(MAX_DAYS_AHEAD) * DAY)
            .flat_map(|grid| {
                grid.starts()
                    .filter_map(|start| self.slot(&mut judge, start))
                    .take(n)
                    .collect::<Vec<_>>()
            })
            .take(n)
            .collect()
    }

    /// Every rule that forbids a start at `at`, each once and in order; none if it can be booked.
    #[must_use]
    pub fn why_not(&self, at: Instant) -> Vec<Refusal> {
        let start = at.unix_micros();
        let mut refusals: Vec<Refusal> = Judge::new(self).judge(start).refusals().collect();
        if Grid::new(self.schedule, self.offer, start, start + 1).count() == 0 {
            let date = self.schedule.time_zone.tz().to_datetime(at.timestamp()).date();
            refusals.push(if self.schedule.is_day_off(date) {
                Refusal::DayOff
            } else {
                Refusal::OutsideSchedule
            });
        }
        refusals.sort_unstable();
        refusals
    }

    /// What a session that starts at `at` would meet.
    #[must_use]
    pub fn blockers(&self, at: Instant) -> Blockers {
        let start = at.unix_micros();
        let from = start - i64::from(self.offer.buffer_before_minutes) * MINUTE;
        let to = start + (i64::from(self.offer.duration_minutes) + i64::from(self.offer.buffer_after_minutes)) * MINUTE;
        let stands_in_way = |occupied: &Occupied| is_live(occupied, self) && blocked(occupied).blocks(start, from, to);
        let meets = |busy: &Busy| Block::new(busy.from.unix_micros(), busy.to.unix_micros(), None).meets(from, to);
        Blockers {
            occupied: positions(self.occupied, stands_in_way),
            busy: positions(self.busy, meets),
        }
    }

    /// The grids of `[from, to)`, one after the other.
    fn grids(&self, from: i64, to: i64) -> impl Iterator<Item = Grid> {
        // Each looks ahead by the duration at most, so that none is much dearer than its part of the range.
        let length = CHUNK.max(i64::from(self.offer.duration_minutes) * MINUTE);
        std::iter::successors(Some(from), move |begin| Some(begin + length))
            .take_while(move |begin| *begin < to)
            .map(move |begin| Grid::new(self.schedule, self.offer, begin, to.min(begin + length)))
    }

    fn slot(&self, judge: &mut Judge<'_>, start: i64) -> Option<Slot> {
        let verdict = judge.judge(start);
        verdict.allows().then(|| Slot {
            starts_at: Instant::new(timestamp(start)),
            ends_at: Instant::new(timestamp(start + i64::from(self.offer.duration_minutes) * MINUTE)),
            seats_left: verdict.seats_left,
        })
    }
}

/// `slots` by the local date of their start in a viewer's zone, earliest first; only dates that have some.
#[must_use]
pub fn by_day(slots: &[Slot], zone: &Zone) -> Vec<(Date, Vec<Slot>)> {
    let mut local = LocalDays::new(zone.tz());
    let mut days: Vec<(i64, Vec<Slot>)> = Vec::new();
    for &slot in slots {
        let day = local.day_of(slot.starts_at.unix_micros());
        match days.last_mut() {
            Some((last, slots)) if *last == day => slots.push(slot),
            _ => days.push((day, vec![slot])),
        }
    }
    // Where a clock steps back over midnight, a date comes round again.
    days.sort_by_key(|(day, _)| *day);
    days.dedup_by(|(next, more), (day, slots)| {
        let same = next == day;
        if same {
            slots.append(more);
        }
        same
    });
    days.into_iter()
        .filter_map(|(_, slots)| {
            let date = zone.tz().to_datetime(slots.first()?.starts_at.timestamp()).date();
            Some((date, slots))
        })
        .collect()
}

fn positions<T>(entries: &[T], matches: impl Fn(&T) -> bool) -> Vec<usize> {
    entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| matches(entry))
        .map(|(position, _)| position)
        .collect()
}
