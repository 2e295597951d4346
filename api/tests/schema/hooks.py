"""Real things for the fuzzer, and one check more.

Ids that nobody has are 404 before anything else is looked at, so most of the ids it makes up are replaced by real ones:
those that the list of the same path shows. Nothing here names a route unless it must.
"""

import json
import os
import re
import urllib.error
import urllib.request
import uuid
import zlib

import schemathesis

API = os.environ["AROTI_API"]
# Streams of what is not over have no end to wait for.
ENDLESS = re.compile(r"/events$")


def call(method, path, body=None, key=None):
    headers = {"Authorization": f"Bearer {os.environ['AROTI_TOKEN']}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def scene():
    """Something to ask for: sessions, one of them over, a series, a place in a waitlist."""
    from datetime import datetime, timedelta, timezone

    now = datetime.now(timezone.utc).replace(microsecond=0)
    spell = lambda at: at.isoformat().replace("+00:00", "Z")
    slots, over = [], None
    for specialist in call("GET", "/api/specialists?limit=100")["items"]:
        service = specialist["services"][0]["id"]
        query = f"from={spell(now + timedelta(days=2))}&to={spell(now + timedelta(days=20))}&service_id={service}"
        days = call("GET", f"/api/specialists/{specialist['id']}/availability?{query}")["days"]
        for day in days[:3]:
            start = day["slots"][0]["starts_at"]
            slots.append({"specialist_id": specialist["id"], "service_id": service, "starts_at": start})
    booked = []
    for n, slot in enumerate(slots):
        if len(booked) == 4:
            break
        try:
            booked.append(call("POST", "/api/sessions", slot, key=f"schema-{n}")["id"])
        except urllib.error.HTTPError as refused:
            if refused.code not in (409, 422):
                raise
    over = booked[0]
    call("DELETE", f"/api/sessions/{over}")
    return slots, over


SLOTS, OVER = scene()
KNOWN = {}


def known(path):
    """Ids that the list before the parameter of `path` shows."""
    collection = path.split("/{")[0]
    if collection not in KNOWN:
        try:
            items = call("GET", collection)["items"]
            KNOWN[collection] = [item["id"] for item in items if "id" in item]
        except (urllib.error.HTTPError, KeyError, TypeError):
            KNOWN[collection] = []
    return KNOWN[collection]


def is_uuid(value):
    try:
        return str(uuid.UUID(value)) == value
    except (ValueError, TypeError, AttributeError):
        return False


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    for name, value in (case.path_parameters or {}).items():
        if not is_uuid(value):
            continue
        ids = [OVER] if ENDLESS.search(path) else known(path)
        pick = zlib.crc32(value.encode())
        if ids and value not in ids and (pick % 4 or ENDLESS.search(path)):
            case.path_parameters[name] = ids[pick // 4 % len(ids)]
    body = case.body
    if isinstance(body, dict) and is_uuid(body.get("specialist_id")):
        slot = SLOTS[zlib.crc32(body["specialist_id"].encode()) % len(SLOTS)]
        body |= {name: value for name, value in slot.items() if name in body}


@schemathesis.check
def error_code_is_documented(context, response, case):
    """The code of a problem stands in the description of its status."""
    if response.status_code < 400:
        return
    problem = response.json()
    documented = case.operation.definition.raw["responses"].get(str(response.status_code))
    if documented is None:
        return  # another check's
    if f"`{problem['error']}`" not in documented["description"]:
        raise AssertionError(f"{problem['error']} is not documented for {response.status_code}")
