"""What a record key may be."""

import struct

from conftest import ask, route


def framed(schema, datum):
    return b"\0" + schema.to_bytes(4, "big") + datum


def test_binary_keys_read_as_text_name_nothing(bed):
    """Avro's frame, and Java's Long of 42, are valid UTF-8 by accident."""
    org, topic = bed.org(), bed.broker.topic()
    bed.broker.produce(topic, (framed(5, b"\x06C-1"), {"LastName": "avro"}), (struct.pack(">q", 42), {"LastName": "long"}))
    daemon = bed.daemon(org, route(topic)).start().settle(2)
    assert org.records() == {}
    letters = daemon.letters(2).values()
    assert {one["__connect.errors.exception.class.name"] for one in letters} == {"sobjectd.InvalidKey"}


def test_keys_of_connects_number_converters(bed):
    org, longs, ints = bed.org(), bed.broker.topic(), bed.broker.topic()
    bed.broker.produce(longs, (struct.pack(">q", 4_200_000_000), {"LastName": "long"}))
    bed.broker.produce(ints, (struct.pack(">i", -7), {"LastName": "int"}))
    routes = route(longs, 'key.format = "long"') + route(ints, 'key.format = "int"')
    bed.daemon(org, routes).start().settle(2)
    assert set(org.records()) == {"4200000000", "-7"}


def test_a_key_of_two_columns(bed):
    org, topic = bed.org(), bed.broker.topic()
    bed.broker.produce(topic, ({"REGION": "EU", "NUMBER": 7}, {"LastName": "x"}))
    more = 'key = { format = "json", field = ["REGION", "NUMBER"], separator = "|" }'
    bed.daemon(org, route(topic, more)).start().settle(1)
    assert set(org.records()) == {"EU|7"}


def test_a_record_id_in_lower_case_is_mended_by_its_suffix(bed):
    org, inserts, updates = bed.org(), bed.broker.topic(), bed.broker.topic()
    routes = route(inserts, operation="insert", key="") + route(updates, operation="update", key="")
    daemon = bed.daemon(org, routes).start()
    bed.broker.produce(inserts, (None, {"LastName": "x"}))
    daemon.settle(1)
    record = ask(f"{org.url}/sandbox/records/Contact")[0]["id"]
    bed.broker.produce(updates, (record.lower(), {"FirstName": "mended"}))
    daemon.settle(2)
    assert ask(f"{org.url}/sandbox/records/Contact")[0]["fields"].get("FirstName") == "mended"


def test_a_delete_by_record_id_takes_no_other_objects_record(bed):
    org, accounts, contacts = bed.org(), bed.broker.topic(), bed.broker.topic()
    routes = route(accounts, sobject="Account") + route(contacts, key="", operation="update")
    daemon = bed.daemon(org, routes).start()
    bed.broker.produce(accounts, ("A1", {"Name": "Important Ltd"}))
    daemon.settle(1)
    bed.broker.produce(contacts, (org.ids("Account")["A1"], None))
    daemon.settle(2)
    assert "A1" in org.records("Account")
    (letter,) = daemon.letters(1).values()
    assert letter["__connect.errors.exception.class.name"] == "sobjectd.InvalidKey"


def test_an_external_id_that_moved_is_not_believed_for_a_delete(bed):
    """Account numbers move between living records; a delete follows the number, not what it led to before."""
    fields = [{"name": "Other__c", "type": "string", "length": 80, "externalId": True, "unique": True}]
    org, by_key, by_other = bed.org(fields), bed.broker.topic(), bed.broker.topic()
    routes = route(by_key, sobject="X__c", key="Key__c")
    routes += route(by_other, 'operation_header = "op"', sobject="X__c", key="Other__c", operation="update")
    daemon = bed.daemon(org, routes).start()
    bed.broker.produce(by_key, ("1", {"Other__c": "e1"}), ("2", {"Other__c": "e2"}))
    daemon.settle(2)
    bed.broker.produce(by_other, ("e1", {"Name": "first"}))
    daemon.settle(3)
    bed.broker.produce(by_key, ("1", {"Other__c": "e9"}))
    daemon.settle(4)
    bed.broker.produce(by_key, ("2", {"Other__c": "e1"}))
    daemon.settle(5)
    bed.broker.produce(by_other, ("e1", {"Name": "second"}))
    daemon.settle(6)
    names = {key: one.get("Name") for key, one in org.records("X__c", "Key__c").items()}
    assert names == {"1": "first", "2": "second"}
    bed.broker.produce(by_other, ("e1", None, [("op", b"DELETE")]))
    daemon.settle(7)
    assert set(org.records("X__c", "Key__c")) == {"1"}
