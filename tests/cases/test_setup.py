"""Configurations, keys and folders as people have them."""

import subprocess

import pytest
from conftest import BINARY, Registry, ask, route, until


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pem")
    key, certificate = folder / "sf.pem", folder / "sf.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key.read_text(), certificate.read_text()


@pytest.mark.parametrize("form", ["line ends written as text", "certificate before the key", "key before the certificate"])
def test_private_keys_as_secret_stores_hold_them(bed, pem, form):
    key, certificate = pem
    texts = {
        "line ends written as text": key.strip().replace("\n", "\\n"),
        "certificate before the key": certificate + key,
        "key before the certificate": key + certificate,
    }
    auth = '{ flow = "jwt_bearer", client_id = "sandbox-client", username = "sync@example.com", private_key = { env = "SF_KEY" } }'
    daemon = bed.daemon(bed.org(), route(bed.broker.topic()), auth=auth, environment={"SF_KEY": texts[form]})
    code, said = daemon.check()
    assert code == 0, said


def test_one_event_is_one_line_of_the_log(bed):
    org, topic = bed.org(), bed.broker.topic()
    message = "not allowed: x\n2026-01-01T00:00:00.000000Z ERROR sobjectd::cli: ended\n\ncaused by: y"
    org.fault("upsert", kind="row_error", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message=message)
    daemon = bed.daemon(org, route(topic), log="text").start()
    bed.broker.produce(topic, ("K", {"LastName": "x"}))
    daemon.settle(1)
    lines = daemon.said().splitlines()
    assert any("not allowed" in line for line in lines)
    assert [line for line in lines if not line[:4].isdigit() or line.startswith("2026-01-01T00:00:00.000000Z")] == []


def test_dev_runs_in_an_empty_folder(bed, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    process = bed.start([BINARY, "dev", "--sample", "200"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.wait(120) == 0, process.stderr.read()[-2_000:]


def test_a_topic_that_is_made_after_the_start_is_waited_for(bed):
    org, name = bed.org(), "t.made.later"
    daemon = bed.daemon(org, route(name)).start(ready=False)
    until("the wait", lambda: daemon.events("topics_missing", name))
    bed.broker.topic(name)
    bed.broker.produce(name, ("K", {"LastName": "x"}))
    daemon.settle(1, 90)
    assert set(org.records()) == {"K"}


SCHEMA = ("AVRO", '{"type":"record","name":"V","fields":[{"name":"LastName","type":"string"}]}')


def avro(schema, text):
    return b"\0" + schema.to_bytes(4, "big") + bytes([len(text) * 2]) + text.encode()


def test_a_registry_that_lags_costs_no_record(bed):
    """The first three questions for the schema are answered 404, 40403."""
    lags = 404, {"error_code": 40403, "message": "Schema 7 not found"}, {}
    registry = Registry({7: SCHEMA}, lambda path, times: lags if times <= 3 else None)
    org, topic = bed.org(), bed.broker.topic()
    more = f'schema_registry.url = "{registry.url}"'
    daemon = bed.daemon(org, route(topic, 'value.format = "avro"'), more=more).start()
    bed.broker.produce(topic, *[(f"K{i}", avro(7, "x")) for i in range(8)])
    daemon.settle(8, 60)
    registry.stop()
    assert len(org.records()) == 8 and daemon.letters() == {}


def test_a_registry_that_redirects_on_its_own_host_is_followed(bed):
    there = {}
    registry = Registry({7: SCHEMA}, lambda path, times: None if path.startswith("/b/") else (307, {}, {"location": there["url"] + "/b" + path}))
    there["url"] = registry.url
    org, topic = bed.org(), bed.broker.topic()
    more = f'schema_registry.url = "{registry.url}"'
    daemon = bed.daemon(org, route(topic, 'value.format = "avro"'), more=more).start()
    bed.broker.produce(topic, ("K", avro(7, "x")))
    daemon.settle(1)
    registry.stop()
    assert set(org.records()) == {"K"}


def test_a_user_who_may_not_write_is_told_by_check(bed):
    org = bed.org()
    code, said = bed.daemon(org, route(bed.broker.topic(), sobject="Nothing__c")).check()
    assert code == 78 and "Nothing__c" in said, said
    assert ask(f"{org.url}/sandbox/calls").get("upsert", 0) == 0
