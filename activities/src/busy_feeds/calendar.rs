//! What a calendar's text blocks.
//!
//! The library reads the text, knows zones by all their names and counts recurrences; which of the times count is said
//! here. A recurrence is counted in the wall clock of its event and only then brought to instants, so that hours that are
//! skipped or repeated are treated as everywhere else. Whatever has more work in it than any person's calendar is refused
//! before it is begun.
//!
//! # Source
//! RFC 5545: §3.8.5 recurrence, §3.8.2.4 dates, §3.8.2.7 transparency, §3.6.1 events without an end.

use calcard::{
    Entry, Parser,
    common::{PartialDateTime, timezone::Tz},
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarEntry, ICalendarFrequency,
        ICalendarParameterName, ICalendarPeriod, ICalendarProperty, ICalendarRecurrenceRule, ICalendarStatus,
        ICalendarTransparency, ICalendarValue, timezone::TzResolver,
    },
};
use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{self, Date, DateTime},
    tz::{Offset, TimeZone},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
};
use workflows::{slots::busy::Busy, time::Instant};

/// Candidates that one recurrence may have: 500 years of days, 57 years of hours.
const RULE_CANDIDATES: u64 = 500_000;
/// Candidates of all recurrences together.
const ALL_CANDIDATES: u64 = 3_000_000;
/// Blocked times before they are merged, and after.
const OCCURRENCES: usize = 100_000;
const INTERVALS: usize = 10_000;

/// A calendar to be made out.
pub(super) struct Making<'a> {
    /// What was answered.
    pub(super) text: &'a str,
    /// The zone of days and of times that name none.
    pub(super) zone: TimeZone,
    /// Times before do not count.
    pub(super) from: Instant,
    /// Neither do these or later ones.
    pub(super) to: Instant,
    /// Events named by it are sessions of ours.
    pub(super) own_host: &'a str,
    /// Nobody waits for the answer any more.
    pub(super) given_up: &'a AtomicBool,
}

/// Why a text blocks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is no calendar, or not all of one.
    NoCalendar,
    /// Its recurrences take too long to count.
    TooComplex,
    /// It blocks more times than a person has.
    TooMany,
    /// A recurrence is none that can be counted.
    NoRule,
}

impl Unreadable {
    /// The stable name.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NoCalendar => "not_a_calendar",
            Self::TooComplex => "too_complex",
            Self::TooMany => "too_many_events",
            Self::NoRule => "unreadable_rule",
        }
    }
}

/// What the calendar blocks: in order, none touching the next.
///
/// # Errors
/// [`Unreadable`]; never half of a calendar.
///
/// # Cost
/// Linear in the text, and in the candidates of its recurrences, which are bounded.
pub(super) fn busy(making: &Making<'_>) -> Result<Vec<Busy>, Unreadable> {
    let mut blocked = Blocked {
        from: making.from.timestamp(),
        to: making.to.timestamp(),
        times: Vec::new(),
    };
    let mut candidates = ALL_CANDIDATES;
    for calendar in calendars(making.text)? {
        let reader = Reader {
            making,
            zones: calendar.build_tz_resolver(),
        };
        for group in events(&calendar, making.own_host) {
            if making.given_up.load(Ordering::Relaxed) {
                return Err(Unreadable::TooComplex);
            }
            reader.add(&group, &mut blocked, &mut candidates)?;
        }
    }
    blocked.merged()
}

/// The calendars of a text, at least one and all of them whole.
fn calendars(text: &str) -> Result<Vec<ICalendar>, Unreadable> {
    let text = text.trim_start_matches('\u{feff}').trim();
    // The library forgives a text that breaks off; what is missing might be what blocks.
    let last = text.lines().next_back().unwrap_or_default().trim();
    if !last.eq_ignore_ascii_case("END:VCALENDAR") {
        return Err(Unreadable::NoCalendar);
    }
    let mut parser = Parser::new(text);
    let mut found = Vec::new();
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => found.push(calendar),
            Entry::VCard(_) | Entry::InvalidLine(_) => {}
            Entry::Eof => break,
            _ => return Err(Unreadable::NoCalendar),
        }
    }
    if found.is_empty() {
        return Err(Unreadable::NoCalendar);
    }
    Ok(found)
}

/// An event that recurs, and what became of single occurrences of it.
#[derive(Default)]
struct Group<'a> {
    series: Vec<&'a ICalendarComponent>,
    changed: Vec<&'a ICalendarComponent>,
}

/// The events of a calendar that are not ours.
fn events<'a>(calendar: &'a ICalendar, own_host: &str) -> Vec<Group<'a>> {
    let mut named: BTreeMap<&str, Group<'a>> = BTreeMap::new();
    let mut groups = Vec::new();
    let is_ours = |uid: &str| {
        let host = uid.rsplit_once('@').map(|(_, host)| host);
        host.is_some_and(|host| host.eq_ignore_ascii_case(own_host))
    };
    for event in &calendar.components {
        if event.component_type != ICalendarComponentType::VEvent {
            continue;
        }
        match event.uid() {
            Some(uid) if is_ours(uid) => {}
            Some(uid) if event.has_property(&ICalendarProperty::RecurrenceId) => {
                named.entry(uid).or_default().changed.push(event);
            }
            Some(uid) => named.entry(uid).or_default().series.push(event),
            None => groups.push(Group {
                series: vec![event],
                changed: Vec::new(),
            }),
        }
    }
    groups.extend(named.into_values());
    groups
}

/// A wall clock somewhere.
#[derive(Clone)]
struct When {
    local: DateTime,
    zone: TimeZone,
    is_date: bool,
}

impl When {
    /// The instant; one that a clock skips is as long after the gap, one that it repeats is the first.
    fn instant(&self) -> Option<Timestamp> {
        at(self.local, &self.zone)
    }
}

fn at(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(local).ok()
}

/// How long an event lasts: days of the calendar, then time.
#[derive(Clone, Copy, Default)]
struct Length {
    days: i64,
    time: SignedDuration,
}

impl Length {
    fn end(self, start: DateTime, zone: &TimeZone) -> Option<Timestamp> {
        let days = Span::new().try_days(self.days).ok()?;
        at(start.checked_add(days).ok()?, zone)?.checked_add(self.time).ok()
    }
}

/// What a single occurrence became.
struct Change {
    instead_of: Timestamp,
    /// And all that follow.
    and_later: bool,
    event: Event,
}

/// An event as it stands in the text.
struct Event {
    start: When,
    length: Length,
    blocks: bool,
}

/// Reads the events of one calendar.
struct Reader<'a> {
    making: &'a Making<'a>,
    zones: TzResolver<&'a str>,
}

impl Reader<'_> {
    /// Add what a group of events blocks.
    fn add(&self, group: &Group<'_>, blocked: &mut Blocked, candidates: &mut u64) -> Result<(), Unreadable> {
        let mut changes: Vec<Change> = group.changed.iter().filter_map(|event| self.change(event)).collect();
        changes.sort_by_key(|change| change.instead_of);
        let single: BTreeSet<_> = changes.iter().map(|change| change.instead_of).collect();
        for series in &group.series {
            if self.making.given_up.load(Ordering::Relaxed) {
                return Err(Unreadable::TooComplex);
            }
            let Some(event) = self.event(series) else { continue };
            let starts = self.starts(series, &event, candidates)?;
            if event.blocks || changes.iter().any(|change| change.and_later) {
                add_series(&event, &starts, &changes, &single, blocked)?;
            }
            if event.blocks {
                self.add_periods(series, blocked)?;
            }
        }
        for Change { event, .. } in &changes {
            if event.blocks {
                blocked.add(event.start.local, &event.start.zone, event.length)?;
            }
        }
        Ok(())
    }

    fn event(&self, component: &ICalendarComponent) -> Option<Event> {
        let start = component
            .property(&ICalendarProperty::Dtstart)
            .or_else(|| component.property(&ICalendarProperty::RecurrenceId))?;
        let start = self.whens(start).into_iter().next()?;
        let end = component.property(&ICalendarProperty::Dtend);
        let end = end.and_then(|end| self.whens(end).into_iter().next());
        let length = match (end, duration(component)) {
            (Some(end), _) if start.is_date && end.is_date => Length {
                days: start.local.date().until(end.local.date()).ok()?.get_days().into(),
                ..Length::default()
            },
            (Some(end), _) => Length {
                time: end.instant()?.duration_since(start.instant()?),
                ..Length::default()
            },
            (None, Some(length)) => length,
            (None, None) => Length {
                days: start.is_date.into(),
                ..Length::default()
            },
        };
        Some(Event {
            start,
            length,
            blocks: blocks(component),
        })
    }

    fn change(&self, component: &ICalendarComponent) -> Option<Change> {
        let entry = component.property(&ICalendarProperty::RecurrenceId)?;
        Some(Change {
            instead_of: self.whens(entry).into_iter().next()?.instant()?,
            and_later: entry.has_parameter(&ICalendarParameterName::Range),
            event: self.event(component)?,
        })
    }

    /// When a series begins, again and again, in the wall clock of its zone; without what is taken out.
    fn starts(
        &self,
        component: &ICalendarComponent,
        event: &Event,
        candidates: &mut u64,
    ) -> Result<BTreeSet<DateTime>, Unreadable> {
        let When { local, zone, is_date } = &event.start;
        let mut starts = BTreeSet::from([*local]);
        for entry in component.properties(&ICalendarProperty::Rrule) {
            let Some(ICalendarValue::RecurrenceRule(rule)) = entry.values.first() else {
                return Err(Unreadable::NoRule);
            };
            starts.extend(self.recurrences(rule, event, candidates)?);
        }
        let here = |when: When| Some(when.instant()?.to_zoned(zone.clone()).datetime());
        for entry in component.properties(&ICalendarProperty::Rdate) {
            starts.extend(self.whens(entry).into_iter().filter_map(here));
        }
        let (mut days, mut times) = (BTreeSet::new(), BTreeSet::new());
        for entry in component.properties(&ICalendarProperty::Exdate) {
            for when in self.whens(entry) {
                // A day takes out what begins on it, whichever way the series is written.
                if when.is_date && !is_date {
                    days.insert(when.local.date());
                } else {
                    times.extend(when.instant());
                }
            }
        }
        starts.retain(|start| {
            let is_out = days.contains(&start.date()) || at(*start, zone).is_some_and(|start| times.contains(&start));
            !is_out
        });
        Ok(starts)
    }

    /// What a rule says, up to the end of what counts.
    fn recurrences(
        &self,
        rule: &ICalendarRecurrenceRule,
        event: &Event,
        candidates: &mut u64,
    ) -> Result<Vec<DateTime>, Unreadable> {
        let When { local, zone, is_date } = &event.start;
        let last = self.making.to.timestamp().to_zoned(zone.clone()).datetime();
        let until = rule.until.as_ref().and_then(|until| {
            let when = self.when(until, None)?;
            Some(match (when.is_date, is_date) {
                (true, false) => when.local.date().at(23, 59, 59, 0),
                (true, true) => when.local,
                // In UTC as it should be, or of the event's own clock.
                (false, _) if until.tz_hour.is_some() => when.instant()?.to_zoned(zone.clone()).datetime(),
                (false, _) => when.local,
            })
        });
        let last = until.map_or(last, |until| until.min(last));
        if last < *local {
            return Ok(Vec::new());
        }
        let n = n_candidates(rule, *local, last);
        if n > RULE_CANDIDATES {
            return Err(Unreadable::TooComplex);
        }
        *candidates = candidates.checked_sub(n).ok_or(Unreadable::TooComplex)?;
        let rule = ICalendarRecurrenceRule {
            until: Some(partial(last)),
            ..rule.clone()
        };
        let entry = |name, value| ICalendarEntry {
            name,
            params: Vec::new(),
            values: vec![value],
        };
        let start = ICalendarValue::PartialDateTime(Box::new(partial(*local)));
        let series = ICalendarComponent {
            component_type: ICalendarComponentType::VEvent,
            entries: vec![
                entry(ICalendarProperty::Dtstart, start),
                entry(ICalendarProperty::Rrule, ICalendarValue::RecurrenceRule(Box::new(rule))),
            ],
            component_ids: Vec::new(),
        };
        let alone = ICalendar {
            components: vec![series],
        };
        let limit = usize::try_from(RULE_CANDIDATES).unwrap_or(usize::MAX);
        let counted = alone.expand_dates(Tz::Floating, limit);
        // A series of which only the beginning were known would leave the rest to be booked.
        if !counted.errors.is_empty() {
            return Err(Unreadable::NoRule);
        }
        Ok(counted
            .events
            .into_iter()
            .filter_map(|event| {
                let utc = event.start.naive_utc().and_utc();
                let wall = Timestamp::from_second(utc.timestamp()).ok()?;
                Some(Offset::UTC.to_datetime(wall))
            })
            .collect())
    }

    /// Times that an `RDATE` names with their ends.
    fn add_periods(&self, component: &ICalendarComponent, blocked: &mut Blocked) -> Result<(), Unreadable> {
        for entry in component.properties(&ICalendarProperty::Rdate) {
            for value in &entry.values {
                let ICalendarValue::Period(period) = value else {
                    continue;
                };
                let (start, end) = match period {
                    ICalendarPeriod::Range { start, end } => {
                        let end = self.when(end, entry.tz_id());
                        (self.when(start, entry.tz_id()), end.and_then(|end| end.instant()))
                    }
                    ICalendarPeriod::Duration { start, duration } => {
                        let start = self.when(start, entry.tz_id());
                        let end = start
                            .as_ref()
                            .and_then(|start| length(duration).end(start.local, &start.zone));
                        (start, end)
                    }
                };
                if let (Some(start), Some(end)) = (start.and_then(|start| start.instant()), end) {
                    blocked.add_instants(start, end)?;
                }
            }
        }
        Ok(())
    }

    /// The times of a property, periods apart.
    fn whens(&self, entry: &ICalendarEntry) -> Vec<When> {
        let time = |value: &ICalendarValue| match value {
            ICalendarValue::PartialDateTime(time) => self.when(time, entry.tz_id()),
            _ => None,
        };
        entry.values.iter().filter_map(time).collect()
    }

    fn when(&self, time: &PartialDateTime, tz_id: Option<&str>) -> Option<When> {
        let part = |part: Option<u8>| i8::try_from(part.unwrap_or(0)).ok();
        let date = Date::new(i16::try_from(time.year?).ok()?, part(time.month)?, part(time.day)?).ok()?;
        // A leap second is the one before it.
        let second = part(time.second)?.min(59);
        let clock = civil::Time::new(part(time.hour)?, part(time.minute)?, second, 0).ok()?;
        let zone = match (time.hour, time.tz_hour, tz_id) {
            (None, _, _) => self.making.zone.clone(),
            (_, Some(hour), _) => {
                let seconds = (i32::from(hour) * 60 + i32::from(time.tz_minute.unwrap_or(0))) * 60;
                let seconds = if time.tz_minus { -seconds } else { seconds };
                TimeZone::fixed(Offset::from_seconds(seconds).ok()?)
            }
            (_, None, Some(tz_id)) => self.zone(tz_id),
            (_, None, None) => self.making.zone.clone(),
        };
        Some(When {
            local: date.to_datetime(clock),
            zone,
            is_date: time.hour.is_none(),
        })
    }

    /// A zone by its name: that of the zone database, of Windows, or of the calendar's own definition. One that nobody
    /// knows is the specialist's.
    fn zone(&self, tz_id: &str) -> TimeZone {
        if let Ok(zone) = TimeZone::get(tz_id) {
            return zone;
        }
        match self.zones.resolve(tz_id) {
            Some(Tz::Tz(zone)) => TimeZone::get(zone.name()).ok(),
            Some(Tz::Fixed(offset)) => Offset::from_seconds(offset.local_minus_utc()).ok().map(TimeZone::fixed),
            Some(Tz::Floating) | None => None,
        }
        .unwrap_or_else(|| self.making.zone.clone())
    }
}

/// Add the occurrences of a series, single ones and all from one on changed.
fn add_series(
    event: &Event,
    starts: &BTreeSet<DateTime>,
    changes: &[Change],
    single: &BTreeSet<Timestamp>,
    blocked: &mut Blocked,
) -> Result<(), Unreadable> {
    let zone = &event.start.zone;
    let mut later = changes.iter().filter(|change| change.and_later).peekable();
    // How the rest of the series differs: how much later it begins, and as what.
    let mut since: Option<(SignedDuration, &Event)> = None;
    for start in starts {
        let Some(instant) = at(*start, zone) else { continue };
        while let Some(change) = later.next_if(|change| change.instead_of <= instant) {
            let was = change.instead_of.to_zoned(zone.clone()).datetime();
            let becomes = change
                .event
                .start
                .instant()
                .map(|at| at.to_zoned(zone.clone()).datetime());
            since = becomes.map(|becomes| (becomes.duration_since(was), &change.event));
        }
        if single.contains(&instant) {
            continue;
        }
        match since {
            Some((shift, changed)) if changed.blocks => {
                if let Ok(start) = start.checked_add(shift) {
                    blocked.add(start, zone, changed.length)?;
                }
            }
            Some(_) => {}
            None if event.blocks => blocked.add(*start, zone, event.length)?,
            None => {}
        }
    }
    Ok(())
}

/// Whether an event takes its time: neither called off nor said to leave it free.
fn blocks(component: &ICalendarComponent) -> bool {
    let is_free = component.entries.iter().any(|entry| {
        let ICalendarProperty::Other(name) = &entry.name else {
            return false;
        };
        let value = entry.values.first().and_then(ICalendarValue::as_text);
        name.eq_ignore_ascii_case("X-MICROSOFT-CDO-BUSYSTATUS")
            && value.is_some_and(|value| value.eq_ignore_ascii_case("FREE"))
    });
    component.status() != Some(&ICalendarStatus::Cancelled)
        && component.transparency() != Some(&ICalendarTransparency::Transparent)
        && !is_free
}

fn duration(component: &ICalendarComponent) -> Option<Length> {
    match component.property(&ICalendarProperty::Duration)?.values.first()? {
        ICalendarValue::Duration(duration) => Some(length(duration)),
        _ => None,
    }
}

fn length(duration: &ICalendarDuration) -> Length {
    if duration.neg {
        return Length::default();
    }
    let [weeks, days, hours, minutes, seconds] = [
        duration.weeks,
        duration.days,
        duration.hours,
        duration.minutes,
        duration.seconds,
    ]
    .map(i64::from);
    Length {
        days: weeks * 7 + days,
        time: SignedDuration::from_secs((hours * 60 + minutes) * 60 + seconds),
    }
}

/// At most so many times are looked at by whoever counts the rule from `first` to `last`.
fn n_candidates(rule: &ICalendarRecurrenceRule, first: DateTime, last: DateTime) -> u64 {
    let seconds = last.duration_since(first).as_secs().max(0).unsigned_abs();
    let (step, each) = match rule.freq {
        ICalendarFrequency::Yearly => (365 * 86_400, 366),
        ICalendarFrequency::Monthly => (28 * 86_400, 31),
        ICalendarFrequency::Weekly => (7 * 86_400, 7),
        ICalendarFrequency::Daily => (86_400, 1),
        ICalendarFrequency::Hourly => (3_600, 1),
        ICalendarFrequency::Minutely => (60, 1),
        ICalendarFrequency::Secondly => (1, 1),
    };
    let interval = u64::from(rule.interval.unwrap_or(1).max(1));
    let lists = [
        rule.byhour.len(),
        rule.byminute.len(),
        rule.bysecond.len(),
        rule.bysetpos.len(),
    ];
    let start = (seconds / step / interval).saturating_add(1).saturating_mul(each);
    lists.into_iter().fold(start, |n, list| {
        n.saturating_mul(u64::try_from(list.max(1)).unwrap_or(u64::MAX))
    })
}

fn partial(local: DateTime) -> PartialDateTime {
    let part = |part: i8| Some(part.unsigned_abs());
    PartialDateTime {
        year: Some(local.year().unsigned_abs()),
        month: part(local.month()),
        day: part(local.day()),
        hour: part(local.hour()),
        minute: part(local.minute()),
        second: part(local.second()),
        ..PartialDateTime::default()
    }
}

/// Times that are blocked, as far as they count.
struct Blocked {
    from: Timestamp,
    to: Timestamp,
    times: Vec<(Timestamp, Timestamp)>,
}

impl Blocked {
    fn add(&mut self, start: DateTime, zone: &TimeZone, length: Length) -> Result<(), Unreadable> {
        match (at(start, zone), length.end(start, zone)) {
            (Some(start), Some(end)) => self.add_instants(start, end),
            _ => Ok(()),
        }
    }

    fn add_instants(&mut self, start: Timestamp, end: Timestamp) -> Result<(), Unreadable> {
        let (start, end) = (start.max(self.from), end.min(self.to));
        if end <= start {
            return Ok(());
        }
        if OCCURRENCES <= self.times.len() {
            return Err(Unreadable::TooMany);
        }
        self.times.push((start, end));
        Ok(())
    }

    fn merged(mut self) -> Result<Vec<Busy>, Unreadable> {
        self.times.sort_unstable();
        let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (start, end) in self.times {
            match merged.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => merged.push((start, end)),
            }
        }
        if INTERVALS < merged.len() {
            return Err(Unreadable::TooMany);
        }
        let busy = |(from, to): (Timestamp, Timestamp)| Busy {
            from: from.into(),
            to: to.into(),
        };
        Ok(merged.into_iter().map(busy).collect())
    }
}

#[cfg(test)]
mod tests;
