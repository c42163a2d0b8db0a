"""Kafka through confluent-kafka: writing records and reading whole topics. Bytes travel as hex in JSON lines."""

import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def tohex(data):
    return None if data is None else data.hex()


def produce(bootstrap, records, compression="none"):
    """Each record is a dict: topic, key, value (bytes or None), and perhaps partition, headers, timestamp."""
    failed = []
    producer = Producer({
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": True,
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
        "enable.partition.eof": False,
        "fetch.wait.max.ms": 20,
        "auto.offset.reset": "earliest",
    })
    deadline = time.monotonic() + seconds
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    if not partitions:
        raise SystemExit(f"there is no topic {topic}")
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    read = []

    def complete():
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 10) for p in partitions}
        at = {p.partition: p.offset for p in consumer.position([TopicPartition(topic, p) for p in partitions])}
        return all(low == high or at[p] >= high for p, (low, high) in ends.items()) and len(read) >= at_least

    while not complete():
        if time.monotonic() > deadline:
            raise SystemExit(f"{topic} holds {len(read)} records after {seconds} s, not {at_least}")
        for message in consumer.consume(10_000, 0.1):
            if message.error():
                raise KafkaException(message.error())
            read.append({
                "topic": topic,
                "partition": message.partition(),
                "offset": message.offset(),
                "timestamp": message.timestamp()[1],
                "key": message.key(),
                "value": message.value(),
                "headers": message.headers() or [],
            })
    consumer.close()
    return sorted(read, key=lambda record: (record["partition"], record["offset"]))
