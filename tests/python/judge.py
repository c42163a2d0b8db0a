"""judge.py BOOTSTRAP ORG_URL PLAN.json: reads the topics, the dead letters and the org, and prints the judgement.

The answer is one JSON object: problems (texts; none when all is well) and counts. See model.py for the rules.
"""

import json
import sys
import urllib.request
from collections import Counter, defaultdict
from decimal import Decimal

from identity import fold, long_id
from kafka_io import read
from model import Change, Event, final_fields, judge


class Number(str):
    """A number as it was written."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def members(row, key_field):
    """A row less what names it."""
    dropped = {"attributes", "id", (key_field or "id").lower()}
    return {name: value for name, value in row.items() if name.lower() not in dropped}


WORDS = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete", "UPSERT": "upsert"}


def change_of(record, route):
    """What a record asks for, by the table of operations in the README."""
    at = (record["topic"], record["partition"], record["offset"])
    words = [value for name, value in record["headers"] if name == "operation"]
    word = words[0].decode().strip().strip('"').upper() if words else None
    value = record["value"]
    if word is None:
        kind = "delete" if value is None else route["operation"]
    else:
        kind = WORDS.get(word, "reject")
        if value is None and kind != "delete":
            kind = "reject"
    native = route["kind"] == "id"
    if kind == "insert":
        kind = "create" if native else "upsert"
    elif kind == "upsert" and native:
        kind = "reject"
    fields = members(parse(value), route["key_field"]) if value is not None and kind not in ("delete", "reject") else None
    return Change(at, kind, fields)


def identity_of(record, route, change):
    if change.kind == "create" or (change.kind == "reject" and record["key"] is None):
        return None
    return (route["sobject"], route["key_field"] or "Id", fold(route["kind"], record["key"].decode()))


def get(url):
    with urllib.request.urlopen(url) as answer:
        return parse(answer.read())


def journal(org, plan):
    """The events of each identity, and the id of the record that each identity has now."""
    kinds = {(route["sobject"], route["key_field"]): route["kind"] for route in plan["routes"]}
    events, ids, problems = defaultdict(list), {}, []
    for entry in get(f"{org}/sandbox/journal?since={plan['since']}"):
        named = [(field, value) for field, value in entry["keys"].items() if (entry["sobject"], field) in kinds]
        native = (entry["sobject"], None) in kinds
        if entry["op"] == "create" and entry["asked"] is None:
            identity, field = None, None
        elif native:
            identity, field = (entry["sobject"], "Id", long_id(entry["id"])), None
        elif len(named) == 1:
            field, value = named[0]
            identity = (entry["sobject"], field, fold(kinds[entry["sobject"], field], value))
        else:
            problems.append(f"a change of a record with the keys {entry['keys']}")
            continue
        sent = entry["fields"]
        event = Event(entry["op"], None if sent is None else members(sent, field), entry["id"])
        events[identity].append(event)
        if identity is not None:
            ids[identity] = entry["id"]
    return events, ids, problems


def stored(value):
    """A value as the org keeps it, to compare with: text without the space around it, numbers by what they are."""
    if isinstance(value, Number):
        return Decimal(value)
    return value.strip() if isinstance(value, str) else value


def held(fields):
    """What a record holds, less the fields that name or number it; None for no record."""
    if fields is None:
        return None
    ours = {name: value for name, value in fields.items() if not name.startswith(("External", "Serial"))}
    return {name: stored(value) for name, value in ours.items() if value is not None}


def final_problems(org, plan, events, ids):
    """Each record holds what its events left there, and no other record exists."""
    problems = []
    expected = {}
    before = {entry["id"]: entry["fields"] for entry in plan["before"]}
    for identity, seen in events.items():
        if identity is None:
            expected |= {event.id: event.fields for event in seen}
        else:
            left = final_fields(seen, before.get(ids[identity]))
            expected[ids[identity]] = left
    expected = {**before, **expected}
    for sobject in {route["sobject"] for route in plan["routes"]}:
        for record in get(f"{org}/sandbox/records/{sobject}"):
            fields, wanted = held(record["fields"]), held(expected.pop(record["id"], None))
            if fields != wanted:
                problems.append(f"{sobject} {record['id']} holds {fields}, not {wanted}")
    return problems + [f"{id} is gone, and should hold {fields}" for id, fields in expected.items() if fields is not None]


def main(bootstrap, org, plan_path):
    with open(plan_path) as file:
        plan = parse(file.read())
    plan["since"], interruptions = int(plan["since"]), int(plan["interruptions"])
    histories = defaultdict(lambda: defaultdict(list))
    total = 0
    for route in plan["routes"]:
        for record in read(bootstrap, route["topic"]):
            change = change_of(record, route)
            histories[identity_of(record, route, change)][change.at[:2]].append(change)
            total += 1
    letters = Counter()
    for letter in read(bootstrap, plan["dead_letter"]):
        headers = dict(letter["headers"])
        topic, partition, offset = (headers[f"__connect.errors.{name}"].decode() for name in ("topic", "partition", "offset"))
        letters[(topic, int(partition), int(offset))] += 1
    events, ids, problems = journal(org, plan)
    existing = {("Contact", "Id", long_id(entry["id"])) for entry in plan["before"]}
    judged, counts = judge(histories, events, letters, interruptions, existing)
    problems += judged + final_problems(org, plan, events, ids)
    counts |= {"records": total, "identities": len(histories), "problems": len(problems)}
    print(json.dumps({"problems": problems[:20], "counts": counts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
