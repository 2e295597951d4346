//! What holds of every calendar, and the comparison with the rules written down a second time.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that panics fails")]

use super::{
    busy::{Busy, Occupied},
    calendar::{Calendar, Slot, by_day},
    offer::Offer,
    oracle::Minutes,
    refusal::Refusal,
    schedule::{Schedule, Weekly, Window, Zone},
};
use crate::time::Instant;
use jiff::{ToSpan as _, civil::Date};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Zones, each with a date on which something happens to its clocks.
const CLOCKS: [(&str, Date); 24] = [
    ("Europe/Berlin", Date::constant(2026, 3, 29)),
    ("Europe/Berlin", Date::constant(2026, 10, 25)),
    ("America/New_York", Date::constant(2026, 3, 8)),
    ("America/New_York", Date::constant(2026, 11, 1)),
    ("Australia/Lord_Howe", Date::constant(2026, 4, 5)),
    ("Australia/Lord_Howe", Date::constant(2026, 10, 4)),
    ("Pacific/Apia", Date::constant(2011, 12, 30)),
    ("Pacific/Kwajalein", Date::constant(1993, 8, 21)),
    ("Asia/Kathmandu", Date::constant(2026, 1, 1)),
    ("Africa/Casablanca", Date::constant(2026, 2, 15)),
    ("Africa/Casablanca", Date::constant(2026, 3, 22)),
    ("America/Havana", Date::constant(2026, 3, 8)),
    ("America/Havana", Date::constant(2026, 11, 1)),
    ("America/Sao_Paulo", Date::constant(2018, 2, 18)),
    ("America/Sao_Paulo", Date::constant(2018, 11, 4)),
    ("America/St_Johns", Date::constant(2010, 3, 14)),
    ("America/St_Johns", Date::constant(2010, 11, 7)),
    ("Asia/Beirut", Date::constant(2026, 3, 29)),
    ("Asia/Beirut", Date::constant(2026, 10, 25)),
    ("America/Nuuk", Date::constant(2026, 3, 28)),
    ("America/Nuuk", Date::constant(2026, 10, 24)),
    ("Antarctica/Troll", Date::constant(2026, 3, 29)),
    ("Antarctica/Troll", Date::constant(2026, 10, 25)),
    ("UTC", Date::constant(2024, 2, 29)),
];

const HALF_DAY: i64 = 12 * 60;

#[derive(Clone, Debug)]
struct Case {
    schedule: Schedule,
    offer: Offer,
    occupied: Vec<Occupied>,
    busy: Vec<Busy>,
    now: Instant,
    from: Instant,
    to: Instant,
}

impl Case {
    fn calendar(&self) -> Calendar<'_> {
        let Self {
            schedule,
            offer,
            occupied,
            busy,
            now,
            ..
        } = self;
        Calendar {
            schedule,
            offer,
            occupied,
            busy,
            now: *now,
        }
    }

    fn free(&self) -> Vec<Slot> {
        self.calendar().free(self.from, self.to).unwrap()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    select(&CLOCKS[..]).prop_flat_map(|(zone, date)| {
        let noon = date
            .at(12, 0, 0, 0)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
            .into();
        let to = (Just(noon), 0..6 * HALF_DAY).prop_map(|(noon, length)| plus(noon, length));
        (
            schedules(zone, date),
            offers(),
            near(noon, 8 * HALF_DAY),
            vec(occupied(noon), 0..6),
            vec(busy(noon), 0..5),
            (near(noon, 3 * HALF_DAY), to),
        )
            .prop_flat_map(|(schedule, offer, now, occupied, busy, (from, to))| {
                let expiries = vec(
                    option::weighted(0.4, select(vec![-60_000_000, -1, 0, 1, 60_000_000])),
                    occupied.len(),
                );
                (Just((schedule, offer, now, occupied, busy, from, to)), expiries)
            })
            .prop_map(|((schedule, offer, now, mut occupied, busy, from, to), expiries)| {
                for (occupied, micros) in occupied.iter_mut().zip(expiries) {
                    occupied.expires_at = micros.map(|micros| plus_micros(now, micros));
                }
                Case {
                    schedule,
                    offer,
                    occupied,
                    busy,
                    now,
                    from,
                    to,
                }
            })
    })
}

fn schedules(zone: &'static str, date: Date) -> impl Strategy<Value = Schedule> {
    let overridden = (-3..=3_i32).prop_map(move |days| date.checked_add(days.days()).unwrap());
    let limits = (
        select(vec![0_u32, 0, 1, 59, 60, 720, 1440]),
        option::weighted(0.3, 0..5_u32),
        option::weighted(
            0.2,
            (-3..=3_i32).prop_map(move |days| date.checked_add(days.days()).unwrap()),
        ),
        option::weighted(0.3, 0..3_u32),
        option::weighted(0.3, 0..5_u32),
    );
    (
        vec(windows(), 7),
        proptest::collection::btree_map(overridden, windows(), 0..3),
        limits,
    )
        .prop_map(
            move |(mut days, overrides, (notice, days_ahead, until, per_day, per_week))| {
                let mut next = || days.pop().unwrap();
                Schedule {
                    time_zone: Zone::new(zone).unwrap(),
                    weekly: Weekly {
                        mon: next(),
                        tue: next(),
                        wed: next(),
                        thu: next(),
                        fri: next(),
                        sat: next(),
                        sun: next(),
                    },
                    overrides,
                    minimum_notice_minutes: notice,
                    booking_window_days: days_ahead,
                    book_until: until,
                    max_per_day: per_day,
                    max_per_week: per_week,
                }
            },
        )
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    let all_day = window(0, 1440);
    let quarters =
        (0..96_u16, 1..=96_u16).prop_map(|(from, length)| window(from * 15, (from * 15 + length * 15).min(1440)));
    let at_night = (0..16_u16, 1..16_u16).prop_map(|(from, length)| window(from * 15, (from + length) * 15));
    let late = (80..96_u16, 1..16_u16).prop_map(|(from, length)| window(from * 15, ((from + length) * 15).min(1440)));
    let odd = (0..1440_u16, 1..=1440_u16).prop_map(|(from, length)| window(from, (from + length).min(1440)));
    prop_oneof![
        2 => Just(vec![all_day]),
        5 => vec(prop_oneof![2 => quarters, 2 => at_night, 2 => late, 1 => odd], 0..4),
    ]
}

fn window(from: u16, to: u16) -> Window {
    let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60).parse().unwrap();
    Window::new(text(from), text(to)).unwrap()
}

fn offers() -> impl Strategy<Value = Offer> {
    let duration = prop_oneof![8 => select(vec![1_u32, 15, 20, 30, 45, 60, 90, 180]), 1 => 1440..4000_u32];
    let interval = option::weighted(0.8, select(vec![5_u32, 7, 15, 20, 30, 45, 60, 90, 1440]));
    let buffer = || select(vec![0_u32, 0, 0, 5, 15, 90]);
    (duration, interval, buffer(), buffer())
        .prop_map(|(duration, interval, before, after)| Offer::new(duration, interval, before, after).unwrap())
}

fn occupied(noon: Instant) -> impl Strategy<Value = Occupied> {
    let buffer = || select(vec![0_u32, 0, 5, 30]);
    (near(noon, 6 * HALF_DAY), 0..90_i64, buffer(), buffer(), 0..3_u32).prop_map(
        |(starts_at, length, buffer_before_minutes, buffer_after_minutes, seats_left)| Occupied {
            starts_at,
            ends_at: plus(starts_at, length),
            buffer_before_minutes,
            buffer_after_minutes,
            expires_at: None,
            seats_left,
        },
    )
}

fn busy(noon: Instant) -> impl Strategy<Value = Busy> {
    let length = prop_oneof![Just(0), 1..600_i64];
    (near(noon, 6 * HALF_DAY), length).prop_map(|(from, length)| Busy {
        from,
        to: plus(from, length),
    })
}

/// Instants around `noon`: on a quarter of an hour, on a minute, and a microsecond beside one.
fn near(noon: Instant, minutes: i64) -> impl Strategy<Value = Instant> {
    let quarter = (-minutes / 15..minutes / 15).prop_map(|quarters| quarters * 15 * 60_000_000);
    let minute = (-minutes..minutes).prop_map(|minutes| minutes * 60_000_000);
    let beside =
        (-minutes..minutes, select(vec![-1_i64, 1, 1_000_000])).prop_map(|(m, micros)| m * 60_000_000 + micros);
    prop_oneof![6 => quarter, 2 => minute, 2 => beside].prop_map(move |micros| plus_micros(noon, micros))
}

fn plus(instant: Instant, minutes: i64) -> Instant {
    plus_micros(instant, minutes * 60_000_000)
}

fn plus_micros(instant: Instant, micros: i64) -> Instant {
    jiff::Timestamp::from_microsecond(instant.unix_micros() + micros)
        .unwrap()
        .into()
}

fn starts(slots: &[Slot]) -> Vec<Instant> {
    slots.iter().map(|slot| slot.starts_at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_and_judges_as_the_rules_written_down_twice(case in cases(), offsets in vec(0..6 * HALF_DAY, 8)) {
        let calendar = case.calendar();
        let minutes = Minutes::new(&calendar, case.from.min(case.to), case.to.max(case.from));
        let expected: Vec<Instant> = minutes
            .starts(case.from, case.to)
            .into_iter()
            .filter(|start| minutes.refusals(&calendar, *start).is_empty())
            .collect();
        prop_assert_eq!(starts(&case.free()), expected);
        let listed = minutes.starts(case.from, case.to);
        let candidates = listed.iter().step_by(listed.len() / 16 + 1).copied();
        for at in candidates.chain(offsets.into_iter().map(|offset| plus(case.from, offset))) {
            if at < case.to {
                prop_assert_eq!(calendar.why_not(at), minutes.refusals(&calendar, at), "at {}", at);
            }
        }
    }

    #[test]
    fn listed_is_bookable_and_bookable_is_listed(case in cases(), offsets in vec((0..6 * HALF_DAY, 0..60_000_000_i64), 16)) {
        let calendar = case.calendar();
        let listed = starts(&case.free());
        for start in listed.iter().copied() {
            prop_assert_eq!(calendar.why_not(start), vec![]);
        }
        let minutes = offsets.into_iter().flat_map(|(offset, micros)| {
            let minute = plus(case.from, offset);
            [minute, plus_micros(minute, micros), plus_micros(minute, -minute.unix_micros().rem_euclid(300_000_000))]
        });
        for at in minutes.filter(|at| case.from <= *at && *at < case.to) {
            prop_assert_eq!(calendar.why_not(at).is_empty(), listed.binary_search(&at).is_ok(), "at {}", at);
        }
    }

    #[test]
    fn free_meets_nothing_that_is_busy(case in cases()) {
        for Slot { starts_at, ends_at, seats_left } in case.free() {
            for Busy { from, to } in &case.busy {
                prop_assert!(from >= to || ends_at <= *from || *to <= starts_at);
            }
            for occupied in &case.occupied {
                let expired = occupied.expires_at.is_some_and(|expires_at| expires_at <= case.now);
                let joined = seats_left.is_some() && occupied.starts_at == starts_at;
                let empty = occupied.starts_at == occupied.ends_at;
                prop_assert!(expired || joined || empty || ends_at <= occupied.starts_at || occupied.ends_at <= starts_at);
            }
        }
    }

    #[test]
    fn answers_are_sorted_unique_and_in_range(case in cases()) {
        let slots = case.free();
        prop_assert!(slots.is_sorted_by(|slot, next| slot.starts_at < next.starts_at));
        prop_assert!(slots.iter().all(|slot| case.from <= slot.starts_at && slot.starts_at < case.to));
        for slot in slots {
            prop_assert_eq!(slot.ends_at, plus(slot.starts_at, i64::from(case.offer.duration_minutes)));
        }
    }

    #[test]
    fn the_order_of_what_goes_in_does_not_matter(case in cases(), seed in any::<u64>()) {
        let mut shuffled = case.clone();
        let key = |position: usize| (position as u64).wrapping_add(1).wrapping_mul(seed | 1);
        shuffle(&mut shuffled.occupied, key);
        shuffle(&mut shuffled.busy, key);
        shuffled.schedule.overrides.values_mut().for_each(|windows| shuffle(windows, key));
        let Weekly { mon, tue, wed, thu, fri, sat, sun } = &mut shuffled.schedule.weekly;
        [mon, tue, wed, thu, fri, sat, sun].into_iter().for_each(|windows| shuffle(windows, key));
        prop_assert_eq!(case.free(), shuffled.free());
    }

    #[test]
    fn a_range_is_the_union_of_its_parts(case in cases(), cuts in vec(0..6 * HALF_DAY, 0..5)) {
        let mut edges: Vec<Instant> = cuts.into_iter().map(|cut| plus(case.from, cut).min(case.to)).collect();
        edges.extend([case.from, case.to]);
        edges.sort();
        let calendar = case.calendar();
        let parts: Vec<Slot> =
            edges.windows(2).flat_map(|part| calendar.free(part[0], part[1]).unwrap()).collect();
        prop_assert_eq!(case.free(), if case.from <= case.to { parts } else { vec![] });
    }

    #[test]
    fn a_viewers_zone_only_groups(case in cases(), viewer in select(&CLOCKS[..])) {
        let zone = Zone::new(viewer.0).unwrap();
        let slots = case.free();
        let days = by_day(&slots, &zone);
        prop_assert!(days.is_sorted_by(|(day, _), (next, _)| day < next));
        for (date, slots) in &days {
            prop_assert!(!slots.is_empty());
            for slot in slots {
                prop_assert_eq!(zone.tz().to_datetime(slot.starts_at.timestamp()).date(), *date);
            }
        }
        let mut grouped: Vec<Slot> = days.into_iter().flat_map(|(_, slots)| slots).collect();
        grouped.sort_by_key(|slot| slot.starts_at);
        prop_assert_eq!(grouped, slots);
    }

    #[test]
    fn the_next_are_the_first_of_a_list(case in cases(), n in 0..7_usize) {
        let calendar = case.calendar();
        let mut first = calendar.free(case.from, plus(case.from, 62 * 1440));
        if let Ok(slots) = &mut first {
            slots.truncate(n);
            prop_assert_eq!(&calendar.next(case.from, n), slots);
        }
    }

    #[test]
    fn what_blocks_is_named_where_something_does(case in cases(), offset in 0..6 * HALF_DAY) {
        let calendar = case.calendar();
        let at = plus(case.from, offset);
        let blockers = calendar.blockers(at);
        let refusals = calendar.why_not(at);
        prop_assert_eq!(!blockers.occupied.is_empty(), refusals.contains(&Refusal::SlotTaken));
        prop_assert_eq!(!blockers.busy.is_empty(), refusals.contains(&Refusal::ExternalBusy));
    }
}

fn shuffle<T>(entries: &mut Vec<T>, key: impl Fn(usize) -> u64) {
    let mut keyed: Vec<(u64, T)> = entries
        .drain(..)
        .enumerate()
        .map(|(position, entry)| (key(position), entry))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    entries.extend(keyed.into_iter().map(|(_, entry)| entry));
}
