//! May a start be booked, once the schedule has it: notice, window, caps, and what is taken.

use super::{
    busy::Occupied,
    calendar::Calendar,
    local::{LocalDays, MINUTE, day_number},
    refusal::Refusal,
};

/// The one judge of starts, for lists and for single questions.
///
/// Starts come in order: what lies behind the last one is not looked at again.
///
/// # Cost
/// O(n log n) in what is occupied and busy to begin with, less where it comes sorted; a few comparisons for each start, and
/// each occupied or busy entry once.
pub(super) struct Judge<'a> {
    earliest: i64,
    before: i64,
    length: i64,
    local: LocalDays<'a>,
    dates: Dates,
    sessions: Blocks,
    external: Blocks,
    groups: Groups,
}

impl<'a> Judge<'a> {
    pub(super) fn new(calendar: &Calendar<'a>) -> Self {
        let Calendar {
            schedule,
            offer,
            occupied,
            busy,
            now,
        } = *calendar;
        let mut local = LocalDays::new(schedule.time_zone.tz());
        let live = || occupied.iter().filter(|occupied| is_live(occupied, calendar));
        let today = local.day_of(now.unix_micros());
        let mut starts: Vec<i64> = Vec::new();
        if schedule.max_per_day.is_some() || schedule.max_per_week.is_some() {
            starts.extend(live().map(|occupied| occupied.starts_at.unix_micros()));
            starts.sort_unstable();
        }
        let dates = Dates {
            last: [
                schedule.booking_window_days.map(|days| today + i64::from(days)),
                schedule.book_until.map(day_number),
            ]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(i64::MAX),
            max_per_day: schedule.max_per_day,
            max_per_week: schedule.max_per_week,
            // Local dates can step back with the clock, hence sorted once more.
            taken: {
                let mut taken: Vec<i64> = starts.into_iter().map(|start| local.day_of(start)).collect();
                taken.sort();
                taken
            },
            day: i64::MIN,
            full: false,
        };
        Self {
            earliest: now.unix_micros() + i64::from(schedule.minimum_notice_minutes) * MINUTE,
            before: i64::from(offer.buffer_before_minutes) * MINUTE,
            length: (i64::from(offer.duration_minutes) + i64::from(offer.buffer_after_minutes)) * MINUTE,
            local,
            dates,
            sessions: Blocks::new(live().map(blocked).collect()),
            external: Blocks::new(
                busy.iter()
                    .map(|busy| Block::new(busy.from.unix_micros(), busy.to.unix_micros(), None))
                    .collect(),
            ),
            groups: Groups::new(
                live()
                    .filter(|occupied| occupied.seats_left > 0)
                    .map(|occupied| (occupied.starts_at.unix_micros(), occupied.seats_left))
                    .collect(),
            ),
        }
    }

    /// What forbids `start`, apart from the schedule; `start` is not before the one judged last.
    pub(super) fn judge(&mut self, start: i64) -> Verdict {
        let seats_left = self.groups.seats_left(start);
        let day = self.local.day_of(start);
        let (from, to) = (start - self.before, start + self.length);
        let taken = match seats_left {
            None => self.sessions.meet(from, to),
            Some(_) => self.sessions.meet_apart_from(start, from, to),
        };
        let full = seats_left.is_none() && self.dates.are_full(day);
        let refused = u8::from(start < self.earliest)
            | u8::from(self.dates.last < day) << 1
            | u8::from(full) << 2
            | u8::from(taken) << 3
            | u8::from(self.external.meet(from, to)) << 4;
        Verdict { refused, seats_left }
    }
}

/// What the bits of [`Verdict::refused`] stand for, lowest first.
const RULES: [Refusal; 5] = [
    Refusal::TooSoon,
    Refusal::TooFar,
    Refusal::CapReached,
    Refusal::SlotTaken,
    Refusal::ExternalBusy,
];

/// What the judge says of one start.
pub(super) struct Verdict {
    refused: u8,
    /// Seats left, where a group start has begun to fill.
    pub(super) seats_left: Option<u32>,
}

impl Verdict {
    /// Whether nothing forbids the start.
    pub(super) fn allows(&self) -> bool {
        self.refused == 0
    }

    /// Every rule that forbids the start.
    pub(super) fn refusals(&self) -> impl Iterator<Item = Refusal> {
        RULES
            .into_iter()
            .enumerate()
            .filter_map(|(bit, rule)| (self.refused >> bit & 1 == 1).then_some(rule))
    }
}

/// Whether `occupied` blocks and counts: from the instant of its expiry, a hold does neither.
pub(super) fn is_live(occupied: &Occupied, calendar: &Calendar<'_>) -> bool {
    occupied.expires_at.is_none_or(|expires_at| calendar.now < expires_at)
}

/// The time that `occupied` blocks, its own buffers included.
pub(super) fn blocked(occupied: &Occupied) -> Block {
    let starts_at = occupied.starts_at.unix_micros();
    Block::new(
        starts_at - i64::from(occupied.buffer_before_minutes) * MINUTE,
        occupied.ends_at.unix_micros() + i64::from(occupied.buffer_after_minutes) * MINUTE,
        (occupied.seats_left > 0).then_some(starts_at),
    )
}

/// A half-open interval that is taken.
#[derive(Clone, Copy)]
pub(super) struct Block {
    from: i64,
    to: i64,
    /// The latest end of this block and of those before it.
    reach: i64,
    /// The start that may be joined, where seats are left.
    joined_at: Option<i64>,
}

impl Block {
    pub(super) fn new(from: i64, to: i64, joined_at: Option<i64>) -> Self {
        Self {
            from,
            to,
            reach: to,
            joined_at,
        }
    }

    /// Whether `[from, to)` meets this block; nothing meets an empty one.
    pub(super) fn meets(&self, from: i64, to: i64) -> bool {
        self.from < self.to && self.from < to && from < self.to
    }

    /// Whether this block stands in the way of a session that starts at `start`, apart from the group it then joins.
    pub(super) fn blocks(&self, start: i64, from: i64, to: i64) -> bool {
        self.joined_at != Some(start) && self.meets(from, to)
    }
}

/// Blocks in the order of their starts, and how many begin before the end asked for last.
struct Blocks {
    blocks: Vec<Block>,
    n_begun: usize,
}

impl Blocks {
    fn new(mut blocks: Vec<Block>) -> Self {
        blocks.retain(|block| block.from < block.to);
        blocks.sort_unstable_by_key(|block| block.from);
        let mut reach = i64::MIN;
        for block in &mut blocks {
            reach = reach.max(block.to);
            block.reach = reach;
        }
        Self { blocks, n_begun: 0 }
    }

    /// Whether any block meets `[from, to)`.
    fn meet(&mut self, from: i64, to: i64) -> bool {
        self.begun(to).last().is_some_and(|block| from < block.reach)
    }

    /// Whether any block but the group that starts at `start` meets `[from, to)`.
    fn meet_apart_from(&mut self, start: i64, from: i64, to: i64) -> bool {
        self.begun(to)
            .iter()
            .rev()
            .take_while(|block| from < block.reach)
            .any(|block| block.blocks(start, from, to))
    }

    /// The blocks that begin before `to`, which does not go back from call to call.
    fn begun(&mut self, to: i64) -> &[Block] {
        while self.blocks.get(self.n_begun).is_some_and(|block| block.from < to) {
            self.n_begun += 1;
        }
        self.blocks.get(..self.n_begun).unwrap_or_default()
    }
}

/// Group starts with seats left, in order.
struct Groups {
    starts: Vec<(i64, u32)>,
    n_passed: usize,
}

impl Groups {
    fn new(mut starts: Vec<(i64, u32)>) -> Self {
        // The fewest seats first: should a start be told of twice, that is the safe number.
        starts.sort_unstable();
        Self { starts, n_passed: 0 }
    }

    /// Seats left at `start`, which does not go back from call to call.
    fn seats_left(&mut self, start: i64) -> Option<u32> {
        while self.starts.get(self.n_passed).is_some_and(|(at, _)| *at < start) {
            self.n_passed += 1;
        }
        self.starts
            .get(self.n_passed)
            .filter(|(at, _)| *at == start)
            .map(|(_, seats_left)| *seats_left)
    }
}

/// Limits on local dates, as days since 1970-01-01.
struct Dates {
    last: i64,
    max_per_day: Option<u32>,
    max_per_week: Option<u32>,
    /// The dates of the live sessions, sorted.
    taken: Vec<i64>,
    /// The date asked for last, and what was answered.
    day: i64,
    full: bool,
}

impl Dates {
    /// Whether the caps of `day`, or of its week, are reached.
    fn are_full(&mut self, day: i64) -> bool {
        if day != self.day {
            // 1970-01-01 was a Thursday, three days into its ISO week.
            let monday = day - (day + 3).rem_euclid(7);
            self.day = day;
            self.full = self
                .max_per_day
                .is_some_and(|cap| self.n_taken(day, day + 1) >= u64::from(cap))
                || self
                    .max_per_week
                    .is_some_and(|cap| self.n_taken(monday, monday + 7) >= u64::from(cap));
        }
        self.full
    }

    fn n_taken(&self, from: i64, to: i64) -> u64 {
        let n_before = |day| self.taken.partition_point(|taken| *taken < day);
        (n_before(to) - n_before(from)) as u64
    }
}
