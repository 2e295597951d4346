//! Tables: days that skip or repeat an hour, and each rule by example.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use super::{
    busy::{Busy, Occupied},
    calendar::{Calendar, Slot, by_day},
    error::SlotsError,
    offer::Offer,
    prompt,
    refusal::Refusal::{self, *},
    schedule::{MinuteOfDay, Schedule, Weekly, Window, Zone},
    wall::{self, Wall},
};
use crate::time::Instant;
use jiff::civil::{date, time};
use std::collections::BTreeMap;

/// A calendar with what a test does not mention filled in: 30 minutes, one after the other, asked for long before.
#[derive(Clone)]
struct Case {
    schedule: Schedule,
    offer: Offer,
    occupied: Vec<Occupied>,
    busy: Vec<Busy>,
    now: Instant,
}

impl Case {
    /// Open every day during `hours`, such as `09:00-17:00`.
    fn new(zone: &str, hours: &[&str]) -> Self {
        let day = windows(hours);
        let weekly = Weekly {
            mon: day.clone(),
            tue: day.clone(),
            wed: day.clone(),
            thu: day.clone(),
            fri: day.clone(),
            sat: day.clone(),
            sun: day,
        };
        let schedule = Schedule {
            time_zone: Zone::new(zone).unwrap(),
            weekly,
            overrides: BTreeMap::new(),
            minimum_notice_minutes: 0,
            booking_window_days: None,
            book_until: None,
            max_per_day: None,
            max_per_week: None,
        };
        let offer = Offer::new(30, None, 0, 0).unwrap();
        Self {
            schedule,
            offer,
            occupied: vec![],
            busy: vec![],
            now: at("2000-01-01T00:00:00Z"),
        }
    }

    fn offer(mut self, duration: u32, interval: u32, before: u32, after: u32) -> Self {
        self.offer = Offer::new(duration, Some(interval), before, after).unwrap();
        self
    }

    fn on(mut self, date: &str, hours: &[&str]) -> Self {
        self.schedule.overrides.insert(date.parse().unwrap(), windows(hours));
        self
    }

    fn limits(mut self, limit: impl FnOnce(&mut Schedule)) -> Self {
        limit(&mut self.schedule);
        self
    }

    fn now(mut self, now: &str) -> Self {
        self.now = at(now);
        self
    }

    fn busy(mut self, from: &str, to: &str) -> Self {
        self.busy.push(Busy {
            from: at(from),
            to: at(to),
        });
        self
    }

    fn session(self, starts_at: &str, ends_at: &str) -> Self {
        self.occupied(session(starts_at, ends_at))
    }

    fn occupied(mut self, occupied: Occupied) -> Self {
        self.occupied.push(occupied);
        self
    }

    fn calendar(&self) -> Calendar<'_> {
        let Self {
            schedule,
            offer,
            occupied,
            busy,
            now,
        } = self;
        Calendar {
            schedule,
            offer,
            occupied,
            busy,
            now: *now,
        }
    }

    fn slots(&self, from: &str, to: &str) -> Vec<Slot> {
        self.calendar().free(at(from), at(to)).unwrap()
    }

    /// The free starts of `[from, to)`, as they are written on the wire.
    fn free(&self, from: &str, to: &str) -> Vec<String> {
        self.slots(from, to)
            .iter()
            .map(|slot| slot.starts_at.to_string())
            .collect()
    }

    /// The free starts of the UTC date `day`, as `HH:MM`.
    fn free_on(&self, day: &str) -> String {
        self.free_within(&format!("{day}T00:00:00Z"), 24)
    }

    /// The free starts of `hours` from `from` on, as `HH:MM` in UTC.
    fn free_within(&self, from: &str, hours: i64) -> String {
        let slots = self
            .calendar()
            .free(at(from), at(from).plus_minutes(hours * 60))
            .unwrap();
        let short = |slot: &Slot| slot.starts_at.to_string().get(11..16).unwrap().to_owned();
        slots.iter().map(short).collect::<Vec<_>>().join(" ")
    }

    fn why_not(&self, start: &str) -> Vec<Refusal> {
        self.calendar().why_not(at(start))
    }
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn windows(hours: &[&str]) -> Vec<Window> {
    let window = |hours: &&str| {
        let (from, to) = hours.split_once('-').unwrap();
        Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    };
    hours.iter().map(window).collect()
}

fn session(starts_at: &str, ends_at: &str) -> Occupied {
    Occupied {
        starts_at: at(starts_at),
        ends_at: at(ends_at),
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        expires_at: None,
        seats_left: 0,
    }
}

mod clocks {
    use super::*;

    #[test]
    fn hours_stay_on_the_wall_clock_on_both_sides_of_a_change() {
        // Cal.com offered 09:00 of today's offset after the change.
        for (zone, day, first) in [
            ("Europe/Berlin", "2026-03-28", "08:00"),
            ("Europe/Berlin", "2026-03-29", "07:00"),
            ("Europe/Berlin", "2026-10-24", "07:00"),
            ("Europe/Berlin", "2026-10-25", "08:00"),
            ("America/New_York", "2026-03-07", "14:00"),
            ("America/New_York", "2026-03-08", "13:00"),
            ("America/New_York", "2026-10-31", "13:00"),
            ("America/New_York", "2026-11-01", "14:00"),
            ("Asia/Kathmandu", "2026-03-29", "03:15"),
            ("Africa/Casablanca", "2026-02-14", "08:00"),
            ("Africa/Casablanca", "2026-02-15", "09:00"),
            ("Africa/Casablanca", "2026-03-21", "09:00"),
            ("Africa/Casablanca", "2026-03-22", "08:00"),
        ] {
            assert_eq!(Case::new(zone, &["09:00-09:30"]).free_on(day), first, "{zone} on {day}");
        }
    }

    #[test]
    fn a_window_across_a_gap_is_shorter_and_across_a_repeated_hour_longer() {
        for (zone, hours, day, free) in [
            ("Europe/Berlin", "01:00-04:00", "2026-03-29", "00:00 00:30 01:00 01:30"),
            ("Europe/Berlin", "02:00-03:00", "2026-10-25", "00:00 00:30 01:00 01:30"),
            (
                "America/New_York",
                "01:00-04:00",
                "2026-03-08",
                "06:00 06:30 07:00 07:30",
            ),
            (
                "America/New_York",
                "01:00-02:00",
                "2026-11-01",
                "05:00 05:30 06:00 06:30",
            ),
        ] {
            assert_eq!(
                Case::new(zone, &[hours]).free_within(&format!("{day}T00:00:00Z"), 12),
                free,
                "{zone} on {day}"
            );
        }
        // Lord Howe moves by half an hour.
        let lord_howe = Case::new("Australia/Lord_Howe", &["01:00-03:00"]);
        let spring = lord_howe.free("2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z");
        assert_eq!(
            spring,
            ["2026-10-03T14:30:00Z", "2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z"]
        );
        let autumn = lord_howe.free("2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z");
        assert_eq!(autumn.first().unwrap(), "2026-04-04T14:00:00Z");
        assert_eq!(autumn.last().unwrap(), "2026-04-04T16:00:00Z");
        assert_eq!(autumn.len(), 5);
    }

    #[test]
    fn an_edge_that_does_not_exist_moves_forward_and_one_that_repeats_is_the_earlier() {
        for (from, hours, free) in [
            // 02:30 is 03:30; until 04:30 is an hour.
            ("2026-03-28T23:00:00Z", "02:30-04:30", "01:30 02:00"),
            // Both ends move alike; what then ends before it starts does not exist that day.
            ("2026-03-28T23:00:00Z", "02:00-02:30", "01:00"),
            ("2026-03-28T23:00:00Z", "02:00-03:00", ""),
            ("2026-03-28T23:00:00Z", "02:15-03:00", ""),
            // From the first 02:30 to 03:00 is an hour and a half; until 02:30 is until the first.
            ("2026-10-24T22:00:00Z", "02:30-03:00", "00:30 01:00 01:30"),
            ("2026-10-24T22:00:00Z", "01:30-02:30", "23:30 00:00"),
        ] {
            assert_eq!(
                Case::new("Europe/Berlin", &[hours]).free_within(from, 12),
                free,
                "{hours} from {from}"
            );
        }
    }

    #[test]
    fn a_date_that_does_not_exist_has_no_windows() {
        let apia = Case::new("Pacific/Apia", &["09:00-10:00"]);
        assert_eq!(
            apia.free("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"),
            [
                "2011-12-29T19:00:00Z",
                "2011-12-29T19:30:00Z",
                "2011-12-30T19:00:00Z",
                "2011-12-30T19:30:00Z"
            ],
        );
        let opened = Case::new("Pacific/Apia", &[]).on("2011-12-30", &["09:00-17:00"]);
        assert!(opened.free("2011-12-27T00:00:00Z", "2012-01-03T00:00:00Z").is_empty());
    }

    #[test]
    fn midnight_that_is_skipped_or_repeated_is_one_edge_for_both_days() {
        // Havana: 00:00 to 01:00 of 2026-03-08 does not exist, that of 2026-11-01 occurs twice.
        let havana = Case::new("America/Havana", &["00:00-02:00", "23:00-24:00"]).offer(60, 60, 0, 0);
        assert_eq!(
            havana.free("2026-03-08T03:00:00Z", "2026-03-08T12:00:00Z"),
            ["2026-03-08T04:00:00Z", "2026-03-08T05:00:00Z"],
        );
        assert_eq!(
            havana.free("2026-11-01T03:00:00Z", "2026-11-01T12:00:00Z"),
            [
                "2026-11-01T03:00:00Z",
                "2026-11-01T04:00:00Z",
                "2026-11-01T05:00:00Z",
                "2026-11-01T06:00:00Z"
            ],
        );
    }

    #[test]
    fn a_window_moved_into_the_next_date_counts_by_that_date() {
        // Nuuk skips 23:00 to 24:00 of Saturday 2026-03-28: 23:15-23:45 is 00:15-00:45 on Sunday.
        let nuuk = Case::new("America/Nuuk", &[])
            .on("2026-03-28", &["23:15-23:45"])
            .on("2026-03-29", &["00:00-00:30"])
            .offer(30, 30, 0, 0);
        assert_eq!(
            nuuk.free("2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z"),
            ["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"],
        );
        let until_saturday = nuuk.limits(|schedule| schedule.book_until = Some(date(2026, 3, 28)));
        assert_eq!(until_saturday.why_not("2026-03-29T01:15:00Z"), [TooFar]);
    }

    #[test]
    fn windows_moved_over_one_another_are_one_to_fit_and_keep_their_grids() {
        // As above: 23:15-23:59 is 00:15-00:59, within reach of Sunday's windows.
        let moved = Case::new("America/Nuuk", &[]).on("2026-03-28", &["23:15-23:59"]);
        let fit = moved.clone().on("2026-03-29", &["00:00-00:20"]).offer(59, 60, 0, 0);
        assert_eq!(fit.free_within("2026-03-29T00:00:00Z", 12), "01:00");
        let apart = moved
            .clone()
            .on("2026-03-28", &["23:10-23:20"])
            .on("2026-03-29", &["00:00-00:05"]);
        assert_eq!(
            apart
                .clone()
                .offer(15, 15, 0, 0)
                .free_within("2026-03-29T00:00:00Z", 12),
            ""
        );
        assert_eq!(
            apart.offer(5, 5, 0, 0).free_within("2026-03-29T00:00:00Z", 12),
            "01:00 01:10 01:15"
        );
        let grids = moved.on("2026-03-29", &["00:05-01:00"]).offer(10, 10, 0, 0);
        let starts = "01:05 01:15 01:25 01:35 01:45";
        assert_eq!(grids.free_within("2026-03-29T00:00:00Z", 12), starts);
        let interleaved = grids.on("2026-03-29", &["00:00-01:00"]);
        let starts = "01:00 01:10 01:15 01:20 01:25 01:30 01:35 01:40 01:45 01:50";
        assert_eq!(interleaved.free_within("2026-03-29T00:00:00Z", 12), starts);
        assert_eq!(interleaved.why_not("2026-03-29T01:15:00Z"), []);
        assert_eq!(interleaved.why_not("2026-03-29T01:55:00Z"), [OutsideSchedule]);
    }

    #[test]
    fn a_reading_tells_whether_it_exists() {
        let berlin = Zone::new("Europe/Berlin").unwrap();
        let read = |date, time| wall::resolve(&berlin, date, time).unwrap();
        let moved = at("2026-03-29T01:30:00Z");
        assert_eq!(read(date(2026, 3, 29), time(2, 30, 0, 0)), Wall::Skipped { moved });
        assert_eq!(read(date(2026, 3, 29), time(2, 30, 0, 0)).exact(), None);
        assert_eq!(read(date(2026, 3, 29), time(3, 30, 0, 0)), Wall::At(moved));
        assert_eq!(
            read(date(2026, 10, 25), time(2, 30, 0, 0)).exact(),
            Some(at("2026-10-25T00:30:00Z"))
        );
        let apia = Zone::new("Pacific/Apia").unwrap();
        assert_eq!(
            wall::resolve(&apia, date(2011, 12, 30), time(9, 0, 0, 0))
                .unwrap()
                .exact(),
            None
        );
        let beyond = wall::resolve(&berlin, date(9999, 12, 31), time(23, 0, 0, 0)).unwrap_err();
        assert_eq!(beyond.code(), "out_of_range");
    }

    #[test]
    fn the_ends_of_time_are_quiet() {
        let case = Case::new("Europe/Berlin", &["09:00-10:00"]).limits(|schedule| {
            schedule.minimum_notice_minutes = u32::MAX;
            schedule.booking_window_days = Some(u32::MAX);
            schedule.max_per_week = Some(1);
        });
        let (first, last) = (Instant::new(jiff::Timestamp::MIN), Instant::new(jiff::Timestamp::MAX));
        for edge in [first, last] {
            let mut case = case.clone().offer(u32::MAX, u32::MAX, u32::MAX, u32::MAX);
            case.now = edge;
            case.occupied.push(Occupied {
                starts_at: edge,
                ends_at: edge,
                buffer_before_minutes: u32::MAX,
                buffer_after_minutes: u32::MAX,
                ..session("2026-06-01T08:00:00Z", "2026-06-01T08:30:00Z")
            });
            assert_eq!(
                case.calendar().why_not(edge),
                [OutsideSchedule, TooSoon, CapReached, SlotTaken]
            );
            assert_eq!(case.calendar().next(edge, 1), []);
        }
        let hours = Case::new("Europe/Berlin", &["09:00-10:00"]).offer(60, 60, 0, 0);
        let last_days = Instant::from_unix_seconds(last.unix_seconds() - 3 * 86_400);
        let slots = hours.calendar().free(last_days, last).unwrap();
        let starts: Vec<_> = slots.iter().map(|slot| slot.starts_at.to_string()).collect();
        assert_eq!(
            starts,
            ["9999-12-28T08:00:00Z", "9999-12-29T08:00:00Z", "9999-12-30T08:00:00Z"]
        );
    }
}

mod grid {
    use super::*;

    #[test]
    fn windows_that_touch_or_overlap_share_one_grid() {
        for (hours, free) in [
            (&["09:00-10:00", "10:00-11:00"][..], "09:00 09:45"),
            (&["10:00-11:00", "09:00-10:15"][..], "09:00 09:45"),
            (&["09:00-11:00", "09:30-10:00"][..], "09:00 09:45"),
            (&["09:00-10:00", "10:01-11:00"][..], "09:00 10:01"),
        ] {
            assert_eq!(
                Case::new("UTC", hours).offer(45, 45, 0, 0).free_on("2026-06-01"),
                free,
                "{hours:?}"
            );
        }
    }

    #[test]
    fn nothing_shifts_the_grid() {
        let case = Case::new("UTC", &["09:00-11:00"]).busy("2026-06-01T09:10:00Z", "2026-06-01T09:20:00Z");
        assert_eq!(case.free_on("2026-06-01"), "09:30 10:00 10:30");
        assert_eq!(
            case.clone().now("2026-06-01T09:40:00Z").free_on("2026-06-01"),
            "10:00 10:30"
        );
        let cut = case.free("2026-06-01T09:31:00Z", "2026-06-01T10:30:00Z");
        assert_eq!(cut, ["2026-06-01T10:00:00Z"]);
    }

    #[test]
    fn the_range_is_half_open_whenever_the_slot_ends() {
        let case = Case::new("UTC", &["09:00-11:00"]).offer(60, 30, 0, 0);
        let edge = "2026-06-01T09:30:00Z";
        assert_eq!(case.free("2026-06-01T00:00:00Z", edge), ["2026-06-01T09:00:00Z"]);
        assert_eq!(case.free(edge, "2026-06-01T09:30:01Z"), [edge]);
        assert!(case.free(edge, edge).is_empty());
        assert!(case.free("2026-06-02T00:00:00Z", "2026-06-01T00:00:00Z").is_empty());
    }

    #[test]
    fn windows_that_touch_across_midnight_are_one_to_fit_and_two_to_start() {
        let case = Case::new("UTC", &["00:00-01:00", "23:00-24:00"]).offer(90, 50, 0, 0);
        // 23:00 fits, until 00:30; 23:50 would need until 01:20, and 00:40 is on no grid.
        assert_eq!(
            case.free("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z"),
            ["2026-06-01T23:00:00Z"]
        );
        let short = case.offer(30, 50, 0, 0);
        assert_eq!(
            short.free("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z"),
            ["2026-06-01T23:00:00Z", "2026-06-01T23:50:00Z", "2026-06-02T00:00:00Z"],
        );
        let closed_before_midnight = Case::new("UTC", &["00:00-01:00", "23:00-23:59"]).offer(61, 60, 0, 0);
        assert!(
            closed_before_midnight
                .free("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z")
                .is_empty()
        );
    }

    #[test]
    fn days_without_a_break_hold_sessions_of_several_days() {
        let three_days = 3 * 1440;
        let case = Case::new("Europe/Berlin", &["00:00-24:00"])
            .offer(three_days, 1440, 0, 0)
            .on("2026-03-31", &[]);
        // Three elapsed days from 2026-03-28T00:00 end an hour into the 31st, for the 29th has 23 hours.
        assert_eq!(
            case.free("2026-03-26T23:00:00Z", "2026-04-01T12:00:00Z"),
            ["2026-03-26T23:00:00Z", "2026-03-31T22:00:00Z",]
        );
        let long = Case::new("UTC", &["00:00-24:00"])
            .offer(400 * 1440, 1440, 0, 0)
            .on("2027-07-01", &[]);
        assert_eq!(long.why_not("2026-05-27T00:00:00Z"), []);
        assert_eq!(long.why_not("2026-05-28T00:00:00Z"), [OutsideSchedule]);
    }

    #[test]
    fn an_override_replaces_the_day_and_an_empty_one_is_a_day_off() {
        let case = Case::new("UTC", &["09:00-10:00"])
            .on("2026-06-01", &["12:00-13:00"])
            .on("2026-06-02", &[]);
        assert_eq!(case.free_on("2026-06-01"), "12:00 12:30");
        assert_eq!(case.free_on("2026-06-02"), "");
        assert_eq!(case.why_not("2026-06-01T09:00:00Z"), [OutsideSchedule]);
        assert_eq!(case.why_not("2026-06-02T09:00:00Z"), [DayOff]);
        assert_eq!(case.why_not("2026-06-03T09:10:00Z"), [OutsideSchedule]);
    }

    #[test]
    fn twenty_thousand_starts_are_listed_and_one_more_refused() {
        // 1,440 starts a day: the limit is 13 days and 1,280 minutes, whatever is free.
        let case = Case::new("UTC", &["00:00-24:00"])
            .offer(1, 1, 0, 0)
            .limits(|schedule| schedule.max_per_day = Some(0));
        let from = at("2026-06-01T00:00:00Z");
        assert_eq!(case.calendar().free(from, from.plus_minutes(20_000)), Ok(vec![]));
        let refused = case.calendar().free(from, from.plus_minutes(20_001));
        assert_eq!(refused, Err(SlotsError::TooManyStarts { limit: 20_000 }));
        // However wide the range, as long as there are few.
        let rare = Case::new("UTC", &[]).on("2026-06-01", &["09:00-10:00"]);
        assert_eq!(rare.free("1000-01-01T00:00:00Z", "3000-01-01T00:00:00Z").len(), 2);
    }
}

mod taken {
    use super::*;

    #[test]
    fn back_to_back_is_free_and_buffers_add_up() {
        let open = Case::new("UTC", &["09:00-12:00"]).offer(30, 15, 0, 0);
        let taken = |buffer_before_minutes, buffer_after_minutes| Occupied {
            buffer_before_minutes,
            buffer_after_minutes,
            ..session("2026-06-01T10:00:00Z", "2026-06-01T10:30:00Z")
        };
        for (before, after, occupied, free) in [
            (0, 0, taken(0, 0), "09:00 09:15 09:30 10:30 10:45 11:00 11:15 11:30"),
            (0, 15, taken(0, 0), "09:00 09:15 10:30 10:45 11:00 11:15 11:30"),
            (0, 15, taken(15, 0), "09:00 10:30 10:45 11:00 11:15 11:30"),
            (15, 0, taken(0, 15), "09:00 09:15 09:30 11:00 11:15 11:30"),
        ] {
            let case = open.clone().offer(30, 15, before, after).occupied(occupied);
            assert_eq!(case.free_on("2026-06-01"), free, "buffers {before}, {after}");
        }
    }

    #[test]
    fn buffers_reach_outside_the_window_and_keep_clear_of_external_calendars() {
        let case = Case::new("UTC", &["09:00-10:00"]).offer(30, 30, 60, 60);
        assert_eq!(case.free_on("2026-06-01"), "09:00 09:30");
        let case = case.busy("2026-06-01T07:00:00Z", "2026-06-01T08:00:01Z");
        assert_eq!(case.free_on("2026-06-01"), "09:30");
        assert_eq!(case.why_not("2026-06-01T09:00:00Z"), [ExternalBusy]);
    }

    #[test]
    fn what_takes_no_time_blocks_nothing() {
        let case = Case::new("UTC", &["09:00-10:00"])
            .busy("2026-06-01T09:10:00Z", "2026-06-01T09:10:00Z")
            .busy("2026-06-01T09:50:00Z", "2026-06-01T09:20:00Z")
            .session("2026-06-01T09:40:00Z", "2026-06-01T09:40:00Z");
        assert_eq!(case.free_on("2026-06-01"), "09:00 09:30");
    }

    #[test]
    fn a_long_entry_is_seen_behind_later_short_ones() {
        let case = Case::new("UTC", &["09:00-12:00"])
            .session("2026-06-01T08:00:00Z", "2026-06-01T11:00:00Z")
            .session("2026-06-01T09:00:00Z", "2026-06-01T09:05:00Z");
        assert_eq!(case.free_on("2026-06-01"), "11:00 11:30");
    }

    #[test]
    fn a_hold_blocks_and_counts_until_the_instant_of_its_expiry() {
        let hold = Occupied {
            expires_at: Some(at("2026-06-01T08:00:00Z")),
            ..session("2026-06-01T09:00:00Z", "2026-06-01T09:30:00Z")
        };
        let case = Case::new("UTC", &["09:00-10:00"])
            .occupied(hold)
            .limits(|schedule| schedule.max_per_day = Some(1));
        assert_eq!(
            case.clone().now("2026-06-01T07:59:59.999999Z").free_on("2026-06-01"),
            ""
        );
        assert_eq!(case.now("2026-06-01T08:00:00Z").free_on("2026-06-01"), "09:00 09:30");
    }

    #[test]
    fn a_group_start_can_be_joined_and_blocks_every_other_start() {
        let group = Occupied {
            seats_left: 3,
            ..session("2026-06-01T09:30:00Z", "2026-06-01T10:30:00Z")
        };
        let case = Case::new("UTC", &["09:00-12:00"])
            .offer(60, 30, 0, 0)
            .occupied(group.clone());
        assert_eq!(case.free_on("2026-06-01"), "09:30 10:30 11:00");
        let seats: Vec<_> = case
            .slots("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z")
            .iter()
            .map(|slot| slot.seats_left)
            .collect();
        assert_eq!(seats, [Some(3), None, None]);
        // Only the very same start: its own buffers keep off the rest, and other entries keep off it.
        assert_eq!(case.clone().offer(60, 30, 0, 15).why_not("2026-06-01T09:30:00Z"), []);
        let earlier = Occupied {
            seats_left: 1,
            ..session("2026-06-01T08:30:00Z", "2026-06-01T09:00:00Z")
        };
        let opened_early = case.clone().on("2026-06-01", &["08:30-12:00"]).occupied(earlier);
        assert_eq!(
            opened_early.clone().offer(30, 30, 0, 0).free_on("2026-06-01"),
            "08:30 09:00 09:30 10:30 11:00 11:30"
        );
        let neighbour = case.clone().session("2026-06-01T10:30:00Z", "2026-06-01T11:00:00Z");
        assert_eq!(neighbour.free_on("2026-06-01"), "09:30 11:00");
        assert_eq!(
            neighbour.offer(60, 30, 0, 15).why_not("2026-06-01T09:30:00Z"),
            [SlotTaken]
        );
        assert_eq!(
            case.clone()
                .busy("2026-06-01T10:00:00Z", "2026-06-01T10:01:00Z")
                .why_not("2026-06-01T09:30:00Z"),
            [ExternalBusy],
        );
        let behind = case.clone().session("2026-06-01T08:00:00Z", "2026-06-01T09:31:00Z");
        assert_eq!(behind.why_not("2026-06-01T09:30:00Z"), [SlotTaken]);
        let full = Case::new("UTC", &["09:00-12:00"])
            .offer(60, 30, 0, 0)
            .occupied(Occupied { seats_left: 0, ..group });
        assert_eq!(full.free_on("2026-06-01"), "10:30 11:00");
    }

    #[test]
    fn blockers_are_named_by_position() {
        let case = Case::new("UTC", &["09:00-12:00"])
            .session("2026-06-01T11:00:00Z", "2026-06-01T11:30:00Z")
            .session("2026-06-01T09:00:00Z", "2026-06-01T09:30:00Z")
            .busy("2026-06-01T09:15:00Z", "2026-06-01T09:20:00Z");
        let blockers = case.calendar().blockers(at("2026-06-01T09:00:00Z"));
        assert_eq!((blockers.occupied, blockers.busy), (vec![1], vec![0]));
    }
}

mod limits {
    use super::*;

    #[test]
    fn notice_is_exact() {
        let case = Case::new("UTC", &["09:00-10:00"]).limits(|schedule| schedule.minimum_notice_minutes = 60);
        for (now, free) in [
            ("2026-06-01T08:00:00Z", "09:00 09:30"),
            ("2026-06-01T08:00:00.000001Z", "09:30"),
            ("2026-06-01T08:00:59Z", "09:30"),
            ("2026-06-01T08:30:00Z", "09:30"),
            ("2026-06-01T08:30:01Z", ""),
        ] {
            assert_eq!(case.clone().now(now).free_on("2026-06-01"), free, "at {now}");
        }
        assert_eq!(
            case.now("2026-06-01T08:00:01Z").why_not("2026-06-01T09:00:00Z"),
            [TooSoon]
        );
    }

    #[test]
    fn the_booking_window_counts_local_dates() {
        // 22:30 in UTC is the next date in Berlin already.
        let case = Case::new("Europe/Berlin", &["00:00-24:00"])
            .offer(60, 60, 0, 0)
            .now("2026-06-01T22:30:00Z");
        let days = |days| {
            case.clone()
                .limits(|schedule| schedule.booking_window_days = Some(days))
        };
        assert_eq!(
            days(0).free("2026-06-02T20:00:00Z", "2026-06-03T00:00:00Z"),
            ["2026-06-02T20:00:00Z", "2026-06-02T21:00:00Z",]
        );
        assert_eq!(days(1).why_not("2026-06-03T21:00:00Z"), []);
        assert_eq!(days(1).why_not("2026-06-03T22:00:00Z"), [TooFar]);
        let both = |until| days(3).limits(|schedule| schedule.book_until = Some(until));
        assert_eq!(both(date(2026, 6, 3)).why_not("2026-06-03T21:00:00Z"), []);
        assert_eq!(both(date(2026, 6, 3)).why_not("2026-06-03T22:00:00Z"), [TooFar]);
        assert_eq!(both(date(2026, 6, 30)).why_not("2026-06-05T22:00:00Z"), [TooFar]);
    }

    #[test]
    fn caps_count_by_local_date_and_iso_week() {
        // 2026-06-07T22:30Z is Monday the 8th in Berlin, and the week of its own.
        let case = Case::new("Europe/Berlin", &["00:00-24:00"])
            .offer(60, 60, 0, 0)
            .session("2026-06-07T22:00:00Z", "2026-06-07T23:00:00Z");
        let daily = case.clone().limits(|schedule| schedule.max_per_day = Some(1));
        assert_eq!(daily.why_not("2026-06-07T21:00:00Z"), []);
        assert_eq!(daily.why_not("2026-06-08T21:00:00Z"), [CapReached]);
        assert_eq!(daily.why_not("2026-06-08T22:00:00Z"), []);
        let weekly = case.clone().limits(|schedule| schedule.max_per_week = Some(1));
        assert_eq!(weekly.why_not("2026-06-07T21:00:00Z"), []);
        assert_eq!(weekly.why_not("2026-06-14T21:00:00Z"), [CapReached]);
        assert_eq!(weekly.why_not("2026-06-14T22:00:00Z"), []);
        let two = case.clone().limits(|schedule| schedule.max_per_day = Some(2));
        assert_eq!(two.why_not("2026-06-08T21:00:00Z"), []);
        let none = case.limits(|schedule| schedule.max_per_day = Some(0));
        assert_eq!(none.why_not("2026-07-01T21:00:00Z"), [CapReached]);
    }

    #[test]
    fn caps_count_a_date_that_comes_round_again() {
        // St John's stepped from 00:01 back to 23:01: the first session is on the 7th, the others are on the 6th.
        let case = Case::new("America/St_Johns", &["00:00-24:00"])
            .offer(60, 60, 0, 0)
            .session("2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z")
            .session("2010-11-07T03:00:00Z", "2010-11-07T03:10:00Z")
            .session("2010-11-07T03:20:00Z", "2010-11-07T03:25:00Z");
        for (cap, saturday, sunday) in [
            (1, vec![CapReached], vec![CapReached]),
            (2, vec![CapReached], vec![]),
            (3, vec![], vec![]),
        ] {
            let capped = case.clone().limits(|schedule| schedule.max_per_day = Some(cap));
            assert_eq!(capped.why_not("2010-11-06T15:30:00Z"), saturday, "cap {cap}");
            assert_eq!(capped.why_not("2010-11-07T15:30:00Z"), sunday, "cap {cap}");
        }
    }

    #[test]
    fn a_group_start_counts_once_and_joining_it_adds_nothing() {
        let group = Occupied {
            seats_left: 1,
            ..session("2026-06-01T09:00:00Z", "2026-06-01T09:30:00Z")
        };
        let case = Case::new("UTC", &["09:00-10:30"]).occupied(group);
        let cap = |cap| case.clone().limits(|schedule| schedule.max_per_day = Some(cap));
        assert_eq!(cap(1).free_on("2026-06-01"), "09:00");
        assert_eq!(cap(2).free_on("2026-06-01"), "09:00 09:30 10:00");
    }

    #[test]
    fn every_rule_is_named_once_and_in_order() {
        let case = Case::new("UTC", &["09:00-10:00"])
            .now("2026-06-01T12:00:00Z")
            .session("2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z")
            .session("2026-06-01T09:10:00Z", "2026-06-01T10:00:00Z")
            .busy("2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z")
            .limits(|schedule| {
                schedule.book_until = Some(date(2026, 5, 1));
                schedule.max_per_day = Some(1);
                schedule.max_per_week = Some(1);
            });
        let because = case.why_not("2026-06-01T09:10:00Z");
        assert_eq!(
            because,
            [OutsideSchedule, TooSoon, TooFar, CapReached, SlotTaken, ExternalBusy]
        );
        let day_off = case.on("2026-06-01", &[]).why_not("2026-06-01T09:10:00Z");
        assert_eq!(day_off, [TooSoon, TooFar, CapReached, SlotTaken, DayOff, ExternalBusy]);
    }

    #[test]
    fn next_goes_on_past_what_is_taken() {
        let case = Case::new("UTC", &["09:00-10:00"]).session("2026-06-01T09:30:00Z", "2026-06-01T10:00:00Z");
        let next = case.calendar().next(at("2026-06-01T09:00:00Z"), 2);
        let starts: Vec<_> = next.iter().map(|slot| slot.starts_at).collect();
        assert_eq!(starts, [at("2026-06-01T09:00:00Z"), at("2026-06-02T09:00:00Z")]);
        let later = Case::new("UTC", &[])
            .on("2026-08-01", &["00:00-24:00"])
            .on("2026-08-02", &["00:00-00:30"]);
        // 62 days from noon are over at noon, before the 2nd.
        assert_eq!(later.calendar().next(at("2026-05-31T12:00:00Z"), 100).len(), 24);
        let minutes = Case::new("UTC", &["00:00-24:00"]).offer(1, 1, 0, 0);
        assert_eq!(
            minutes.calendar().next(at("2026-05-31T12:00:00Z"), 30_000).len(),
            30_000
        );
    }
}

mod types {
    use super::*;

    #[test]
    fn zones_are_names_of_the_database() {
        assert_eq!(Zone::new("europe/berlin").unwrap().name(), "Europe/Berlin");
        assert_eq!(Zone::new("utc").unwrap().name(), "UTC");
        for name in [
            "",
            "Europe/Atlantis",
            "+02:00",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "Etc/Unknown",
            "../etc/localtime",
            " UTC",
        ] {
            assert_eq!(Zone::new(name), Err(SlotsError::UnknownZone { name: name.to_owned() }));
        }
    }

    #[test]
    fn times_of_day_are_two_digits_each() {
        for text in ["00:00", "09:05", "23:59", "24:00"] {
            assert_eq!(text.parse::<MinuteOfDay>().unwrap().to_string(), text);
        }
        for text in [
            "9:00", "09:60", "24:01", "25:00", "09:00:00", "-1:00", "+9:00", "09.00", "",
        ] {
            assert_eq!(
                text.parse::<MinuteOfDay>().unwrap_err().code(),
                "invalid_time",
                "{text}"
            );
        }
    }

    #[test]
    fn windows_end_after_they_start() {
        let window = |from: &str, to: &str| Window::new(from.parse().unwrap(), to.parse().unwrap());
        assert!(window("23:59", "24:00").is_ok());
        for (from, to) in [("09:00", "09:00"), ("22:00", "06:00"), ("24:00", "24:00")] {
            assert_eq!(window(from, to).unwrap_err().code(), "invalid_window");
        }
    }

    #[test]
    fn offers_last_and_advance() {
        assert_eq!(Offer::new(45, None, 0, 0).unwrap().interval_minutes, 45);
        assert_eq!(Offer::new(0, Some(5), 0, 0), Err(SlotsError::InvalidDuration));
        assert_eq!(Offer::new(5, Some(0), 0, 0), Err(SlotsError::InvalidInterval));
    }

    #[test]
    fn schedules_keep_their_shape() {
        let text = r#"{"time_zone":"Europe/Berlin","weekly":{"mon":[["09:00","24:00"]],"tue":[],"wed":[],"thu":[],"fri":[],"sat":[],"sun":[]},"overrides":{"2026-06-05":[["10:00","12:00"]],"2026-06-06":[]},"minimum_notice_minutes":60,"booking_window_days":30,"book_until":"2026-12-31","max_per_day":null,"max_per_week":9}"#;
        let schedule: Schedule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&schedule).unwrap(), text);
        for weekly in [
            r#"{"mo":[]}"#,
            r#"{"mon":[["17:00","09:00"]]}"#,
            r#"{"mon":[["09:00"]]}"#,
            r#"{"mon":[],"mon":[]}"#,
        ] {
            assert!(serde_json::from_str::<Weekly>(weekly).is_err(), "{weekly}");
        }
        assert!(serde_json::from_str::<Zone>(r#""Europe/Atlantis""#).is_err());
    }

    #[test]
    fn refusals_are_written_as_their_codes() {
        let all = [
            OutsideSchedule,
            TooSoon,
            TooFar,
            CapReached,
            SlotTaken,
            DayOff,
            ExternalBusy,
            UnknownDuration,
        ];
        assert!(all.is_sorted());
        for refusal in all {
            assert_eq!(
                serde_json::to_string(&refusal).unwrap(),
                format!("{:?}", refusal.code())
            );
        }
    }

    #[test]
    fn a_viewers_day_gathers_what_comes_round_again() {
        // St John's stepped from 00:01 back to 23:01: the 6th of November came round again after midnight.
        let case = Case::new("UTC", &["00:00-24:00"]).offer(30, 30, 0, 0);
        let slots = case.slots("2010-11-07T02:00:00Z", "2010-11-07T04:30:00Z");
        let days = by_day(&slots, &Zone::new("America/St_Johns").unwrap());
        let starts = |day: usize| {
            days.get(day)
                .unwrap()
                .1
                .iter()
                .map(|slot| slot.starts_at.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            days.iter().map(|(day, _)| *day).collect::<Vec<_>>(),
            [date(2010, 11, 6), date(2010, 11, 7)]
        );
        assert_eq!(starts(0), ["2010-11-07T02:00:00Z", "2010-11-07T03:00:00Z"]);
        assert_eq!(
            starts(1),
            ["2010-11-07T02:30:00Z", "2010-11-07T03:30:00Z", "2010-11-07T04:00:00Z"]
        );
    }
}

mod at_a_prompt {
    use super::*;

    const EXAMPLE: &str = r#"{"time_zone":"Europe/Berlin","weekly":{"mon":[["09:00","17:00"]],"tue":[]},
 "overrides":[{"date":"2026-06-05","windows":[["10:00","12:00"]]}],
 "duration_minutes":30,"interval_minutes":30,"buffer_before_minutes":0,"buffer_after_minutes":0,
 "minimum_notice_minutes":0,"booking_window_days":null,"book_until":null,"max_per_day":null,"max_per_week":null,
 "sessions":[{"starts_at":"2026-06-01T08:00:00Z","ends_at":"2026-06-01T08:30:00Z","buffer_before_minutes":0,"buffer_after_minutes":0,"expires_at":null}],
 "busy":[{"from":"2026-06-01T09:00:00Z","to":"2026-06-01T10:00:00Z"}],
 "now":"2026-05-30T12:00:00Z","from":"2026-06-01T00:00:00Z","to":"2026-06-08T00:00:00Z"}
"#;

    const FREE: &str = concat!(
        r#"{"slots":["2026-06-01T07:00:00Z","2026-06-01T07:30:00Z","2026-06-01T08:30:00Z","2026-06-01T10:00:00Z","#,
        r#""2026-06-01T10:30:00Z","2026-06-01T11:00:00Z","2026-06-01T11:30:00Z","2026-06-01T12:00:00Z","#,
        r#""2026-06-01T12:30:00Z","2026-06-01T13:00:00Z","2026-06-01T13:30:00Z","2026-06-01T14:00:00Z","#,
        r#""2026-06-01T14:30:00Z","2026-06-05T08:00:00Z","2026-06-05T08:30:00Z","2026-06-05T09:00:00Z","#,
        r#""2026-06-05T09:30:00Z"]}"#,
    );

    fn answers(input: &str) -> Vec<Result<String, &'static str>> {
        prompt::answers(input.as_bytes())
            .map(|answer| answer.map_err(|fault| fault.error))
            .collect()
    }

    /// The example on one line, with one thing changed.
    fn changed(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "{from}");
        EXAMPLE.replace('\n', "").replace(from, to)
    }

    #[test]
    fn the_example_is_answered_on_one_line_or_on_several() {
        assert_eq!(answers(EXAMPLE), [Ok(FREE.to_owned())]);
        assert_eq!(answers(&EXAMPLE.replace('\n', "")), [Ok(FREE.to_owned())]);
        assert_eq!(answers(&EXAMPLE.replace('\n', "\r\n")), [Ok(FREE.to_owned())]);
    }

    #[test]
    fn a_start_is_judged() {
        let taken = changed(
            r#""from":"2026-06-01T00:00:00Z","to":"2026-06-08T00:00:00Z""#,
            r#""at":"2026-06-01T08:00:00Z""#,
        );
        assert_eq!(
            answers(&taken),
            [Ok(r#"{"bookable":false,"because":["slot_taken"]}"#.to_owned())]
        );
        let free = changed(r#""now":"#, r#""at":"2026-06-01T07:00:00Z","now":"#);
        assert_eq!(answers(&free), [Ok(r#"{"bookable":true,"because":[]}"#.to_owned())]);
        let seats = changed(r#""expires_at":null}"#, r#""expires_at":null,"seats_left":1}"#);
        assert_eq!(
            answers(&seats),
            [Ok(FREE.replace("07:30:00Z", r#"07:30:00Z","2026-06-01T08:00:00Z"#))]
        );
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let short = r#"{"time_zone":"UTC","weekly":{"mon":[["09:00","10:30"]]},"duration_minutes":45,"now":"2026-05-30T12:00:00Z","from":"2026-06-01T00:00:00Z","to":"2026-06-02T00:00:00Z"}"#;
        assert_eq!(
            answers(short),
            [Ok(
                r#"{"slots":["2026-06-01T09:00:00Z","2026-06-01T09:45:00Z"]}"#.to_owned()
            )]
        );
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (from, to, code) in [
            (r#"["09:00","17:00"]"#, r#"["17:00","17:00"]"#, "invalid_window"),
            (r#"["10:00","12:00"]"#, r#"["12:00","10:00"]"#, "invalid_window"),
            (r#"["09:00","17:00"]"#, r#"["09:00","24:30"]"#, "invalid_time"),
            (
                r#""duration_minutes":30"#,
                r#""duration_minutes":0"#,
                "invalid_duration",
            ),
            (
                r#""interval_minutes":30"#,
                r#""interval_minutes":0"#,
                "invalid_interval",
            ),
            (
                r#""overrides":["#,
                r#""overrides":[{"date":"2026-06-05","windows":[]},"#,
                "duplicate_override",
            ),
            ("Europe/Berlin", "Europe/Atlantis", "unknown_zone"),
            (r#""tue""#, r#""tues""#, "malformed"),
            (r#""tue""#, r#""mon""#, "malformed"),
            (r#""busy""#, r#""bussy""#, "malformed"),
            (r#""duration_minutes":30"#, r#""duration_minutes":-30"#, "malformed"),
            ("2026-05-30T12:00:00Z", "2026-05-30T12:00:00", "malformed"),
            (r#","to":"2026-06-08T00:00:00Z""#, "", "missing_range"),
        ] {
            assert_eq!(answers(&changed(from, to)), [Err(code)], "{to}");
        }
        let crowded = changed("2026-06-08", "2036-06-08").replace(r#""tue":[]"#, r#""tue":[["00:00","24:00"]]"#);
        assert_eq!(answers(&crowded), [Err("too_many_starts")]);
    }

    #[test]
    fn a_bad_line_takes_the_place_of_its_answer_and_of_no_other() {
        let good = EXAMPLE.replace('\n', "");
        let ok = Ok(FREE.to_owned());
        let bad = Err("malformed");
        assert_eq!(
            answers(&format!("{good}\nnot json\n\n{good}")),
            [ok.clone(), bad.clone(), ok.clone()]
        );
        // A first line that breaks off, or is nonsense, does not take the others with it.
        assert_eq!(
            answers(&format!("{}\n{good}\n", &good[..40])),
            [bad.clone(), ok.clone()]
        );
        assert_eq!(answers(&format!("[]\n{good}\n")), [bad.clone(), ok]);
        // One document over several lines is one, also when it is bad.
        assert_eq!(answers("{\n \"time_zone\": \"UTC\",\n}\n"), vec![bad.clone()]);
        assert_eq!(answers("{\n \"time_zone\": \"UTC\"\n}\n"), [bad]);
        assert!(answers("\n \n").is_empty());
        assert_eq!(prompt::answers(b"\xff\n").count(), 1);
    }

    #[test]
    fn a_fault_is_a_line_too() {
        let fault = prompt::answer(changed("Europe/Berlin", "Mars").as_bytes()).unwrap_err();
        let line = serde_json::to_string(&fault).unwrap();
        assert_eq!(
            line,
            r#"{"error":"unknown_zone","message":"unknown time zone \"Mars\""}"#
        );
    }
}
