"""What the cases share: a real broker, the sandbox org, the daemon as people run it, and foreign clients.

`SOBJECTD` names the binary. Everything listens on loopback and ends with the case that started it.
"""

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))

from control import ask  # noqa: E402
from kafka_io import read  # noqa: E402

BINARY = os.environ.get("SOBJECTD", str(ROOT / "target/release/sobjectd"))


def until(what, condition, seconds=40):
    """The first true value of `condition`, which is asked until a deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.1)
    pytest.fail(f"{what} did not come within {seconds} s")


class Broker:
    """A real Kafka. Topics have one partition and a name of their own."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})

    def topic(self, name=None, **config):
        name = name or f"t.{uuid.uuid4().hex[:8]}"
        self.admin.create_topics([NewTopic(name, 1, 1, config=config)])[name].result()
        until("the topic", lambda: name in self.admin.list_topics(timeout=10).topics)
        return name

    def produce(self, topic, *records, **config):
        """Each record is (key, value) or (key, value, headers); what is not bytes, text or None becomes JSON."""

        def raw(value):
            if value is None or isinstance(value, bytes):
                return value
            return value.encode() if isinstance(value, str) else json.dumps(value).encode()

        producer = Producer({"bootstrap.servers": self.bootstrap, "message.max.bytes": 20_000_000, **config})
        if "transactional.id" in config:
            producer.init_transactions(20)
            producer.begin_transaction()
        for key, value, *headers in records:
            producer.produce(topic, key=raw(key), value=raw(value), headers=headers[0] if headers else None)
        assert producer.flush(20) == 0
        return producer

    def delete_before(self, topic, offset):
        """Deletes all records before an offset, as retention does."""
        partition = TopicPartition(topic, 0, offset)
        self.admin.delete_records([partition])[partition].result()

    def letters(self, topic, at_least=0):
        """The dead letters: key → headers as text."""
        found = {}
        for letter in read(self.bootstrap, topic, at_least):
            headers = [(name, value.decode("utf8", "replace") if value else value) for name, value in letter["headers"]]
            found[letter["key"]] = {"value": letter["value"], "all": headers, **dict(headers)}
        return found


class Org:
    """The sandbox; its built-in objects, or one `X__c` with the given fields and the external id `Key__c`."""

    def __init__(self, bed, fields=None, sobjects=None):
        command = [BINARY, "sandbox", "--port", "0"]
        if fields:
            base = [
                {"name": "Id", "type": "id"},
                {"name": "Name", "type": "string", "length": 80},
                {"name": "Key__c", "type": "string", "length": 80, "externalId": True, "unique": True},
            ]
            sobjects = [{"name": "X__c", "keyPrefix": "a0x", "fields": base + fields}]
        if sobjects:
            file = bed.folder / f"schema-{uuid.uuid4().hex[:6]}.json"
            file.write_text(json.dumps(sobjects))
            command += ["--schema", str(file)]
        self.process = bed.start(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def records(self, sobject="Contact", key="ExternalId__c"):
        return {one["fields"].get(key): one["fields"] for one in ask(f"{self.url}/sandbox/records/{sobject}")}

    def ids(self, sobject="Contact", key="ExternalId__c"):
        return {one["fields"].get(key): one["id"] for one in ask(f"{self.url}/sandbox/records/{sobject}")}

    def calls(self, kind="upsert"):
        return ask(f"{self.url}/sandbox/calls").get(kind, 0)

    def settings(self, **settings):
        ask(f"{self.url}/sandbox/settings", settings)

    def fault(self, on, times=1, sobject=None, **action):
        fault = {"on": on, "times": times, "do": action, **({"sobject": sobject} if sobject else {})}
        ask(f"{self.url}/sandbox/faults", fault)

    def heal(self):
        ask(f"{self.url}/sandbox/faults", method="DELETE")


class Daemon:
    """The binary with a configuration of its own. `more` is TOML at the top, `routes` the routes."""

    def __init__(self, bed, org, routes, name=None, more="", auth=None, environment=None, dead_letter="", log="json"):
        self.bed, self.name = bed, name or f"d{uuid.uuid4().hex[:8]}"
        self.dead_letters, self.log = f"{self.name}.dlq", bed.folder / f"{self.name}.log"
        self.config = bed.folder / f"{self.name}.toml"
        auth = auth or '{ flow = "client_credentials", client_id = "sandbox-client", client_secret = "sandbox-secret" }'
        self.config.write_text(f"""name = "{self.name}"
kafka.bootstrap_servers = "{bed.broker.bootstrap}"
kafka.group_id = "{self.name}"
salesforce.login_url = "{org.url}"
salesforce.auth = {auth}
admin.listen = "127.0.0.1:0"
dead_letter.topic = "{self.dead_letters}"
{dead_letter}
retry.initial_backoff = "200ms"
retry.max_backoff = "1s"
log.format = "{log}"
{more}
{routes}
""")
        self.environment, self.process, self.admin = {**os.environ, **(environment or {})}, None, None

    def check(self):
        """Exit code and all that is said by `check --online`."""
        command = [BINARY, "check", "--config", str(self.config), "--online"]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=90, check=False)
        return done.returncode, done.stdout + done.stderr

    def start(self, ready=True):
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            command = [BINARY, "run", "--config", str(self.config)]
            self.process = self.bed.start(command, stdout=subprocess.DEVNULL, stderr=log, env=self.environment)

        def address():
            assert self.process.poll() is None, self.said()[-2_000:]
            found = re.findall(r"address[=\": ]+\"?(127\.0\.0\.1:\d+)", self.said()[begin:])
            return found[0] if found else None

        self.admin = until("the admin listener", address)
        if ready:
            until("ready", lambda: urllib.request.urlopen(f"http://{self.admin}/ready", timeout=5).status == 200)
        return self

    def said(self):
        return self.log.read_text(errors="replace")

    def events(self, event, mentions="", **fields):
        """The lines of its log, which is JSON, with this event, these fields, and this text anywhere."""
        whole = self.said().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{") and mentions in line]
        return [line for line in lines if {"event": event, **fields}.items() <= line.items()]

    def status(self):
        return ask(f"http://{self.admin}/status")

    def metric(self, name, label=""):
        """The sum over all series of a name that have the label."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=5) as page:
            found = re.findall(rf"^{name}((?:{{.*}})?) (\S+)$", page.read().decode(), re.M)
        return sum(float(value) for labels, value in found if label in labels)

    def settle(self, count, seconds=40):
        """Waits until this process has brought `count` records to an outcome. It must not end meanwhile."""

        def settled():
            assert self.process.poll() is None, f"it ended with {self.process.poll()}: {self.said()[-2_000:]}"
            name = "sobjectd_records_settled_total"
            return self.metric(name) - self.metric(name, 'outcome="dropped"') >= count

        until(f"an outcome of {count} records", settled, seconds)
        return self

    def letters(self, at_least=0):
        return self.bed.broker.letters(self.dead_letters, at_least)

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)


class Registry:
    """A schema registry that answers as it is told: `answer(path, times)` gives status, body and headers, or None."""

    def __init__(self, schemas, answer=lambda path, times: None):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                asked.append(self.path)
                path = urllib.parse.urlparse(self.path).path
                found = re.search(r"/schemas/ids/(\d+)$", path)
                status, body, extra = 200, ["AVRO", "JSON", "PROTOBUF"], {}
                if found:
                    kind, text = schemas[int(found[1])]
                    body = {"schema": text, **({} if kind == "AVRO" else {"schemaType": kind})}
                    times = sum(1 for one in asked if one == self.path)
                    status, body, extra = answer(path, times) or (status, body, extra)
                raw = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": len(raw), **extra}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(raw)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()


class Bed:
    """What one case has: it starts things, and ends them."""

    def __init__(self, broker, folder):
        self.broker, self.folder, self.started = broker, folder, []

    def start(self, command, **options):
        process = subprocess.Popen(command, **options)
        self.started.append(process)
        return process

    def org(self, *args, **options):
        return Org(self, *args, **options)

    def daemon(self, *args, **options):
        return Daemon(self, *args, **options)

    def end(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def route(topic, more="", sobject="Contact", key="ExternalId__c", operation="upsert"):
    """One route of a configuration, as TOML."""
    field = f'external_id_field = "{key}"' if key else ""
    return f'[[routes]]\ntopic = "{topic}"\nsobject = "{sobject}"\noperation = "{operation}"\n{field}\ntombstone = "delete"\n{more}\n'


@pytest.fixture(scope="session")
def broker():
    with tempfile.TemporaryDirectory() as folder:
        command = [ROOT / "script/kafka", "attend", pathlib.Path(folder) / "broker"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Broker(process.stdout.readline().strip())
            process.stdin.close()


@pytest.fixture
def bed(broker, tmp_path):
    bed = Bed(broker, tmp_path)
    yield bed
    bed.end()
