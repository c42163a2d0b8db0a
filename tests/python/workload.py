"""workload.py BOOTSTRAP PLAN.json: writes the big load, seeded, so that a failure can be repeated.

The plan names the topics, the number of partitions, the seed, how many records, and the ids of contacts that exist.
Every record carries a stamp that no other has, so that the org's journal tells which record a change came from.
"""

import json
import random
import sys
import zlib

from identity import fold
from kafka_io import produce

AWKWARD = [
    "K", "k", "\u212a", "a ", "a", "A-1", "a-1", "O'Hara", 'say "x"', "back\\slash", "50%", "under_score", "a/b?c=d&e#f",
    "a+b c", "%2F", "user@example.inc", "x' OR Name != '", "\u00e9t\u00e9", "e\u0301te\u0301", "\U0001f600", "1", "1.0",
    "..", "null", "a,b",
]
LONG = ["zz\u00e9", "\U0001f468\u200d\U0001f469", "tab\there", "a\\b", "x" * 40]
NUMBERS = ["1", "1.0", "01", "1.00", "10e-1", "0", "-0.0", "0.25", ".25", "-7", "-7.0", "999999999999.99"]


def text(value):
    return json.dumps(value, ensure_ascii=value is not None and len(value) % 2 == 0)  # both ways of writing emoji


def my_object(rng, stamp):
    """A value as JSON text, numbers with their zeros."""
    members = [f'"Text__c": {text(stamp)}']
    if rng.random() < 0.6:
        members.append(f'"Number__c": {rng.randrange(10**6)}.{rng.randrange(100):02}')
    if rng.random() < 0.4:
        members.append(f'"Email__c": {rng.choice(["null", text(f"m{rng.randrange(99)}@example.com")])}')
    if rng.random() < 0.4:
        members.append(f'"LongText__c": {text(rng.choice(LONG))}')
    if rng.random() < 0.3:
        members.append(f'"Checkbox__c": {rng.choice(["true", "false"])}')
    rng.shuffle(members)
    return "{" + ", ".join(members) + "}"


def contact(rng, stamp):
    members = [f'"LastName": {text(stamp)}']
    if rng.random() < 0.5:
        members.append(f'"Title": {rng.choice(["null", text("Dr."), text("Q" * rng.randrange(1, 100))])}')
    return "{" + ", ".join(members) + "}"


def spellings(kind, count):
    """Keys of one kind of field: the awkward ones, and plain ones up to `count` identities."""
    keys = {"folded": AWKWARD, "exact": AWKWARD, "number": NUMBERS}.get(kind, [])
    plain = range(count - len({fold(kind, key) for key in keys}))
    return list(keys) + [f"{1000 + n}.5" if kind == "number" else f"key-{n}" for n in plain]


def operation(rng):
    """Header word (or None for no header), and whether the value is null."""
    return rng.choices(
        [("UPSERT", False), ("insert", False), ("UPDATE", False), ('"DELETE"', True), ("delete", False),
         (None, False), (None, True), ("MERGE", False), ("UPDATE", True)],
        [40, 15, 22, 4, 4, 8, 5, 1, 1],
    )[0]


def records(plan):
    rng = random.Random(plan["seed"])
    partitions = plan["partitions"]
    sources = []
    for route in plan["routes"]:
        keys = plan["contacts"] if route["kind"] == "id" else spellings(route["kind"], route["keys"])
        sources += [(route, key) for key in keys]
    for n in range(plan["records"]):
        route, key = rng.choice(sources)
        word, null = operation(rng)
        stamp = f"{plan['seed']}:{n}"
        if route["kind"] == "id":
            if word == "insert" or (word is None and not null and rng.random() < 0.3):
                word, key = "insert", rng.choice([None, "ignored"])
            elif word == "UPSERT" or (null and rng.random() < 0.7):  # what is deleted here cannot come back
                word, null = "update", False
        # One identity lies in one partition, however it is spelt, but for a few that lie in several.
        identity = fold(route["kind"], key) if word != "insert" or route["kind"] != "id" else stamp
        spread = route["kind"] != "id" and zlib.crc32(b"s" + identity.encode()) % 40 == 0
        partition = rng.randrange(partitions) if spread else zlib.crc32(identity.encode()) % partitions
        if key is not None and route["kind"] == "id" and rng.random() < 0.5:
            key = key[:15]
        write = contact if route["sobject"] == "Contact" else my_object
        yield {
            "topic": route["topic"],
            "partition": partition,
            "key": None if key is None else key.encode(),
            "value": None if null else write(rng, stamp).encode(),
            "headers": [] if word is None else [("operation", word.encode())],
        }


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        produce(sys.argv[1], records(json.load(file)))
