//! `[[routes]]`: which topic is written into which `SObject`, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::Options;
use crate::record::{ApiName, OnMissing, Operation};

/// One topic, or one glob of topics, and the `SObject` that its records are written into.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name of a topic, or a glob with `*` and `?`. An exact name takes precedence over a glob.
    pub topic: String,
    /// API name, such as `Contact` or `MyObject__c`.
    pub sobject: ApiName,
    /// The operation of a record without an operation header.
    #[serde(default)]
    pub operation: Operation,
    /// The field that the identity is a value of; without it the identity is the record id.
    #[serde(default)]
    pub external_id_field: Option<ApiName>,
    /// The header that chooses the operation, if any does.
    #[serde(default)]
    pub operation_header: Option<String>,
    /// Further words for the operations in that header, compared without case.
    #[serde(default = "default_operation_aliases")]
    pub operation_aliases: BTreeMap<String, Operation>,
    #[serde(default)]
    pub tombstone: Tombstone,
    /// Outcome of a DELETE by external id that finds no record.
    #[serde(default)]
    pub on_missing: OnMissing,
    /// Where the identity is read.
    #[serde(default)]
    pub identity: IdentitySource,
    #[serde(default)]
    pub nulls: Nulls,
    #[serde(default)]
    pub empty: Empty,
    /// The reference to the parent that the org locks along with a row: `AccountId`, or `Account.Ext__c`.
    #[serde(default)]
    pub lock_parent: Option<String>,
    /// Opens the circuit breaker after this many consecutive rejections with the same code; 0 disables it.
    #[serde(default)]
    pub breaker: u32,
    #[serde(default)]
    pub fields: Fields,
    #[serde(default)]
    pub options: Options,
    #[serde(default)]
    pub key: KeyConverter,
    #[serde(default)]
    pub value: ValueConverter,
}

/// What a null value without an operation header does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tombstone {
    Delete,
    #[default]
    Reject,
}

/// What an explicit null does to its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// A null clears the field.
    #[default]
    Write,
    /// A null leaves the field unchanged.
    Ignore,
}

/// What an empty text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Empty {
    /// An empty text, which only text fields take.
    #[default]
    Write,
    /// A null, as in exports that cannot write null.
    Null,
}

/// Where the identity of a record is read: `"key"`, `"value.<field>"` or `"header.<name>"`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IdentitySource {
    #[default]
    Key,
    Value(String),
    Header(String),
}

/// A text that is not a valid [`IdentitySource`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected \"key\", \"value.<field>\" or \"header.<name>\"")]
pub struct IdentitySourceError;

impl FromStr for IdentitySource {
    type Err = IdentitySourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('.') {
            None if text == "key" => Ok(Self::Key),
            Some(("value", field)) if !field.is_empty() => Ok(Self::Value(field.to_owned())),
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            _ => Err(IdentitySourceError),
        }
    }
}

impl fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("key"),
            Self::Value(field) => write!(f, "value.{field}"),
            Self::Header(name) => write!(f, "header.{name}"),
        }
    }
}

impl Serialize for IdentitySource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IdentitySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How the members of a value become fields, and which fields the route sets itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// The only members that are written, if any are listed.
    pub include: Vec<String>,
    /// Members that are left out.
    pub exclude: Vec<String>,
    /// The field of a member, or `Relationship.ExternalId__c`, by the member's name.
    pub rename: BTreeMap<String, String>,
    /// The value of a field in each row, instead of the record's, by the field's name.
    pub constant: BTreeMap<String, Constant>,
    /// Field for the record's topic.
    pub topic: Option<String>,
    /// Field for the record's partition.
    pub partition: Option<String>,
    /// Field for the record's offset.
    pub offset: Option<String>,
    /// Field for the record's timestamp.
    pub timestamp: Option<String>,
    /// Placeholder texts: a member with one of these values leaves its field unchanged.
    pub absent: Vec<String>,
    /// Whether an array of texts is written into a multi-select picklist as `A;B`.
    pub multipicklist: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            rename: BTreeMap::new(),
            constant: BTreeMap::new(),
            topic: None,
            partition: None,
            offset: None,
            timestamp: None,
            absent: Vec::new(),
            multipicklist: true,
        }
    }
}

/// A value that the route sets. Floats are not allowed, since they would change the number; Salesforce takes the text
/// `"1.50"` as well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Constant {
    Flag(bool),
    Integer(i64),
    Text(String),
}

/// How a key's bytes become an identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyConverter {
    pub format: KeyFormat,
    /// The members of a structured key that are the identity: a text for one, a list for several.
    #[serde(with = "text_or_texts", skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<String>,
    /// Separator between the texts of several members.
    pub separator: String,
}

impl Default for KeyConverter {
    fn default() -> Self {
        Self { format: KeyFormat::default(), field: Vec::new(), separator: "|".to_owned() }
    }
}

/// Serialises a list of one text as that text.
mod text_or_texts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Several(Vec<String>),
    }

    pub(super) fn serialize<S: Serializer>(texts: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        match texts {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::One(text) => vec![text],
            Written::Several(texts) => texts,
        })
    }
}

/// The format of a record key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFormat {
    /// UTF-8 text.
    #[default]
    String,
    /// Any bytes; the identity is their base64 text.
    Bytes,
    /// Eight bytes, big-endian, as Java's `LongSerializer` writes them.
    Long,
    /// Four bytes, big-endian, as Java's `IntegerSerializer` writes them.
    Int,
    Json,
    JsonWithSchema,
    Avro,
    JsonSchema,
    Protobuf,
}

/// How a value's bytes become fields.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueConverter {
    pub format: ValueFormat,
}

/// The format of a record value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueFormat {
    /// A JSON object.
    #[default]
    Json,
    /// Kafka Connect's `{"schema": …, "payload": …}`.
    JsonWithSchema,
    /// Avro in the Confluent wire format.
    Avro,
    /// JSON with a JSON Schema in the registry, in the Confluent wire format.
    JsonSchema,
    /// Protobuf in the Confluent wire format.
    Protobuf,
}

impl Route {
    /// Whether the format of the key or of the value needs the schema registry.
    pub fn needs_registry(&self) -> bool {
        matches!(self.key.format, KeyFormat::Avro | KeyFormat::JsonSchema | KeyFormat::Protobuf)
            || matches!(self.value.format, ValueFormat::Avro | ValueFormat::JsonSchema | ValueFormat::Protobuf)
    }
}

/// Returns Debezium's letters: create, read (a snapshot), update, delete.
fn default_operation_aliases() -> BTreeMap<String, Operation> {
    [("c", Operation::Insert), ("r", Operation::Upsert), ("u", Operation::Update), ("d", Operation::Delete)]
        .map(|(word, operation)| (word.to_owned(), operation))
        .into()
}
