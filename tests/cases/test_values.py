"""Values as databases, connectors and exports send them."""

import json

import pytest
from conftest import route

FIELDS = [
    {"name": "Text__c", "type": "textarea", "length": 32_000},
    {"name": "Multi__c", "type": "multipicklist", "length": 400},
    {"name": "Date__c", "type": "date"},
    {"name": "DateTime__c", "type": "datetime"},
    {"name": "Flag__c", "type": "boolean"},
    {"name": "Number__c", "type": "double", "precision": 18, "scale": 2},
]


def connect_json(field, kind, name, value):
    """One member in JsonConverter's envelope."""
    schema = {"field": field, "type": kind, "optional": True, **({"name": name} if name else {})}
    return {"schema": {"type": "struct", "fields": [schema]}, "payload": {field: value}}


def written(bed, *records, more="", form="json_with_schema"):
    org, topic = bed.org(FIELDS), bed.broker.topic()
    bed.broker.produce(topic, *records)
    daemon = bed.daemon(org, route(topic, f'value.format = "{form}"\n{more}', sobject="X__c", key="Key__c"))
    daemon.start().settle(len(records))
    return org.records("X__c", "Key__c"), daemon.letters()


def test_debeziums_set_goes_into_a_multi_select_picklist(bed):
    records, _ = written(bed, ("K", connect_json("Multi__c", "string", "io.debezium.data.EnumSet", "a,b")))
    assert records["K"]["Multi__c"] == "a;b"


def test_an_unchanged_toast_column_is_left_alone(bed):
    placeholder = "__debezium_unavailable_value"
    records, _ = written(
        bed,
        ("K", connect_json("Text__c", "string", None, "the long text")),
        ("K", connect_json("Text__c", "string", None, placeholder)),
        more=f'fields.absent = ["{placeholder}"]',
    )
    assert records["K"]["Text__c"] == "the long text"


@pytest.mark.parametrize(
    ("name", "field", "text", "expected"),
    [
        ("io.debezium.time.ZonedTimestamp", "DateTime__c", "2024-03-01T23:30:00.123456+02:00", "2024-03-01T21:30:00.123"),
        ("io.debezium.time.ZonedTimestamp", "Date__c", "2024-03-01T23:30:00-02:00", "2024-03-02"),
        ("io.debezium.time.IsoDate", "Date__c", "2024-03-01Z", "2024-03-01"),
    ],
)
def test_debeziums_temporal_texts(bed, name, field, text, expected):
    records, letters = written(bed, ("K", connect_json(field, "string", name, text)))
    assert letters == {}
    assert records["K"][field].startswith(expected)


def test_json_nulls_are_tombstones(bed):
    org, plain, envelope = bed.org(), bed.broker.topic(), bed.broker.topic()
    schema = {"type": "struct", "fields": [{"field": "LastName", "type": "string"}]}
    bed.broker.produce(plain, ("plain", {"LastName": "x"}), ("plain", b"null"))
    record = ("envelope", {"schema": schema, "payload": {"LastName": "x"}})
    bed.broker.produce(envelope, record, ("envelope", {"schema": None, "payload": None}))
    bed.daemon(org, route(plain) + route(envelope, 'value.format = "json_with_schema"')).start().settle(4)
    assert org.records() == {}


def test_operation_headers_with_a_schema_and_doubled_headers(bed):
    org, topic = bed.org(), bed.broker.topic()
    word = json.dumps({"schema": {"type": "string", "optional": False}, "payload": "c"}).encode()
    bed.broker.produce(topic, ("schema", {"LastName": "x"}, [("op", word)]), ("twice", {"LastName": "x"}, [("op", b"u"), ("op", b"u")]))
    # A word of another operation beside it is still a contradiction.
    bed.broker.produce(topic, ("both", {"LastName": "x"}, [("op", b"u"), ("op", b"d")]))
    daemon = bed.daemon(org, route(topic, 'operation_header = "op"')).start().settle(3)
    letters = daemon.letters()
    assert b"schema" not in letters
    assert letters[b"both"]["__connect.errors.exception.class.name"] == "sobjectd.InvalidOperation"
    # `u` is UPDATE, and no record has this key.
    assert letters[b"twice"]["__connect.errors.exception.class.name"] == "sobjectd.NotFound"


def test_a_byte_order_mark_before_the_json(bed):
    records, letters = written(bed, ("K", b'\xef\xbb\xbf{"Text__c":"x"}'), form="json")
    assert letters == {} and records["K"]["Text__c"] == "x"


def test_null_into_a_checkbox_is_false(bed):
    records, letters = written(bed, ("K", {"Flag__c": True}), ("K", {"Flag__c": None}), ("new", {"Flag__c": None}), form="json")
    assert letters == {}
    assert (records["K"]["Flag__c"], records["new"]["Flag__c"]) == (False, False)


def test_empty_texts_for_typed_fields_cost_no_call(bed):
    org, topic = bed.org(), bed.broker.topic()
    daemon = bed.daemon(org, route(topic)).start()
    before = org.calls()
    rows = [(f"K{i}", {"LastName": "x", "Birthdate": "" if i < 200 else "2000-01-01"}) for i in range(1_000)]
    bed.broker.produce(topic, *rows)
    daemon.settle(1_000)
    assert len(org.records()) == 800
    assert org.calls() - before <= 20


def test_empty_texts_can_mean_null(bed):
    records, letters = written(
        bed,
        ("K", {"Date__c": "2024-03-01", "Number__c": 1, "Text__c": "x"}),
        ("K", {"Date__c": "", "Number__c": "", "Text__c": ""}),
        more='empty = "null"',
        form="json",
    )
    assert letters == {}
    assert [records["K"].get(name) for name in ("Date__c", "Number__c", "Text__c")] == [None, None, None]


def test_a_null_choice_of_a_picklist_is_left_out(bed):
    records, letters = written(bed, ("K", {"Multi__c": ["a", None, "b"]}), more="fields.multipicklist = true", form="json")
    assert letters == {} and records["K"]["Multi__c"] == "a;b"


@pytest.mark.parametrize("listed", ['fields.exclude = ["meta"]', 'fields.include = ["LastName"]'])
def test_what_is_left_out_costs_no_record(bed, listed):
    org, topic = bed.org(), bed.broker.topic(**{"max.message.bytes": "8000000"})
    bed.broker.produce(
        topic,
        ("names", b'{"LastName":"x","meta":{"Content-Type":1,"content-type":2}}'),
        ("deep", b'{"LastName":"x","meta":' + b"[" * 40 + b"]" * 40 + b"}"),
        ("surrogate", rb'{"LastName":"x","meta":"\ud800"}'),
        ("twice", b'{"meta":1,"LastName":"x","META":2}'),
        ("large", {"LastName": "x", "meta": "m" * 5_000_000}),
    )
    daemon = bed.daemon(org, route(topic, listed)).start().settle(5)
    assert daemon.letters() == {}
    assert set(org.records()) == {"names", "deep", "surrogate", "twice", "large"}


def test_an_empty_external_id_of_a_parent_is_no_parent(bed):
    org, topic = bed.org(), bed.broker.topic()
    rename = 'fields.rename = { account_code = "Account.ExternalId__c" }'
    bed.broker.produce(topic, ("K", {"LastName": "x", "account_code": "", "AccountId": None}))
    daemon = bed.daemon(org, route(topic, rename)).start().settle(1)
    assert daemon.letters() == {} and org.records()["K"].get("AccountId") is None
