//! The rules once more, minute by minute and as slowly as they are written down, to compare with.
//!
//! Shares nothing with the module but its public types: wall clocks are found by looking at every minute, windows are
//! painted, and every start is held against every entry.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that panics fails")]

use super::{calendar::Calendar, refusal::Refusal};
use crate::time::Instant;
use jiff::{Timestamp, ToSpan as _, civil::Date};
use std::collections::BTreeSet;

/// As many minutes on either side of a range are looked at.
const MARGIN: i64 = 6 * 24 * 60;

/// Every minute around a range: what its clocks show, and what the schedule makes of it.
pub(super) struct Minutes {
    /// Minutes since 1970-01-01T00:00:00Z.
    begin: i64,
    /// Local readings, in minutes since 1970-01-01T00:00.
    local: Vec<i64>,
    open: Vec<bool>,
    starts: BTreeSet<i64>,
}

impl Minutes {
    /// The minutes around `[from, to)`; the duration shall be far shorter than [`MARGIN`].
    pub(super) fn new(calendar: &Calendar<'_>, from: Instant, to: Instant) -> Self {
        let begin = from.unix_seconds().div_euclid(60) - MARGIN;
        let end = to.unix_seconds().div_euclid(60) + MARGIN;
        let tz = calendar.schedule.time_zone.tz();
        let local = (begin..end)
            .map(|minute| minute + i64::from(tz.to_offset(Timestamp::from_second(minute * 60).unwrap()).seconds() / 60))
            .collect();
        let n = usize::try_from(end - begin).unwrap();
        let mut minutes = Self {
            begin,
            local,
            open: vec![false; n],
            starts: BTreeSet::new(),
        };
        let days: BTreeSet<i64> = minutes.local.iter().map(|minute| minute.div_euclid(1440)).collect();
        for day in days.into_iter().skip(2) {
            minutes.paint(calendar, day);
        }
        let duration = i64::from(calendar.offer.duration_minutes);
        minutes.starts = std::mem::take(&mut minutes.starts)
            .into_iter()
            .filter(|start| (*start..start + duration).all(|minute| minutes.is_open(minute)))
            .collect();
        minutes
    }

    fn paint(&mut self, calendar: &Calendar<'_>, day: i64) {
        let date = Date::constant(1970, 1, 1).checked_add(day.days()).unwrap();
        let mut windows: Vec<(i64, i64)> = calendar
            .schedule
            .windows(date)
            .iter()
            .map(|window| {
                (
                    day * 1440 + i64::from(window.from().minutes()),
                    day * 1440 + i64::from(window.to().minutes()),
                )
            })
            .filter_map(|(from, to)| Some((self.resolve(from)?, self.resolve(to)?)))
            .filter(|(from, to)| from < to)
            .collect();
        for &(from, to) in &windows {
            for minute in from..to {
                let at = usize::try_from(minute - self.begin).unwrap();
                self.open[at] = true;
            }
        }
        // Two windows of a date that touch or overlap become one, until none do.
        while let Some((a, b)) = (0..windows.len())
            .flat_map(|a| (a + 1..windows.len()).map(move |b| (a, b)))
            .find(|&(a, b)| windows[a].0 <= windows[b].1 && windows[b].0 <= windows[a].1)
        {
            let (from, to) = windows.swap_remove(b);
            windows[a] = (windows[a].0.min(from), windows[a].1.max(to));
        }
        for (from, to) in windows {
            self.starts
                .extend((from..to).filter(|start| (start - from) % i64::from(calendar.offer.interval_minutes) == 0));
        }
    }

    /// The first minute whose clocks show `reading`, or the one that is as far past the gap as the reading is into it.
    fn resolve(&self, reading: i64) -> Option<i64> {
        let shown = self.local.iter().position(|local| *local == reading);
        let at = match shown {
            Some(at) => i64::try_from(at).unwrap(),
            None => {
                let before = self
                    .local
                    .windows(2)
                    .position(|pair| pair[0] < reading && reading < pair[1])?;
                i64::try_from(before).unwrap() + reading - self.local[before]
            }
        };
        Some(self.begin + at)
    }

    fn is_open(&self, minute: i64) -> bool {
        usize::try_from(minute - self.begin)
            .ok()
            .and_then(|at| self.open.get(at))
            .copied()
            .unwrap_or(false)
    }

    /// Every start of the schedule in `[from, to)`.
    pub(super) fn starts(&self, from: Instant, to: Instant) -> Vec<Instant> {
        self.starts
            .iter()
            .map(|minute| Instant::from_unix_seconds(minute * 60))
            .filter(|start| from <= *start && *start < to)
            .collect()
    }

    /// Every rule that forbids `at`.
    pub(super) fn refusals(&self, calendar: &Calendar<'_>, at: Instant) -> Vec<Refusal> {
        let Calendar {
            schedule,
            offer,
            occupied,
            busy,
            now,
        } = *calendar;
        let date_of = |instant: Instant| schedule.time_zone.tz().to_datetime(instant.timestamp()).date();
        let minutes = |n: u32| i128::from(n) * 60_000_000;
        let micros = |instant: Instant| i128::from(instant.unix_micros());
        let from = micros(at) - minutes(offer.buffer_before_minutes);
        let to = micros(at) + minutes(offer.duration_minutes) + minutes(offer.buffer_after_minutes);
        let meets = |begin: i128, end: i128| begin < end && begin < to && from < end;
        let live: Vec<_> = occupied
            .iter()
            .filter(|held| held.expires_at.is_none_or(|expiry| expiry > now))
            .collect();
        let joins = live.iter().any(|held| held.seats_left > 0 && held.starts_at == at);
        let mut because = BTreeSet::new();

        let on_grid = at.unix_micros() % 60_000_000 == 0 && self.starts.contains(&at.unix_seconds().div_euclid(60));
        if !on_grid {
            let is_day_off = schedule
                .overrides
                .get(&date_of(at))
                .is_some_and(|windows| windows.is_empty());
            because.insert(if is_day_off {
                Refusal::DayOff
            } else {
                Refusal::OutsideSchedule
            });
        }
        if micros(at) < micros(now) + minutes(schedule.minimum_notice_minutes) {
            because.insert(Refusal::TooSoon);
        }
        let last = schedule
            .booking_window_days
            .map(|days| date_of(now).saturating_add(i64::from(days).days()));
        if last.is_some_and(|last| date_of(at) > last) || schedule.book_until.is_some_and(|last| date_of(at) > last) {
            because.insert(Refusal::TooFar);
        }
        let week_of = |date: Date| (date.iso_week_date().year(), date.iso_week_date().week());
        let n_day = live
            .iter()
            .filter(|held| date_of(held.starts_at) == date_of(at))
            .count();
        let n_week = live
            .iter()
            .filter(|held| week_of(date_of(held.starts_at)) == week_of(date_of(at)))
            .count();
        let reached = |cap: Option<u32>, n: usize| cap.is_some_and(|cap| n >= usize::try_from(cap).unwrap());
        if !joins && (reached(schedule.max_per_day, n_day) || reached(schedule.max_per_week, n_week)) {
            because.insert(Refusal::CapReached);
        }
        for held in live {
            let joined = held.seats_left > 0 && held.starts_at == at;
            let begin = micros(held.starts_at) - minutes(held.buffer_before_minutes);
            let end = micros(held.ends_at) + minutes(held.buffer_after_minutes);
            if !joined && meets(begin, end) {
                because.insert(Refusal::SlotTaken);
            }
        }
        if busy.iter().any(|busy| meets(micros(busy.from), micros(busy.to))) {
            because.insert(Refusal::ExternalBusy);
        }
        because.into_iter().collect()
    }
}
