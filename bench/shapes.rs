//! The question that the slot arithmetic is asked, here and in the micro-benches.

use jiff::Timestamp;
use workflows::{
    slots::{
        busy::{Busy, Occupied},
        calendar::Calendar,
        offer::Offer,
        schedule::{Schedule, Weekly, Window, Zone},
    },
    time::Instant,
};

/// As many specialists.
const SPECIALISTS: u32 = 8;
/// As many busy ranges, of all of them.
const BUSY: u32 = 400;
const DAYS: i64 = 30;

/// A month in which the clocks change, of some specialists in one zone.
pub struct Month {
    offer: Offer,
    schedule: Schedule,
    occupied: Vec<Vec<Occupied>>,
    busy: Vec<Vec<Busy>>,
    from: Instant,
    to: Instant,
}

impl Month {
    /// October 2026 in Berlin, open day and night: 2,880 starts of each specialist are judged.
    pub fn new() -> Self {
        let from: Timestamp = "2026-10-12T00:00:00Z".parse().expect("an instant");
        let window = Window::new("00:00".parse().expect("a time"), "24:00".parse().expect("a time"));
        let day = vec![window.expect("a window")];
        let weekly = Weekly {
            mon: day.clone(),
            tue: day.clone(),
            wed: day.clone(),
            thu: day.clone(),
            fri: day.clone(),
            sat: day.clone(),
            sun: day,
        };
        let at = |minutes: i64| Instant::new(from).plus_minutes(minutes);
        let each = BUSY / SPECIALISTS;
        let span = |specialist: u32, n: u32| {
            // Spread over the month, and over the day: every 14.4 hours, and for each specialist at another time.
            let begin = i64::from(n) * DAYS * 24 * 60 / i64::from(each) + i64::from(specialist) * 35;
            (at(begin), at(begin + 45))
        };
        let sessions = |specialist: u32| -> Vec<Occupied> {
            let session = |n| {
                let (starts_at, ends_at) = span(specialist, n);
                Occupied {
                    starts_at,
                    ends_at,
                    buffer_before_minutes: 5,
                    buffer_after_minutes: 10,
                    expires_at: None,
                    seats_left: 0,
                }
            };
            (0..each).step_by(2).map(session).collect()
        };
        let calendars = |specialist: u32| -> Vec<Busy> {
            let busy = |n| {
                let (from, to) = span(specialist, n);
                Busy { from, to }
            };
            (1..each).step_by(2).map(busy).collect()
        };
        Self {
            offer: Offer::new(60, Some(15), 5, 10).expect("an offer"),
            schedule: Schedule {
                time_zone: Zone::new("Europe/Berlin").expect("a zone"),
                weekly,
                overrides: Default::default(),
                minimum_notice_minutes: 120,
                booking_window_days: Some(60),
                book_until: None,
                max_per_day: Some(6),
                max_per_week: None,
            },
            occupied: (0..SPECIALISTS).map(sessions).collect(),
            busy: (0..SPECIALISTS).map(calendars).collect(),
            from: Instant::new(from),
            to: at(DAYS * 24 * 60),
        }
    }

    /// How many slots are free, of all of them.
    pub fn free(&self) -> usize {
        let free = |(occupied, busy): (&Vec<Occupied>, &Vec<Busy>)| {
            let calendar = Calendar {
                schedule: &self.schedule,
                offer: &self.offer,
                occupied,
                busy,
                now: self.from,
            };
            calendar
                .free(self.from, self.to)
                .expect("a month has not too many starts")
                .len()
        };
        self.occupied.iter().zip(&self.busy).map(free).sum()
    }
}
