"""consume.py BOOTSTRAP TOPIC COUNT: a topic as JSON lines, once it holds COUNT records."""

import json
import sys

from kafka_io import read, tohex

for record in read(sys.argv[1], sys.argv[2], int(sys.argv[3])):
    record["key"], record["value"] = tohex(record["key"]), tohex(record["value"])
    record["headers"] = [(name, tohex(value)) for name, value in record["headers"]]
    print(json.dumps(record))
