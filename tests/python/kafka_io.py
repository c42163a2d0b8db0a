"""Kafka through confluent-kafka: writing records and reading whole topics. Bytes travel as hex in JSON lines."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def tohex(data):
    return None if data is None else data.hex()


def produce(bootstrap, records, compression="none"):
    """Each record is a dict: topic, key, value (bytes or None), and perhaps partition, headers, timestamp."""
    failed = []
    # Not idempotent, which costs half a second: librdkafka asks for a producer id only after that time if it has found no
    # broker connected. One request at a time keeps the order; only an answer that is lost would repeat a batch.
    producer = Producer({
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "max.in.flight.requests.per.connection": 1,
        "linger.ms": 5,
        "message.max.bytes": 20_000_000,
        "compression.type": compression,
    })
    for record in records:
        extra = {name: record[name] for name in ("partition", "timestamp", "headers") if record.get(name) is not None}
        while True:
            try:
                producer.produce(
                    record["topic"], record["value"], record["key"],
                    on_delivery=lambda error, _: failed.append(error) if error else None, **extra,
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(60)
    if left or failed:
        raise SystemExit(f"{left} records not delivered, {len(failed)} failed: {failed[:1]}")


def read(bootstrap, topic, at_least=0, seconds=30):
    """All records of a topic in the order of partition and offset, once it holds `at_least` of them."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,
        "auto.offset.reset": "earliest",
    })
    deadline = time.monotonic() + seconds
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    if not partitions:
        raise SystemExit(f"there is no topic {topic}")
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found, at_end = [], set()
    while len(found) < at_least or at_end != set(partitions):
        if time.monotonic() > deadline:
            raise SystemExit(f"{topic} holds {len(found)} records after {seconds} s, not {at_least}")
        message = consumer.poll(0.1)
        if message is None:
            continue
        error = message.error()
        if error is None:
            at_end.discard(message.partition())
            found.append({
                "topic": topic,
                "partition": message.partition(),
                "offset": message.offset(),
                "timestamp": message.timestamp()[1],
                "key": message.key(),
                "value": message.value(),
                "headers": message.headers() or [],
            })
        elif error.code() == KafkaError._PARTITION_EOF:
            at_end.add(message.partition())
        else:
            raise KafkaException(error)
    consumer.close()
    return sorted(found, key=lambda record: (record["partition"], record["offset"]))
