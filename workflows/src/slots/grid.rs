//! The starts that a schedule has, whatever is taken: rules of windows, grid and fit.
//!
//! Every window is resolved for its own date. Windows of one date that then touch or overlap are one window, and each
//! carries a grid of its own. Whether a session fits looks further: there, windows of neighbouring dates that touch are one
//! as well.

use super::{
    local::{DAY, MINUTE, day_number, timestamp},
    offer::Offer,
    schedule::Schedule,
    wall,
};
use jiff::{ToSpan as _, civil::Date};

/// As much of a range is resolved at once: more than anybody asks for, and little enough to keep.
pub(super) const CHUNK: i64 = 64 * DAY;

/// Starts of a range, sorted and unique.
///
/// # Units
/// Instants and lengths: microseconds.
pub(super) struct Grid {
    runs: Vec<Run>,
    interval: i64,
}

/// `n` starts from `first` on; a run ends before the next begins.
struct Run {
    first: i64,
    n: i64,
}

/// A merged window of one date.
struct Opening {
    date: Date,
    from: i64,
    to: i64,
    /// Until when it stays open, through the windows of later dates that touch.
    until: i64,
}

impl Grid {
    /// The starts of `offer` in `[from, to)`.
    ///
    /// # Cost
    /// O(windows of the range, and of the time after it that is open without a break, up to the duration).
    pub(super) fn new(schedule: &Schedule, offer: &Offer, from: i64, to: i64) -> Self {
        let duration = i64::from(offer.duration_minutes) * MINUTE;
        let interval = i64::from(offer.interval_minutes) * MINUTE;
        if to <= from || duration == 0 || interval == 0 {
            return Self {
                runs: Vec::new(),
                interval: MINUTE,
            };
        }
        let runs: Vec<Run> = openings(schedule, from, to, duration)
            .iter()
            .filter_map(|opening| {
                let cut = (from - opening.from).max(0);
                let first = opening.from + (cut + interval - 1) / interval * interval;
                let latest = (opening.to - 1).min(opening.until - duration).min(to - 1);
                (first <= latest).then(|| Run {
                    first,
                    n: (latest - first) / interval + 1,
                })
            })
            .collect();
        let last = |run: &Run| run.first + (run.n - 1) * interval;
        if runs.is_sorted_by(|run, next| last(run) < next.first) {
            return Self { runs, interval };
        }
        // Clocks that jump over midnight can move a window into the next date, where both grids count.
        let mut starts: Vec<i64> = runs.iter().flat_map(|run| run.starts(interval)).collect();
        starts.sort_unstable();
        starts.dedup();
        Self {
            runs: starts.into_iter().map(|first| Run { first, n: 1 }).collect(),
            interval,
        }
    }

    /// How many starts there are.
    pub(super) fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.n.unsigned_abs()).sum()
    }

    /// The starts, earliest first.
    pub(super) fn starts(&self) -> impl Iterator<Item = i64> {
        self.runs.iter().flat_map(|run| run.starts(self.interval))
    }
}

impl Run {
    fn starts(&self, interval: i64) -> impl Iterator<Item = i64> + use<> {
        let first = self.first;
        (0..self.n).map(move |k| first + k * interval)
    }
}

/// The merged windows that have an instant in `[from, to)`, and a few more, sorted.
fn openings(schedule: &Schedule, from: i64, to: i64, duration: i64) -> Vec<Opening> {
    // A clock may jump by up to a day, either way: two dates more on each side have every window that counts.
    let mut date = local_date(schedule, from).saturating_sub(2.days());
    let last = local_date(schedule, to.saturating_add(duration)).saturating_add(2.days());
    let mut openings = Vec::new();
    let mut open_after = 0;
    while date <= last {
        // To reach this date from the range without a break, all the time between would have to be open; three days more
        // than make up for offsets, and for windows that a jump moves.
        if open_after < day_number(date) * DAY - to - 3 * DAY {
            break;
        }
        let n_before = openings.len();
        resolve(schedule, date, &mut openings);
        open_after += openings
            .iter()
            .skip(n_before)
            .map(|opening| (opening.to - opening.from.max(to)).max(0))
            .sum::<i64>();
        let Ok(tomorrow) = date.tomorrow() else { break };
        date = tomorrow;
    }
    // `dedup_by` hands over the later element first; it goes once the earlier has taken it in.
    openings.dedup_by(|next, opening| {
        let merges = next.date == opening.date && next.from <= opening.to;
        if merges {
            opening.to = opening.to.max(next.to);
        }
        merges
    });
    openings.sort_by_key(|opening| opening.from);
    join(&mut openings);
    openings
}

/// Append the windows of one date, sorted.
fn resolve(schedule: &Schedule, date: Date, openings: &mut Vec<Opening>) {
    let tz = schedule.time_zone.tz();
    let n_before = openings.len();
    openings.extend(schedule.windows(date).iter().filter_map(|window| {
        let (from, skipped) = wall::edge(tz, date, window.from())?;
        let (to, _) = wall::edge(tz, date, window.to())?;
        let opens = from < to && (!skipped || wall::exists(tz, date));
        let (from, to) = (from.as_microsecond(), to.as_microsecond());
        opens.then_some(Opening {
            date,
            from,
            to,
            until: to,
        })
    }));
    if let Some(of_date) = openings.get_mut(n_before..) {
        of_date.sort_unstable_by_key(|opening| opening.from);
    }
}

/// Tell each opening until when it stays open.
fn join(openings: &mut [Opening]) {
    let mut rest = openings;
    while let Some(first) = rest.first() {
        let mut until = first.to;
        let n_joined = rest
            .iter()
            .take_while(|opening| {
                let joins = opening.from <= until;
                if joins {
                    until = until.max(opening.to);
                }
                joins
            })
            .count();
        let (joined, later) = rest.split_at_mut(n_joined);
        for opening in joined {
            opening.until = until;
        }
        rest = later;
    }
}

fn local_date(schedule: &Schedule, at: i64) -> Date {
    schedule.time_zone.tz().to_datetime(timestamp(at)).date()
}
