"""Writes a record for each JSON line, and returns when all of them are acknowledged."""

import json

from kafka_io import produce, unhex


def records(lines):
    for line in lines:
        record = json.loads(line)
        record["key"], record["value"] = unhex(record["key"]), unhex(record["value"])
        record["headers"] = [(name, unhex(value)) for name, value in record["headers"]]
        yield record


def main(lines, bootstrap, compression="none"):
    produce(bootstrap, records(lines), compression)
    return []
