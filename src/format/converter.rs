use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use super::{
    Converted, FormatError, Registry, Schema, Selection,
    frame::{self, SchemaId},
    json,
    json_with_schema::JsonWithSchema,
};
use crate::{
    config::{self, ValueFormat},
    record::{ConnectStage, Header, Message, Object, Reason, Record, Rejection, Value, ValueKind},
};

/// The converters of a route's keys and values.
#[derive(Debug)]
pub struct Converters {
    key: KeyFormat,
    /// The members of a structured key that are the identity, and the separator between them.
    key_field: Vec<String>,
    separator: String,
    value: Format,
    /// The members of a value that are read.
    selection: Selection,
    /// The limit of the JSON of a key or a value, in bytes.
    limit: usize,
}

/// A format needs a schema registry, and none is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a format needs schema_registry.url")]
pub struct NoRegistry;

/// Why the bytes of a record have not been read.
#[derive(Debug)]
pub enum Unread {
    /// The bytes can never be read.
    Rejected(Rejection),
    /// The bytes can be read once the registry has delivered a schema.
    NeedsSchema(NeedsSchema),
}

/// A schema that a key or a value names, and that the registry has not delivered yet.
#[derive(Debug)]
pub struct NeedsSchema {
    id: SchemaId,
    registry: Arc<Registry>,
    /// The rejection of the record if the registry does not have the schema.
    rejected: Rejected,
}

/// The schemas that were fetched for one record.
#[derive(Debug, Default)]
pub struct FetchedSchemas(Vec<(SchemaId, Arc<Schema>)>);

/// The words of a rejection for a part of a record that cannot be read.
#[derive(Debug, Clone, Copy)]
struct Rejected {
    part: &'static str,
    /// The format as the configuration spells it.
    format: &'static str,
    reason: Reason,
    stage: ConnectStage,
}

#[derive(Debug)]
enum ReadError {
    Format(FormatError),
    NeedsSchema(SchemaId, Arc<Registry>),
}

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

    /// Whether a member of a value is read for the identity alone, and is left out of the row.
    pub fn only_identifies(&self, name: &str) -> bool {
        self.selection.only_identifies(name)
    }

    /// Decodes the wanted parts of a record. It does not wait for a schema that is not known: fetch it, and call this
    /// again.
    ///
    /// # Errors
    ///
    /// A rejection, or a schema that has to be fetched first.
    pub fn message(&self, record: &Record, wanted: Wanted, fetched: &FetchedSchemas) -> Result<Message, Unread> {
        let mut message = Message::default();
        if let Some(key) = record.key.as_ref().filter(|_| wanted.key) {
            let (format, class) = self.key.names();
            let stage = ConnectStage::KeyConverter(class);
            let rejected = Rejected { part: "key", format, reason: Reason::InvalidKey, stage };
            let text = self.key(key, &record.headers, fetched);
            message.key = Some(text.map_err(|error| rejected.unread(error))?);
        }
        if let Some(value) = record.value.as_ref().filter(|_| wanted.value) {
            let (format, class) = self.value.names();
            let stage = ConnectStage::ValueConverter(class);
            let rejected = Rejected { part: "value", format, reason: Reason::InvalidValue, stage };
            let object = self.value(value, &record.headers, fetched).map_err(|error| rejected.unread(error))?;
            message.is_null = object.is_none();
            message.decoded_bytes =
                object.as_ref().filter(|_| self.value.makes_text()).map_or(0, |object| object.text.len());
            message.value = object;
        }
        Ok(message)
    }

    /// Decodes a value. `None` means that it is null in its format.
    fn value(&self, bytes: &Bytes, headers: &[Header], fetched: &FetchedSchemas) -> Result<Option<Object>, ReadError> {
        let header = header(headers, "__value_schema_id");
        match self.value.read(bytes, header, fetched, &self.selection, self.limit)? {
            Converted::Object(object) => Ok(Some(object)),
            Converted::Value(json, _) => match Value::plain(&json).kind() {
                ValueKind::Null => Ok(None),
                kind => Err(FormatError::new(format!("it is {}, and only an object has fields", kind.name())).into()),
            },
        }
    }

    /// Decodes a key to the text of an identity.
    fn key(&self, bytes: &Bytes, headers: &[Header], fetched: &FetchedSchemas) -> Result<ByteString, ReadError> {
        match &self.key {
            KeyFormat::Text => Ok(json::text(bytes.clone())?),
            KeyFormat::Bytes => {
                use base64::{Engine as _, prelude::BASE64_STANDARD};
                Ok(BASE64_STANDARD.encode(bytes).into())
            }
            KeyFormat::Long => Ok(i64::from_be_bytes(exactly(bytes)?).to_string().into()),
            KeyFormat::Int => Ok(i32::from_be_bytes(exactly(bytes)?).to_string().into()),
            KeyFormat::Converted(format) => {
                let header = header(headers, "__key_schema_id");
                let read = format.read(bytes, header, fetched, &Selection::default(), self.limit)?;
                Ok(self.identity(&read)?)
            }
        }
    }

    /// Returns the identity of a decoded key: the key itself, or its members in `key.field`.
    fn identity(&self, key: &Converted) -> Result<ByteString, FormatError> {
        match (key, self.key_field.as_slice()) {
            (Converted::Value(..), [_, _, ..]) => {
                Err(FormatError::new("it is not an object, and key.field names several members of one"))
            }
            (Converted::Value(json, logical_type), _) => identity_text(Value { json, logical_type: *logical_type }),
            (Converted::Object(_), []) => {
                Err(FormatError::new("it is an object, and key.field does not say which member is the identity"))
            }
            (Converted::Object(object), fields) => {
                let mut parts = Vec::with_capacity(fields.len());
                for field in fields {
                    let Some(value) = object.get(field) else {
                        return Err(FormatError::new(format!("it has no member {field}, which key.field names")));
                    };
                    parts.push(identity_text(value).map_err(|error| error.within(field))?);
                }
                joined(&parts, &self.separator)
            }
        }
    }
}

/// Returns the text of a value that is an identity or a part of one.
fn identity_text(value: Value<'_>) -> Result<ByteString, FormatError> {
    match value.text() {
        Some(text) => Ok(ByteString::from(text.as_ref())),
        None => Err(FormatError::new(format!("it is {}, and names no record", value.kind().name()))),
    }
}

impl NeedsSchema {
    /// Waits, without a limit, until the registry has delivered the schema. Dropping the future cancels the wait.
    ///
    /// # Errors
    ///
    /// The rejection of the record, if the registry does not have the schema.
    pub async fn fetch(self, fetched: &mut FetchedSchemas) -> Result<(), Rejection> {
        let Self { id, registry, rejected } = self;
        let schema = registry.schema(id).await.map_err(|error| rejected.rejection(&error))?;
        fetched.0.push((id, schema));
        Ok(())
    }
}

impl FetchedSchemas {
    fn get(&self, id: SchemaId) -> Option<Arc<Schema>> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, schema)| schema.clone())
    }
}

impl Rejected {
    fn unread(self, error: ReadError) -> Unread {
        match error {
            ReadError::Format(error) => Unread::Rejected(self.rejection(&error)),
            ReadError::NeedsSchema(id, registry) => Unread::NeedsSchema(NeedsSchema { id, registry, rejected: self }),
        }
    }

    fn rejection(self, error: &FormatError) -> Rejection {
        let reason = if error.too_large { Reason::TooLarge } else { self.reason };
        let message = format!("{}.format = \"{}\": {error}", self.part, self.format);
        Rejection { stage: self.stage, ..Rejection::new(reason, message) }
    }
}

impl From<FormatError> for ReadError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

/// Returns the last header of this name. Confluent's newer clients put the schema id there, and not before the payload.
fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a Bytes> {
    headers.iter().rfind(|header| header.name == name).and_then(|header| header.value.as_ref())
}

/// Returns exactly N bytes: Java's serializers of numbers write a fixed number of them.
fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], FormatError> {
    bytes.try_into().map_err(|_| FormatError::new(format!("it has {} bytes, and not {N}", bytes.len())))
}

/// Joins the parts of an identity. Different parts must not result in the same identity, so the text must split into
/// the same parts again.
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
    /// Returns the format as the configuration spells it, and the class of Kafka Connect's converter.
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
    /// Returns the type of the schema as the registry spells it.
    fn registered(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::JsonSchema => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }
}

impl Format {
    /// Converts bytes to JSON. `header` is the record's header with the schema id, if it has one.
    fn read(
        &self,
        bytes: &Bytes,
        header: Option<&Bytes>,
        fetched: &FetchedSchemas,
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, ReadError> {
        let (kind, registry) = match self {
            Self::Json => return Ok(json::selected(bytes.clone(), selection, limit)?),
            Self::JsonWithSchema(converter) => return Ok(converter.selected(bytes.clone(), selection, limit)?),
            Self::Registered(kind, registry) => (*kind, registry),
        };
        let head = frame::read(header.unwrap_or(bytes))?;
        let known = fetched.get(head.id).or_else(|| registry.known(head.id));
        let schema = known.ok_or_else(|| ReadError::NeedsSchema(head.id, registry.clone()))?;
        if let Some(why) = schema.mismatch(kind.registered()) {
            return Err(FormatError::new(format!("the schema {} {why}", head.id)).into());
        }
        let (path, rest) = match kind {
            Kind::Avro | Kind::JsonSchema => (Vec::new(), head.rest),
            Kind::Protobuf => frame::path(head.rest)?,
        };
        let payload = if header.is_some() { bytes.clone() } else { bytes.slice_ref(rest) };
        Ok(schema.selected(&path, &payload, selection, limit)?)
    }

    /// Returns the format as the configuration spells it, and the class of Kafka Connect's converter, which dashboards
    /// and filters of dead letters look for.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("json", "org.apache.kafka.connect.json.JsonConverter"),
            Self::JsonWithSchema(_) => ("json_with_schema", "org.apache.kafka.connect.json.JsonConverter"),
            Self::Registered(Kind::Avro, _) => ("avro", "io.confluent.connect.avro.AvroConverter"),
            Self::Registered(Kind::JsonSchema, _) => ("json_schema", "io.confluent.connect.json.JsonSchemaConverter"),
            Self::Registered(Kind::Protobuf, _) => ("protobuf", "io.confluent.connect.protobuf.ProtobufConverter"),
        }
    }

    /// Whether the JSON is a new text, and not a slice of the record.
    fn makes_text(&self) -> bool {
        !matches!(self, Self::Json)
    }
}
