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
from datetime import datetime, timedelta, timezone

import jsonschema_rs
import schemathesis
from schemathesis.generation.meta import TestPhase

API = os.environ["AROTI_API"]
# Streams of what is not over have no end to wait for.
ENDLESS = re.compile(r"/events$")


def call(method, path, body=None, key=None, token="AROTI_TOKEN"):
    headers = {"Authorization": f"Bearer {os.environ[token]}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def scene():
    """Something to ask for: own sessions, one of them over, a client's with us, a series, a place in a waitlist."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    begin, end = ((now + timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (2, 20))
    specialists = call("GET", "/api/specialists?limit=100")["items"]
    specialists.sort(key=lambda specialist: specialist["id"] != os.environ["AROTI_SPECIALIST"])
    slots = []
    for specialist in specialists:
        service = specialist["services"][0]["id"]
        what = {"specialist_id": specialist["id"], "service_id": service}
        query = f"from={begin}&to={end}&service_id={service}"
        days = call("GET", f"/api/specialists/{specialist['id']}/availability?{query}")["days"]
        slots += [what | {"starts_at": day["slots"][0]["starts_at"]} for day in days[:3]]
    with_us = call("POST", "/api/sessions", slots.pop(0), key="schema", token="AROTI_CLIENT_TOKEN")["id"]
    booked, series = [], None
    for n, slot in enumerate(slots):
        body = slot if len(booked) < 4 else slot | {"recurrence": {"every_weeks": 1, "count": 2, "mode": "best_effort"}}
        try:
            answer = call("POST", "/api/sessions", body, key=f"schema-{n}")
        except urllib.error.HTTPError as refused:
            if refused.code not in (409, 422):
                raise
            continue
        if "series_id" in answer and "sessions" in answer:
            series = answer["series_id"]
            break
        booked.append(answer["id"])
    call("DELETE", f"/api/sessions/{booked[1]}")
    call("POST", "/api/waitlist", {name: slots[-1][name] for name in ("specialist_id", "service_id")} | {"from": begin, "to": end})
    # What no list shows.
    return slots, (begin, end), booked[1], {"/api/series": [series], "/api/sessions": [*booked, with_us, with_us]}


SLOTS, RANGE, OVER, KNOWN = scene()


def known(path):
    """Ids that the list before the parameter of `path` shows."""
    collection = path.split("/{")[0]
    if collection == "/api/reviews":
        collection = "/api/specialists"
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


@schemathesis.auth(refresh_interval=None)
class WhoAsks:
    """Somebody who may do everything; but somebody else leaves for good, for we have more to ask."""

    def get(self, case, context):
        return os.environ["AROTI_LEAVING_TOKEN" if case.operation.path == "/api/user/account" else "AROTI_TOKEN"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    # There ids are those that an earlier answer has named: another one instead may be gone already.
    is_stateful = case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL
    for name, value in (case.path_parameters or {}).items():
        if not is_uuid(value) or (is_stateful and not ENDLESS.search(path)):
            continue
        ids = [OVER] if ENDLESS.search(path) else known(path)
        pick = zlib.crc32(value.encode())
        if ids and value not in ids and (pick % 4 or ENDLESS.search(path)):
            case.path_parameters[name] = ids[pick // 4 % len(ids)]
    if case.meta is not None and case.meta.generation.mode.is_positive:
        make_sense(case)


def make_sense(case):
    """Most of what is valid by the contract is refused by the first rule it meets: have three of four get further."""
    if zlib.crc32(repr((case.body, case.query)).encode()) % 4 == 0:
        return
    query, body = case.query or {}, case.body if isinstance(case.body, dict) else {}
    query.pop("cursor", None)  # made up, it is none of ours
    for fields in (query, body):
        if "from" in fields and "to" in fields:
            fields["from"], fields["to"] = RANGE
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    properties = case.operation.schema.raw_schema["components"]["schemas"].get(name, {}).get("properties")
    if properties:
        for unknown in body.keys() - properties.keys():
            del body[unknown]  # bodies are strict
    if "specialist_id" in body:
        slot = SLOTS[zlib.crc32(str(body["specialist_id"]).encode()) % len(SLOTS)]
        body |= {field: value for field, value in slot.items() if field in (properties or body)}
        for alternative in ("date", "time", "duration_minutes"):
            body.pop(alternative, None)


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


def json_schema(part):
    """As JSON Schema says it: OpenAPI 3.0 has `nullable`."""
    if isinstance(part, list):
        return [json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    part = {name: json_schema(value) for name, value in part.items()}
    return {"anyOf": [part, {"type": "null"}]} if part.pop("nullable", None) is True else part


@schemathesis.check
def events_are_documented(context, response, case):
    """The data of each event of a stream is what the contract says."""
    content = case.operation.definition.raw["responses"].get("200", {}).get("content", {})
    if response.status_code != 200 or "text/event-stream" not in content:
        return
    item = content["text/event-stream"]["schema"]["items"]
    schema = json_schema(item | {"components": case.operation.schema.raw_schema["components"]})
    text = response.content.decode()
    events = [dict(line.split(": ", 1) for line in event.split("\n") if ": " in line) for event in text.split("\n\n")]
    for event in events:
        if event.get("event") == "progress":
            jsonschema_rs.validate(schema, json.loads(event["data"]))
