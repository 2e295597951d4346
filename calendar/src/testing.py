"""Reads a JSON array of iCalendar texts, looks strictly at each, writes what `icalendar` understood as JSON."""

import json
import re
import sys
from datetime import datetime, timedelta, timezone

from icalendar import Calendar

ONCE = ["UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "ORGANIZER", "STATUS", "TRANSP"]


def form(raw):
    """RFC 5545 §3.1, on the bytes."""
    assert raw.endswith(b"\r\n"), "the last line is ended"
    lines = raw[:-2].split(b"\r\n")
    for line in lines:
        assert 0 < len(line) <= 75, f"{len(line)} octets: {line}"
        line.decode()  # no character is cut in two
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line.decode()), f"a control character: {line}"
    assert lines[0] == b"BEGIN:VCALENDAR" and lines[-1] == b"END:VCALENDAR"


def utc(prop):
    assert isinstance(prop.dt, datetime) and prop.dt.utcoffset() == timedelta(0), f"not in UTC: {prop}"
    assert prop.to_ical().endswith(b"Z"), f"not in UTC: {prop.to_ical()}"
    assert "TZID" not in prop.params, "UTC has no TZID"
    return prop.dt.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(prop):
    assert prop.startswith("mailto:"), prop
    called = prop.params.get("CN")
    return [str(prop)[len("mailto:") :], None if called is None else str(called)]


def text(component, one):
    value = component.get(one)
    assert not isinstance(value, list), f"{one} stands more than once"
    return None if value is None else str(value)


def name(calendar):
    """Both are of type TEXT, which the parser does not know of either: it leaves them escaped."""
    modern, old = text(calendar, "NAME"), text(calendar, "X-WR-CALNAME")
    assert modern == old, (modern, old)
    plain = {"n": "\n", "N": "\n"}
    return None if modern is None else re.sub(r"\\(.)", lambda it: plain.get(it[1], it[1]), modern)


def duration(calendar):
    modern, old = calendar.get("REFRESH-INTERVAL"), calendar.get("X-PUBLISHED-TTL")
    assert (modern is None) == (old is None)
    if modern is None:
        return None
    assert modern.params.get("VALUE") == "DURATION"
    assert modern.to_ical().decode() == str(old), (modern.to_ical(), old)
    return int(modern.dt.total_seconds())


def event(component, method):
    for one in ONCE:
        assert component.get(one) is not None, f"{one} is missing"
    for one in component.singletons:
        assert not isinstance(component.get(one), list), f"{one} stands more than once"
    attendees = component.get("ATTENDEE", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    status = text(component, "STATUS")
    assert status in ("TENTATIVE", "CONFIRMED", "CANCELLED"), status
    if method == "PUBLISH":
        assert not attendees, "RFC 5546 §3.2.1: a publication invites nobody"
    else:
        assert attendees, f"RFC 5546 §3.2: {method} is for somebody"
    if method == "CANCEL":
        assert status == "CANCELLED", status
    if method == "REQUEST":
        assert status != "CANCELLED", status
    starts_at, ends_at = utc(component["DTSTART"]), utc(component["DTEND"])
    assert starts_at < ends_at, (starts_at, ends_at)
    last_modified = component.get("LAST-MODIFIED")
    return {
        "uid": text(component, "UID"),
        "sequence": int(component["SEQUENCE"]),
        "status": status,
        "dtstamp": utc(component["DTSTAMP"]),
        "last_modified": None if last_modified is None else utc(last_modified),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "summary": text(component, "SUMMARY"),
        "description": text(component, "DESCRIPTION"),
        "location": text(component, "LOCATION"),
        "url": text(component, "URL"),
        "organizer": person(component["ORGANIZER"]),
        "attendees": [person(attendee) for attendee in attendees],
    }


def read(source):
    raw = source.encode()
    form(raw)
    calendar = Calendar.from_ical(raw)
    for component in calendar.walk():
        assert not component.errors, (component.name, component.errors)
        for one in component.required:
            assert component.get(one) is not None, f"{one} is missing"
    for one in calendar.singletons:
        assert not isinstance(calendar.get(one), list), f"{one} stands more than once"
    assert text(calendar, "VERSION") == "2.0" and text(calendar, "CALSCALE") == "GREGORIAN"
    assert calendar.subcomponents, "RFC 5545 §3.6: a calendar has a component"
    kinds = {component.name for component in calendar.subcomponents}
    assert kinds in ({"VEVENT"}, {"VTIMEZONE"}), kinds
    method = text(calendar, "METHOD")
    assert method in ("REQUEST", "CANCEL", "PUBLISH"), method
    events = [event(component, method) for component in calendar.walk("VEVENT")]
    uids = [one["uid"] for one in events]
    assert len(uids) == len(set(uids)), "an event stands twice"
    return {
        "method": method,
        "name": name(calendar),
        "refresh_seconds": duration(calendar),
        "events": events,
    }


json.dump([read(source) for source in json.load(sys.stdin)], sys.stdout)
