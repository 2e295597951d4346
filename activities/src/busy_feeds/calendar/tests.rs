//! What texts block: cases of calendars as people have them, and of such as nobody should have.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

use super::*;
use std::time::Instant as Moment;

/// What an event with these lines blocks for somebody in Berlin, from 1 March 2026 to 1 March 2027.
fn event(lines: &str) -> Vec<String> {
    made_out(&calendar(&vevent("a@elsewhere", lines))).unwrap()
}

fn vevent(uid: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\n{lines}\nEND:VEVENT\n")
}

fn calendar(components: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//EN\n{components}END:VCALENDAR\n").replace('\n', "\r\n")
}

fn made_out(text: &str) -> Result<Vec<String>, &'static str> {
    let making = Making {
        text,
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        from: "2026-03-01T00:00:00Z".parse().unwrap(),
        to: "2027-03-01T00:00:00Z".parse().unwrap(),
        own_host: "aroti.test",
        given_up: &AtomicBool::new(false),
    };
    let busy = busy(&making).map_err(Unreadable::code)?;
    let short = |at: Instant| at.to_string().replace(":00Z", "Z").replace("2026-", "");
    Ok(busy
        .into_iter()
        .map(|busy| format!("{} {}", short(busy.from), short(busy.to)))
        .collect())
}

#[test]
fn single_events_block_their_time() {
    let cases = [
        (
            "DTSTART:20260601T100000Z\nDTEND:20260601T113000Z",
            "06-01T10:00Z 06-01T11:30Z",
        ),
        ("DTSTART:20260601T100000Z\nDURATION:PT45M", "06-01T10:00Z 06-01T10:45Z"),
        (
            "DTSTART;TZID=America/New_York:20260601T100000\nDURATION:PT1H",
            "06-01T14:00Z 06-01T15:00Z",
        ),
        // No zone: the specialist's.
        (
            "DTSTART:20260601T100000\nDTEND:20260601T110000",
            "06-01T08:00Z 06-01T09:00Z",
        ),
        (
            "DTSTART;TZID=Nowhere/Atall:20260601T100000\nDURATION:PT1H",
            "06-01T08:00Z 06-01T09:00Z",
        ),
        // A name of Windows.
        (
            "DTSTART;TZID=Pacific Standard Time:20260601T100000\nDURATION:PT1H",
            "06-01T17:00Z 06-01T18:00Z",
        ),
        (
            "DTSTART;TZID=\"W. Europe Standard Time\":20260601T100000\nDURATION:PT1H",
            "06-01T08:00Z 06-01T09:00Z",
        ),
        // Days are those of the specialist, whatever zone stands beside them.
        (
            "DTSTART;VALUE=DATE:20260601\nDTEND;VALUE=DATE:20260603",
            "05-31T22:00Z 06-02T22:00Z",
        ),
        ("DTSTART;VALUE=DATE:20260601", "05-31T22:00Z 06-01T22:00Z"),
        // The day on which the clock goes forward has 23 hours, the other one 25.
        ("DTSTART;VALUE=DATE:20260329", "03-28T23:00Z 03-29T22:00Z"),
        ("DTSTART;VALUE=DATE:20261025", "10-24T22:00Z 10-25T23:00Z"),
        // Half past two does not exist, or comes twice: the first one counts.
        (
            "DTSTART;TZID=Europe/Berlin:20260329T023000\nDURATION:PT1H",
            "03-29T01:30Z 03-29T02:30Z",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20261025T023000\nDURATION:PT1H",
            "10-25T00:30Z 10-25T01:30Z",
        ),
        // A day later on the wall clock, and 24 hours later.
        (
            "DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D",
            "03-28T11:00Z 03-29T10:00Z",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H",
            "03-28T11:00Z 03-29T11:00Z",
        ),
        // As far as it counts.
        (
            "DTSTART:20260101T000000Z\nDTEND:20260302T000000Z",
            "03-01T00:00Z 03-02T00:00Z",
        ),
        (
            "DTSTART:20270228T230000Z\nDURATION:P30D",
            "2027-02-28T23:00Z 2027-03-01T00:00Z",
        ),
        (
            "STATUS:TENTATIVE\nDTSTART:20260601T100000Z\nDURATION:PT1H",
            "06-01T10:00Z 06-01T11:00Z",
        ),
        (
            "TRANSP:OPAQUE\nDTSTART:20260601T100000Z\nDURATION:PT1H",
            "06-01T10:00Z 06-01T11:00Z",
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(event(lines), [expected], "{lines}");
    }
}

#[test]
fn what_takes_no_time_blocks_nothing() {
    let cases = [
        "TRANSP:TRANSPARENT\nDTSTART:20260601T100000Z\nDURATION:PT1H",
        "STATUS:CANCELLED\nDTSTART:20260601T100000Z\nDURATION:PT1H",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE\nDTSTART:20260601T100000Z\nDURATION:PT1H",
        "DTSTART:20260601T100000Z",
        "DTSTART:20260601T100000Z\nDTEND:20260601T090000Z",
        "DTSTART:20260601T100000Z\nDURATION:-PT1H",
        "DTSTART:20250601T100000Z\nDURATION:PT1H",
        "DTSTART:20270601T100000Z\nDURATION:PT1H",
        "SUMMARY:no start",
        "DTSTART:soon\nDURATION:PT1H",
    ];
    for lines in cases {
        assert_eq!(event(lines), [""; 0], "{lines}");
    }
    let others = "BEGIN:VTODO\nUID:t\nDTSTART:20260601T100000Z\nDUE:20260601T110000Z\nEND:VTODO\n\
         BEGIN:VJOURNAL\nUID:j\nDTSTART:20260601T100000Z\nEND:VJOURNAL\n";
    assert_eq!(made_out(&calendar(others)).unwrap(), [""; 0]);
    assert_eq!(made_out(&calendar("")).unwrap(), [""; 0], "an empty calendar is one");
}

#[test]
fn our_own_sessions_block_nothing() {
    let lines = "DTSTART:20260601T100000Z\nDURATION:PT1H";
    let both = vevent("0b5f@aroti.test", lines) + &vevent("0b5f@AROTI.TEST", lines);
    assert_eq!(made_out(&calendar(&both)).unwrap(), [""; 0]);
    assert_eq!(
        made_out(&calendar(&vevent("0b5f@not-aroti.test", lines)))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn times_that_touch_are_one() {
    let events = [
        ("b", "1000", "1100"),
        ("a", "1100", "1200"),
        ("c", "1015", "1030"),
        ("d", "1300", "1400"),
    ];
    let events: String = events
        .iter()
        .map(|(uid, from, to)| vevent(uid, &format!("DTSTART:20260601T{from}00Z\nDTEND:20260601T{to}00Z")))
        .collect();
    let busy = made_out(&calendar(&events)).unwrap();
    assert_eq!(busy, ["06-01T10:00Z 06-01T12:00Z", "06-01T13:00Z 06-01T14:00Z"]);
}

#[test]
fn recurrences_are_counted_on_the_wall_clock() {
    let cases: [(&str, &[&str]); 11] = [
        // Across the day on which the clock goes back: ten o'clock stays ten o'clock.
        (
            "DTSTART;TZID=Europe/Berlin:20261018T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3",
            &[
                "10-18T08:00Z 10-18T09:00Z",
                "10-25T09:00Z 10-25T10:00Z",
                "11-01T09:00Z 11-01T10:00Z",
            ],
        ),
        // In the hour that is skipped.
        (
            "DTSTART;TZID=Europe/Berlin:20260328T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3",
            &[
                "03-28T01:30Z 03-28T02:30Z",
                "03-29T01:30Z 03-29T02:30Z",
                "03-30T00:30Z 03-30T01:30Z",
            ],
        ),
        (
            "DTSTART:20260601T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260602T100000Z",
            &[
                "06-01T10:00Z 06-01T11:00Z",
                "06-03T10:00Z 06-03T11:00Z",
                "06-04T10:00Z 06-04T11:00Z",
            ],
        ),
        // Taken out in another zone, and by the day.
        (
            "DTSTART;TZID=Europe/Berlin:20260601T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\n\
             EXDATE;TZID=America/New_York:20260602T040000\nEXDATE;VALUE=DATE:20260603",
            &["06-01T08:00Z 06-01T09:00Z", "06-04T08:00Z 06-04T09:00Z"],
        ),
        // Its end is included, written in UTC, on the wall clock or as a day.
        (
            "DTSTART;TZID=Europe/Berlin:20260601T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260602T080000Z",
            &["06-01T08:00Z 06-01T09:00Z", "06-02T08:00Z 06-02T09:00Z"],
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260601T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260602T075959Z",
            &["06-01T08:00Z 06-01T09:00Z"],
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260601T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260602",
            &["06-01T08:00Z 06-01T09:00Z", "06-02T08:00Z 06-02T09:00Z"],
        ),
        // Days.
        (
            "DTSTART;VALUE=DATE:20260601\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260603",
            &["05-31T22:00Z 06-01T22:00Z", "06-02T22:00Z 06-03T22:00Z"],
        ),
        // The last Friday of a month.
        (
            "DTSTART:20260529T100000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=2",
            &["05-29T10:00Z 05-29T11:00Z", "06-26T10:00Z 06-26T11:00Z"],
        ),
        // Dates of their own, one with an end.
        (
            "DTSTART:20260601T100000Z\nDURATION:PT1H\nRDATE:20260605T120000Z,20260606T120000Z\n\
             RDATE;VALUE=PERIOD:20260607T120000Z/PT3H",
            &[
                "06-01T10:00Z 06-01T11:00Z",
                "06-05T12:00Z 06-05T13:00Z",
                "06-06T12:00Z 06-06T13:00Z",
                "06-07T12:00Z 06-07T15:00Z",
            ],
        ),
        // A leap day.
        ("DTSTART;VALUE=DATE:20240229\nDURATION:P1D\nRRULE:FREQ=YEARLY", &[]),
    ];
    for (lines, expected) in cases {
        assert_eq!(event(lines), expected, "{lines}");
    }
    // Without an end: as far as it counts.
    let weekly = event("DTSTART:20200106T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY");
    assert_eq!(weekly.len(), 52);
    assert_eq!(weekly[0], "03-02T10:00Z 03-02T11:00Z");
    let daily = event("DTSTART;TZID=Europe/Berlin:20100101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY");
    assert_eq!(daily.len(), 365);
}

#[test]
fn single_occurrences_can_be_otherwise() {
    let series = "DTSTART;TZID=Europe/Berlin:20260601T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\nSEQUENCE:1";
    let changed = |lines: &str| made_out(&calendar(&(vevent("s", series) + &vevent("s", lines)))).unwrap();
    let moved = "RECURRENCE-ID;TZID=Europe/Berlin:20260608T100000\nSEQUENCE:7\n\
         DTSTART;TZID=Europe/Berlin:20260609T150000\nDTEND;TZID=Europe/Berlin:20260609T170000";
    assert_eq!(
        changed(moved),
        [
            "06-01T08:00Z 06-01T09:00Z",
            "06-09T13:00Z 06-09T15:00Z",
            "06-15T08:00Z 06-15T09:00Z",
            "06-22T08:00Z 06-22T09:00Z"
        ]
    );
    let called_off = "RECURRENCE-ID:20260608T080000Z\nSTATUS:CANCELLED\nDTSTART:20260608T080000Z";
    assert_eq!(changed(called_off).len(), 3);
    let later = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260615T100000\n\
         DTSTART;TZID=Europe/Berlin:20260615T120000\nDURATION:PT2H";
    assert_eq!(
        changed(later),
        [
            "06-01T08:00Z 06-01T09:00Z",
            "06-08T08:00Z 06-08T09:00Z",
            "06-15T10:00Z 06-15T12:00Z",
            "06-22T10:00Z 06-22T12:00Z"
        ]
    );
    // Another series with the same hours is not touched.
    let two = vevent("s", series) + &vevent("t", series) + &vevent("s", called_off);
    assert_eq!(made_out(&calendar(&two)).unwrap().len(), 4);
    // Of a series that is not in the text.
    let alone = made_out(&calendar(&vevent("s", moved))).unwrap();
    assert_eq!(alone, ["06-09T13:00Z 06-09T15:00Z"]);
}

#[test]
fn zones_of_the_text_itself_are_known_by_what_they_say_they_are() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Office\nX-LIC-LOCATION:Asia/Tokyo\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
         TZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\n";
    let text = calendar(&(zone.to_owned() + &vevent("a", "DTSTART;TZID=Office:20260601T100000\nDURATION:PT1H")));
    assert_eq!(made_out(&text).unwrap(), ["06-01T01:00Z 06-01T02:00Z"]);
}

#[test]
fn long_lines_are_unfolded_and_what_is_no_text_is_passed_over() {
    let lines = "SUMMARY:\u{fffd}\u{fffd} a long\n  one\nDTSTART;TZID=America/\n New_York:20260601T100000\nDURATION:PT1H\nnonsense";
    assert_eq!(event(lines), ["06-01T14:00Z 06-01T15:00Z"]);
    let with_mark = format!(
        "\u{feff}{}",
        calendar(&vevent("a", "DTSTART:20260601T100000Z\nDURATION:PT1H"))
    );
    assert_eq!(made_out(&with_mark).unwrap().len(), 1);
}

#[test]
fn what_is_no_whole_calendar_is_none() {
    let whole = calendar(&vevent("a", "DTSTART:20260601T100000Z\nDURATION:PT1H"));
    let cut = &whole[..whole.len() - 20];
    for text in [
        "",
        "garbage",
        "<html><body>Sign in</body></html>",
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        cut,
        "\0\0\0",
    ] {
        assert_eq!(made_out(text), Err("not_a_calendar"), "{text:?}");
    }
    assert_eq!(
        made_out("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:A\r\nEND:VCARD\r\n"),
        Err("not_a_calendar")
    );
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let rules = [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=SECONDLY;INTERVAL=1;BYHOUR=3;BYMINUTE=3;BYSECOND=3",
        "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=SECONDLY;COUNT=4294967295",
        "RRULE:FREQ=YEARLY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;\
         BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30;\
         BYSECOND=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30",
    ];
    for rule in rules {
        let begun = Moment::now();
        let text = calendar(&vevent(
            "a",
            &format!("DTSTART:20240101T000000Z\nDURATION:PT1S\n{rule}"),
        ));
        assert_eq!(made_out(&text), Err("too_complex"), "{rule}");
        assert!(begun.elapsed().as_millis() < 200, "{rule}: {:?}", begun.elapsed());
    }
    // Many that are small alone, in a text as long as one may be.
    let small = "DTSTART:19000101T000000Z\nDURATION:PT1S\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30";
    let many: String = (0..30_000).map(|n| vevent(&n.to_string(), small)).collect();
    assert_eq!(made_out(&calendar(&many)), Err("too_complex"));
    let dates: Vec<_> = (0..86_400)
        .map(|n| {
            format!(
                "202606{:02}T{:02}{:02}{:02}Z",
                n % 28 + 1,
                n % 24,
                n / 24 % 60,
                n / 1_440 % 60
            )
        })
        .collect();
    let dates = format!("DTSTART:20260601T000000Z\nDURATION:PT1S\nRDATE:{}", dates.join(","));
    assert_eq!(made_out(&calendar(&vevent("a", &dates))), Err("too_many_events"));
}

#[test]
fn long_and_odd_texts_take_their_length_and_no_more() {
    let texts = [
        ("a line", format!("SUMMARY:{}\n", "x".repeat(4_900_000))),
        ("begins", "BEGIN:VEVENT\n".repeat(380_000)),
        ("ends", "END:VEVENT\n".repeat(400_000)),
        ("separators", format!("A;{}:\n", ";=,\"".repeat(1_200_000))),
        ("folds", "\n ".repeat(2_400_000)),
        ("values", format!("RDATE:{}\n", "1,".repeat(2_400_000))),
        (
            "events",
            vevent("a", "DTSTART:20260601T100000Z\nDURATION:PT1H").repeat(50_000),
        ),
    ];
    for (what, text) in texts {
        let begun = Moment::now();
        let answer = made_out(&calendar(&text)).map(|busy| busy.len());
        let took = begun.elapsed();
        eprintln!("{what}: {answer:?} after {took:?}");
        assert!(took.as_secs() < 20, "{what}: {took:?}");
    }
}

#[test]
fn who_gave_up_is_not_kept_waiting() {
    let making = Making {
        text: &calendar(&vevent("a", "DTSTART:20260601T100000Z\nDURATION:PT1H")),
        zone: TimeZone::UTC,
        from: "2026-03-01T00:00:00Z".parse().unwrap(),
        to: "2027-03-01T00:00:00Z".parse().unwrap(),
        own_host: "aroti.test",
        given_up: &AtomicBool::new(true),
    };
    assert_eq!(busy(&making), Err(Unreadable::TooComplex));
}
