"""A whole topic as JSON lines, once it holds the given number of records."""

import json

from kafka_io import read, tohex


def main(_, bootstrap, topic, count):
    for record in read(bootstrap, topic, int(count)):
        record["key"], record["value"] = tohex(record["key"]), tohex(record["value"])
        record["headers"] = [(name, tohex(value)) for name, value in record["headers"]]
        yield json.dumps(record)
