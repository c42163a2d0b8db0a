"""produce.py BOOTSTRAP [COMPRESSION] < JSON lines: writes each of them with confluent-kafka, and returns when all are
acknowledged."""

import json
import sys

from kafka_io import produce, unhex


def records():
    for line in sys.stdin:
        record = json.loads(line)
        record["key"], record["value"] = unhex(record["key"]), unhex(record["value"])
        record["headers"] = [(name, unhex(value)) for name, value in record["headers"]]
        yield record


produce(sys.argv[1], records(), *sys.argv[2:])
