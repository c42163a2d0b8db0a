"""bounds.py [NAME…]: runs a release build of the daemon against much work, and prints what it held in memory.

One line for each: the most resident memory, the bound that the daemon has logged, rows and seconds, API calls.
"""

import contextlib
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from confluent_kafka.admin import AdminClient, NewTopic
from control import ask
from kafka_io import produce

ROOT = pathlib.Path(__file__).resolve().parents[2]
DAEMON = ROOT / "target/release/sobjectd"
CREDENTIALS = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}

# Records, bytes of each value, partitions, seconds of an outage in which they are produced, further configuration.
RUNS = {
    "backlog": (1_000_000, 200, 6, 0, ""),
    "large": (200, 5_000_000, 6, 0, "pipeline.max_row_bytes = '8MiB'"),
    "letters": (200, 5_000_000, 6, 0, ""),
    "partitions": (1_000_000, 200, 64, 0, ""),
    "outage": (1_000_000, 500, 6, 600, ""),
}


class Process:
    """A child that ends with the block."""

    def __init__(self, *command, **options):
        self.child = subprocess.Popen([str(word) for word in command], text=True, **options)

    def __enter__(self):
        return self.child

    def __exit__(self, *_):
        if self.child.stdin:
            self.child.stdin.close()
        else:
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()


def wide_schema(file):
    """The built-in schema, its texts of any length."""
    objects = []
    for name in ("account", "contact", "my_object"):
        text = (ROOT / f"sandbox/src/schema/built_in/{name}.json").read_text()
        schema = json.loads(text)
        objects += schema.get("sobjects", [schema])
    for field in (field for one in objects for field in one["fields"]):
        if field["name"] == "LongText__c":
            field["length"] = 0
    file.write_text(json.dumps(objects))


def records(topic, count, size, partitions, seconds=0):
    """Yields the records, spread over `seconds`."""
    padding, start = "x" * max(size - 60, 0), time.monotonic()
    for n in range(count):
        if n % 1_000 == 0:
            time.sleep(max(0, start + seconds * n / count - time.monotonic()))
        value = f'{{"Text__c":"{n}","LongText__c":"{padding}"}}'
        yield {"topic": topic, "key": f"key{n}".encode(), "value": value.encode(), "partition": n % partitions}


class Daemon:
    def __init__(self, process, log):
        self.process, self.log = process, log
        self.admin = self.wait(r'"event":"admin_listening".*?"address":"(127[^"]+)"')[0]
        self.wait('"event":"state_changed".*?"state":"running"')

    def wait(self, pattern):
        while not (found := re.findall(pattern, self.log.read_text())):
            if self.process.poll() is not None:
                raise SystemExit(f"the daemon has ended\n{self.log.read_text()[-2_000:]}")
            time.sleep(0.1)
        return found

    def settled(self):
        """How many records have their outcome."""
        if self.process.poll() is not None:
            raise SystemExit(f"the daemon has ended\n{self.log.read_text()[-2_000:]}")
        with urllib.request.urlopen(f"http://{self.admin}/metrics") as page:
            text = page.read().decode()
        return sum(int(n) for n in re.findall(r"^sobjectd_records_settled_total\{[^}]*\} (\d+)", text, re.M))

    def most(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def bound(self):
        return max(int(size) for size in self.wait(r'"event":"memory_bound".*?"bytes":(\d+)')) / 1024 / 1024


CONFIG = """\
name = 'bounds'
kafka.bootstrap_servers = '{bootstrap}'
kafka.group_id = '{topic}'
salesforce.login_url = '{org}'
salesforce.auth = {{ flow = 'client_credentials', client_id = '{client_id}', client_secret = '{client_secret}' }}
dead_letter.topic = '{topic}.dlq'
log.format = 'json'
admin.listen = '127.0.0.1:0'
{more}
[[routes]]
topic = '{topic}'
sobject = 'MyObject__c'
operation = 'upsert'
external_id_field = 'ExternalId__c'
"""


def run(name, bootstrap, folder):
    count, size, partitions, outage, more = RUNS[name]
    topic, log, schema = f"bounds.{name}", folder / f"{name}.log", folder / "schema.json"
    new = NewTopic(topic, partitions, 1, config={"max.message.bytes": str(max(1_048_588, size + 100_000))})
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([new])[topic].result()
    wide_schema(schema)
    with contextlib.ExitStack() as stack:
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        sandbox = stack.enter_context(Process(DAEMON, "sandbox", "--port", 0, "--schema", schema, **quiet))
        org = sandbox.stdout.readline().split()[-1]
        ask(f"{org}/sandbox/settings", {"latency_ms": 100, "quota_max": 100_000_000})
        config = folder / f"{name}.toml"
        config.write_text(CONFIG.format(bootstrap=bootstrap, org=org, topic=topic, more=more, **CREDENTIALS))
        if not outage:
            produce(bootstrap, records(topic, count, size, partitions))
        process = stack.enter_context(Process(DAEMON, "run", "--config", config, stderr=log.open("w")))
        daemon = Daemon(process, log)
        if outage:
            fault = {"on": "any", "do": {"kind": "status", "status": 503, "body": "busy"}, "times": None}
            ask(f"{org}/sandbox/faults", fault)
            produce(bootstrap, records(topic, count, size, partitions, outage))
            print(f"{name}: {daemon.most():.1f} MiB at the end of {outage} s", flush=True)
            ask(f"{org}/sandbox/faults", method="DELETE")
        start = time.monotonic()
        while daemon.settled() < count:
            time.sleep(0.5)
        took = time.monotonic() - start
        calls = ask(f"{org}/sandbox/calls")["upsert"]
        print(
            f"{name}: {daemon.most():.1f} MiB, bound {daemon.bound():.0f} MiB; {count} records of {size} B in {partitions} "
            f"partitions, {took:.0f} s, {count / took:.0f} rows/s, {calls * 1_000 / count:.1f} calls for 1,000",
            flush=True,
        )


def main(names):
    attend = [ROOT / "script/kafka", "attend", ROOT / "target/kafka/bounds"]
    with tempfile.TemporaryDirectory() as folder, Process(
        *attend, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as broker:
        bootstrap = broker.stdout.readline().strip()
        for name in names or RUNS:
            run(name, bootstrap, pathlib.Path(folder))


main(sys.argv[1:])
