use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use super::{Converted, FormatError, Registry, Selection, frame, json, json_with_schema::JsonWithSchema};
use crate::{
    config::{self, ValueFormat},
    record::{Header, Message, Object, Reason, Record, Rejection, Stage, Value, ValueKind},
};

/// What a route's keys and values are, and what is needed to read them.
#[derive(Debug)]
pub struct Converters {
    key: KeyFormat,
    /// The members of a structured key that are the identity, and what stands between them.
    key_field: Vec<String>,
    separator: String,
    value: Format,
    /// The members of a value that are read.
    selection: Selection,
    /// Of the JSON that is made of a key or a value, in bytes.
    limit: usize,
}

/// A format needs a registry, and there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a format needs schema_registry.url")]
pub struct NoRegistry;

/// Which parts of a record are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub key: bool,
    pub value: bool,
}

#[derive(Debug)]
enum KeyFormat {
    Text,
    Bytes,
    Long,
    Int,
    Converted(Format),
}

#[derive(Debug)]
enum Format {
    Json,
    JsonWithSchema(JsonWithSchema),
    Registered(Kind, Arc<Registry>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Avro,
    JsonSchema,
    Protobuf,
}

impl Converters {
    pub fn new(
        route: &config::Route,
        max_row_bytes: usize,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Self, NoRegistry> {
        let registered = |kind| Ok(Format::Registered(kind, registry.ok_or(NoRegistry)?.clone()));
        let key = match route.key.format {
            config::KeyFormat::String => KeyFormat::Text,
            config::KeyFormat::Bytes => KeyFormat::Bytes,
            config::KeyFormat::Long => KeyFormat::Long,
            config::KeyFormat::Int => KeyFormat::Int,
            config::KeyFormat::Json => KeyFormat::Converted(Format::Json),
            config::KeyFormat::JsonWithSchema => {
                KeyFormat::Converted(Format::JsonWithSchema(JsonWithSchema::default()))
            }
            config::KeyFormat::Avro => KeyFormat::Converted(registered(Kind::Avro)?),
            config::KeyFormat::JsonSchema => KeyFormat::Converted(registered(Kind::JsonSchema)?),
            config::KeyFormat::Protobuf => KeyFormat::Converted(registered(Kind::Protobuf)?),
        };
        let value = match route.value.format {
            ValueFormat::Json => Format::Json,
            ValueFormat::JsonWithSchema => Format::JsonWithSchema(JsonWithSchema::default()),
            ValueFormat::Avro => registered(Kind::Avro)?,
            ValueFormat::JsonSchema => registered(Kind::JsonSchema)?,
            ValueFormat::Protobuf => registered(Kind::Protobuf)?,
        };
        let selection = Selection::new(&route.fields, &route.identity);
        let (key_field, separator) = (route.key.field.clone(), route.key.separator.clone());
        Ok(Self { key, key_field, separator, value, selection, limit: max_row_bytes })
    }

    /// Whether this member of a value is read for the identity alone: `fields.include` and `.exclude` leave it out.
    pub fn only_identifies(&self, name: &str) -> bool {
        self.selection.only_identifies(name)
    }

    /// What the record says. Waits for a schema that the registry does not give at once, and for nothing else.
    pub async fn message(&self, record: &Record, wanted: Wanted) -> Result<Message, Rejection> {
        let mut message = Message::default();
        if let Some(key) = record.key.as_ref().filter(|_| wanted.key) {
            let text = self.key(key, &record.headers).await;
            let (word, class) = self.key.names();
            let stage = Stage::KeyConverter(class);
            message.key = Some(text.map_err(|error| rejection(("key", word), &error, Reason::InvalidKey, stage))?);
        }
        if let Some(value) = record.value.as_ref().filter(|_| wanted.value) {
            let object = self.value(value, &record.headers).await;
            let (word, class) = self.value.names();
            let stage = Stage::ValueConverter(class);
            let object = object.map_err(|error| rejection(("value", word), &error, Reason::InvalidValue, stage))?;
            message.is_null = object.is_none();
            message.made = object.as_ref().filter(|_| self.value.makes_text()).map_or(0, |object| object.text.len());
            message.value = object;
        }
        Ok(message)
    }

    /// `None` for a value that says null.
    async fn value(&self, bytes: &Bytes, headers: &[Header]) -> Result<Option<Object>, FormatError> {
        match self.value.read(bytes, headers, "__value_schema_id", &self.selection, self.limit).await? {
            Converted::Object(object) => Ok(Some(object)),
            Converted::Value(json, _) => match Value::plain(&json).kind() {
                ValueKind::Null => Ok(None),
                kind => Err(FormatError::new(format!("it is {}, and fields come out of an object only", kind.name()))),
            },
        }
    }

    /// The key as an identity's text.
    async fn key(&self, bytes: &Bytes, headers: &[Header]) -> Result<ByteString, FormatError> {
        let text = |value: Value<'_>| value.text().map(|text| ByteString::from(text.as_ref()));
        match &self.key {
            KeyFormat::Text => json::text(bytes.clone()),
            KeyFormat::Bytes => {
                use base64::{Engine as _, prelude::BASE64_STANDARD};
                Ok(BASE64_STANDARD.encode(bytes).into())
            }
            KeyFormat::Long => Ok(i64::from_be_bytes(exactly(bytes)?).to_string().into()),
            KeyFormat::Int => Ok(i32::from_be_bytes(exactly(bytes)?).to_string().into()),
            KeyFormat::Converted(format) => {
                let all = Selection::default();
                let read = format.read(bytes, headers, "__key_schema_id", &all, self.limit).await?;
                match (read, self.key_field.as_slice()) {
                    (Converted::Value(..), [_, _, ..]) => {
                        Err(FormatError::new("it is no object, and key.field names several members of one"))
                    }
                    (Converted::Value(json, logical_type), _) => {
                        let value = Value { json: &json, logical_type };
                        text(value).ok_or_else(|| {
                            FormatError::new(format!("it is {}, and names no record", value.kind().name()))
                        })
                    }
                    (Converted::Object(_), []) => Err(FormatError::new(
                        "it is an object, and key.field does not say which member is the identity",
                    )),
                    (Converted::Object(object), fields) => {
                        let member = |field: &String| match object.get(field) {
                            None => Err(FormatError::new(format!("it has no member {field}, which key.field names"))),
                            Some(value) => text(value).ok_or_else(|| {
                                FormatError::new(format!("it is {}, and names no record", value.kind().name()))
                                    .within(field)
                            }),
                        };
                        joined(&fields.iter().map(member).collect::<Result<Vec<_>, _>>()?, &self.separator)
                    }
                }
            }
        }
    }
}

/// Java's serializers of numbers write as many bytes as the number has.
fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], FormatError> {
    bytes.try_into().map_err(|_| FormatError::new(format!("it has {} bytes, and not {N}", bytes.len())))
}

/// One identity of all parts. Different parts never make one identity: taken apart again it has to be the same ones.
fn joined(parts: &[ByteString], separator: &str) -> Result<ByteString, FormatError> {
    if let [only] = parts {
        return Ok(only.clone());
    }
    if parts.iter().all(|part| part.trim().is_empty()) {
        return Err(FormatError::new("all its members that key.field names are empty"));
    }
    let text = parts.iter().map(|part| &**part).collect::<Vec<_>>().join(separator);
    if text.split(separator).eq(parts.iter().map(|part| &**part)) {
        Ok(text.into())
    } else {
        let message = format!("a member that key.field names holds {separator:?}, which is key.separator");
        Err(FormatError::new(message))
    }
}

impl KeyFormat {
    /// As those of [`Format`].
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("string", "org.apache.kafka.connect.storage.StringConverter"),
            Self::Bytes => ("bytes", "org.apache.kafka.connect.converters.ByteArrayConverter"),
            Self::Long => ("long", "org.apache.kafka.connect.converters.LongConverter"),
            Self::Int => ("int", "org.apache.kafka.connect.converters.IntegerConverter"),
            Self::Converted(format) => format.names(),
        }
    }
}

impl Kind {
    /// As the registry spells it.
    fn registered(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::JsonSchema => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }
}

impl Format {
    async fn read(
        &self,
        bytes: &Bytes,
        headers: &[Header],
        name: &str,
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, FormatError> {
        match self {
            Self::Json => json::selected(bytes.clone(), selection, limit),
            Self::JsonWithSchema(converter) => converter.selected(bytes.clone(), selection, limit),
            Self::Registered(kind, registry) => {
                // Connect's newer clients take the last header of the name; a payload then has no head.
                let header =
                    headers.iter().rfind(|header| header.name == name).and_then(|header| header.value.as_ref());
                let head = frame::read(header.unwrap_or(bytes))?;
                let schema = registry.schema(head.id).await?;
                let behind = if header.is_some() { bytes.clone() } else { bytes.slice_ref(head.rest) };
                if let Some(why) = schema.mismatch(kind.registered()) {
                    return Err(FormatError::new(format!("the schema {} {why}", head.id)));
                }
                match kind {
                    Kind::Avro | Kind::JsonSchema => schema.selected(&[], &behind, selection, limit),
                    Kind::Protobuf => {
                        let (path, rest) = frame::path(head.rest)?;
                        let payload = if header.is_some() { behind } else { bytes.slice_ref(rest) };
                        schema.selected(&path, &payload, selection, limit)
                    }
                }
            }
        }
    }

    /// As the configuration spells it, and the class that Connect would name: what dashboards and filters look for.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("json", "org.apache.kafka.connect.json.JsonConverter"),
            Self::JsonWithSchema(_) => ("json_with_schema", "org.apache.kafka.connect.json.JsonConverter"),
            Self::Registered(Kind::Avro, _) => ("avro", "io.confluent.connect.avro.AvroConverter"),
            Self::Registered(Kind::JsonSchema, _) => ("json_schema", "io.confluent.connect.json.JsonSchemaConverter"),
            Self::Registered(Kind::Protobuf, _) => ("protobuf", "io.confluent.connect.protobuf.ProtobufConverter"),
        }
    }

    /// Whether what it gives is a text of its own, not a slice of the record.
    fn makes_text(&self) -> bool {
        !matches!(self, Self::Json)
    }
}

fn rejection((part, word): (&str, &str), error: &FormatError, reason: Reason, stage: Stage) -> Rejection {
    let reason = if error.too_large { Reason::TooLarge } else { reason };
    Rejection { stage, ..Rejection::put(reason, format!("{part}.format = \"{word}\": {error}")) }
}
