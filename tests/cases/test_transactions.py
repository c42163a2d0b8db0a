"""Topics that transactional producers write."""

import uuid

from conftest import route, until


def transaction(broker, topic, *records):
    return broker.produce(topic, *records, **{"transactional.id": uuid.uuid4().hex})


def test_a_topic_that_retention_emptied_behind_a_marker_is_resumed(bed):
    """Offset 0 is a record, offset 1 the marker, and retention empties the log up to its end at 2."""
    org, topic = bed.org(), bed.broker.topic()
    transaction(bed.broker, topic, ("K1", {"LastName": "one"})).commit_transaction(10)
    first = bed.daemon(org, route(topic), name=f"tx{uuid.uuid4().hex[:6]}").start().settle(1)
    until("the lag to end", lambda: first.metric("sobjectd_consumer_lag") == 0)
    assert first.stop() == 0
    bed.broker.delete_before(topic, 2)
    again = bed.daemon(org, route(topic), name=first.name)
    assert again.check()[0] == 0
    again.start()
    bed.broker.produce(topic, ("K2", {"LastName": "two"}))
    again.settle(1)
    assert set(org.records()) == {"K1", "K2"}


def test_aborted_records_at_the_end_leave_no_lag(bed):
    org, topic = bed.org(), bed.broker.topic()
    transaction(bed.broker, topic, *[(f"K{i}", {"LastName": "x"}) for i in range(5)]).commit_transaction(10)
    transaction(bed.broker, topic, *[(f"A{i}", {"LastName": "x"}) for i in range(10)]).abort_transaction(10)
    daemon = bed.daemon(org, route(topic)).start().settle(5)
    until("no lag", lambda: daemon.metric("sobjectd_consumer_lag") == 0)
    assert len(org.records()) == 5


def test_aborted_records_that_retention_deletes_are_no_loss(bed):
    """`on_lost_offsets = "earliest"` counts what was lost: nothing."""
    org, topic = bed.org(), bed.broker.topic()
    transaction(bed.broker, topic, ("K", {"LastName": "x"})).commit_transaction(10)
    transaction(bed.broker, topic, *[(f"A{i}", {"LastName": "x"}) for i in range(10)]).abort_transaction(10)
    more = 'kafka.on_lost_offsets = "earliest"'
    first = bed.daemon(org, route(topic), name=f"tx{uuid.uuid4().hex[:6]}", more=more).start().settle(1)
    until("no lag", lambda: first.metric("sobjectd_consumer_lag") == 0)
    assert first.stop() == 0
    bed.broker.delete_before(topic, -1)
    again = bed.daemon(org, route(topic), name=first.name, more=more).start()
    bed.broker.produce(topic, ("L", {"LastName": "y"}))
    again.settle(1)
    assert again.metric("sobjectd_lost_offsets_total") == 0
    assert set(org.records()) == {"K", "L"}


def test_an_open_transaction_shows_in_the_lag_and_in_the_status(bed):
    """A producer died in a transaction; six records of others lie after its first and cannot be read."""
    org, topic = bed.org(), bed.broker.topic()
    bed.broker.produce(topic, ("K0", {"LastName": "before"}))
    hung = transaction(bed.broker, topic, ("K1", {"LastName": "open"}))
    bed.broker.produce(topic, *[(f"K{i}", {"LastName": "behind"}) for i in range(2, 8)])
    daemon = bed.daemon(org, route(topic)).start().settle(1)
    until("the lag of seven", lambda: daemon.metric("sobjectd_consumer_lag") == 7)
    until("the status to name it", lambda: topic in str(daemon.status()) and "transaction" in str(daemon.status()), 120)
    hung.abort_transaction(10)
    daemon.settle(7)
    assert "K1" not in org.records()
