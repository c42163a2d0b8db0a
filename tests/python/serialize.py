"""Each value of JSON lines as confluent-kafka's serializers write it, as JSON lines.

A line in: format (avro, json, protobuf), topic, field (key, value), schema, value, and perhaps

* message: the full name of the protobuf message; its schema is a FileDescriptorSet in hex, imported files first
* references: of each its name, subject, version, and the schema to register there first, perhaps with references of its
  own. What a protobuf file imports the serializer registers by itself; its references only say under which subject.
* header_id: true for the schema's GUID in the headers instead of the id before the value

A line out: bytes (hex or null) and headers. A value is JSON, and holds what JSON cannot as {"$tag": ...}, see TAGS.
Protobuf reads all of it as its own JSON mapping.
"""

import base64
import datetime
import decimal
import json
import uuid

from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    header_schema_id_serializer,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from kafka_io import tohex

EPOCH = datetime.datetime(1970, 1, 1)


def after(start, microseconds):
    return start + datetime.timedelta(microseconds=microseconds)


TAGS = {
    "$date": datetime.date.fromisoformat,
    "$time_ms": lambda number: after(EPOCH, number * 1000).time(),
    "$time_us": lambda number: after(EPOCH, number).time(),
    "$timestamp_us": lambda number: after(EPOCH.replace(tzinfo=datetime.timezone.utc), number),
    "$local_us": lambda number: after(EPOCH, number),
    "$decimal": decimal.Decimal,
    "$bytes": bytes.fromhex,
    "$float": float,
    "$uuid": uuid.UUID,
    "$int": int,
}
# As protobuf's JSON mapping spells them.
PROTOBUF_TAGS = {
    "$bytes": lambda text: base64.b64encode(bytes.fromhex(text)).decode(),
    "$float": str,
    "$int": int,
}


def untag(value, tags):
    if isinstance(value, list):
        return [untag(item, tags) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, inner), = value.items()
        if name.startswith("$"):
            return tags[name](inner)
    return {name: untag(inner, tags) for name, inner in value.items()}


def referenced(registry, kind, references):
    """The references of a schema, each registered first."""
    found = []
    for given in references:
        inner = referenced(registry, kind, given.get("references", []))
        registry.register_schema(given["subject"], Schema(given["schema"], kind, inner))
        found.append(SchemaReference(given["name"], given["subject"], given["version"]))
    return found


def message_class(files, name):
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(bytes.fromhex(files)).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def writer(registry, line):
    """What turns a tagged value and its context into bytes."""
    settings = {"subject.name.strategy": topic_subject_name_strategy}
    if line.get("header_id"):
        settings["schema.id.serializer"] = header_schema_id_serializer
    references = line.get("references", [])
    if line["format"] == "protobuf":
        subjects = {reference["name"]: reference["subject"] for reference in references}
        settings["reference.subject.name.strategy"] = lambda _, file: subjects.get(file.name, file.name)
        message = message_class(line["schema"], line["message"])
        serializer = ProtobufSerializer(message, registry, settings)

        def write(value, context):
            parsed = None if value is None else json_format.ParseDict(untag(value, PROTOBUF_TAGS), message())
            return serializer(parsed, context)

        return write
    kind = line["format"].upper()
    schema = line["schema"]
    if references:  # a bare Avro type, such as "string", is accepted as text only
        schema = Schema(schema, kind, referenced(registry, kind, references))
    if kind == "AVRO":
        serializer = AvroSerializer(registry, schema, conf=settings)
    else:
        serializer = JSONSerializer(schema, registry, conf=settings)
    return lambda value, context: serializer(untag(value, TAGS), context)


def main(lines, url):
    registry = SchemaRegistryClient({"url": url})
    writers = {}
    for text in lines:
        line = json.loads(text)
        value = line.pop("value")
        same = json.dumps(line)
        if same not in writers:
            writers[same] = writer(registry, line)
        headers = []
        data = writers[same](value, SerializationContext(line["topic"], line["field"], headers))
        yield json.dumps({"bytes": tohex(data), "headers": [(name, tohex(header)) for name, header in headers]})
