"""Dead letters that are large, compressed, or written a second time."""

import os

from conftest import route


def test_a_large_record_that_was_compressed_costs_one_dead_letter(bed):
    """2.4 MB that gzip makes 10 KB: the input topic took it with its default limit, and so does the dead-letter topic."""
    org, topic = bed.org(), bed.broker.topic()
    big = {"LastName": "x", "Nope__c": 1, "Description": "lorem ipsum " * 200_000}
    bed.broker.produce(topic, ("big", big), **{"compression.type": "gzip"})
    bed.broker.produce(topic, ("after", {"LastName": "y"}))
    daemon = bed.daemon(org, route(topic)).start().settle(2)
    assert list(org.records()) == ["after"]
    letter = daemon.letters(1)[b"big"]
    assert letter["value"] is not None and len(letter["value"]) > 2_400_000


def test_a_letter_without_room_for_its_headers_goes_as_a_reference(bed):
    """The dead-letter topic was made by hand with the limit of the input topic."""
    org, limit = bed.org(), "100000"
    topic = bed.broker.topic(**{"max.message.bytes": limit})
    daemon = bed.daemon(org, route(topic))
    bed.broker.topic(daemon.dead_letters, **{"max.message.bytes": limit})
    code, said = daemon.check()
    assert code == 0 and "room" in said and daemon.dead_letters in said, said
    noise = os.urandom(49_700).hex()  # nothing that compression makes smaller than its half
    bed.broker.produce(topic, ("near", {"LastName": "x", "Nope__c": noise}), ("after", {"LastName": "y"}))
    daemon.start().settle(2)
    assert list(org.records()) == ["after"]
    assert set(daemon.letters(1)) == {b"near"}


def test_a_letter_that_is_replayed_and_refused_again_keeps_its_first_origin(bed):
    org, topic = bed.org(), bed.broker.topic()
    first = bed.daemon(org, route(topic)).start()
    bed.broker.produce(topic, ("K", {"LastName": "x", "Nope__c": 1}))
    first.settle(1)
    letter = first.letters(1)[b"K"]
    bed.broker.produce(topic, ("K", letter["value"], [(name, value) for name, value in letter["all"]]))
    first.settle(2)
    again = first.letters(2)[b"K"]
    names = [name for name, _ in again["all"]]
    assert len(names) == len(set(names)), names
    assert again["__connect.errors.offset"] == letter["__connect.errors.offset"]


def test_a_dead_letter_names_every_field_that_is_wrong(bed):
    """A Lead as a source connector sends it, with all its read-only fields."""
    org, topic = bed.org(), bed.broker.topic()
    read_only = {"Name": "x", "IsDeleted": False, "CreatedDate": 1709288430000, "SystemModstamp": 1709288430000}
    bed.broker.produce(topic, ("K", {"LastName": "x", "Company": "c", **read_only}))
    daemon = bed.daemon(org, route(topic, sobject="Lead")).start().settle(1)
    message = daemon.letters(1)[b"K"]["sobjectd.message"]
    assert all(name in message for name in read_only), message


def test_what_is_left_out_cannot_be_what_is_wrong(bed):
    org = bed.org()
    topic = bed.broker.topic(**{"max.message.bytes": "8000000"})
    bed.broker.produce(
        topic,
        ("names", b'{"LastName":"x","meta":{"Content-Type":1,"content-type":2}}'),
        ("deep", b'{"LastName":"x","meta":' + b"[" * 40 + b"]" * 40 + b"}"),
        ("surrogate", rb'{"LastName":"x","meta":"\ud800"}'),
        ("big", {"LastName": "x", "meta": "m" * 5_000_000}),
    )
    daemon = bed.daemon(org, route(topic, 'fields.exclude = ["meta"]')).start().settle(4)
    assert set(org.records()) == {"names", "deep", "surrogate", "big"}, daemon.letters()
