use std::collections::{HashMap, HashSet};

use apache_avro::schema::{self as avro, DecimalSchema, InnerDecimalSchema, NamespaceRef, UuidSchema};
use serde_json::Value as Json;

use crate::format::{
    Registered,
    logical::{Logical, Unit},
};

/// A schema as a table: recursive types are indexes into it.
#[derive(Debug)]
pub(in crate::format) struct Schema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
}

#[derive(Debug)]
pub(super) enum Node {
    /// Being built: a name that refers to itself finds its place.
    Pending,
    Null,
    Boolean,
    /// 32 bits, and what they mean.
    Int(Option<Logical>),
    Long(Option<Logical>),
    Float,
    Double,
    Bytes,
    Fixed(usize),
    String,
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<Field>),
    DecimalBytes(i64),
    DecimalFixed {
        scale: i64,
        size: usize,
    },
    /// Bytes that hold an unscaled value and its scale.
    BigDecimal,
    UuidBytes,
    UuidFixed,
    /// What Salesforce has no value for.
    Refused(&'static str),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) node: usize,
}

impl Schema {
    /// Reads a schema and all that it refers to.
    pub(in crate::format) fn compile(registered: &Registered) -> Result<Self, String> {
        let text = |text: &str| -> Result<String, String> {
            let mut json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
            spell_out(&mut json);
            Ok(json.to_string())
        };
        let references: Vec<_> = registered.references.iter().map(|r| text(&r.text)).collect::<Result<_, _>>()?;
        let (root, others) = avro::Schema::parse_str_with_list(&text(&registered.text)?, &references)
            .map_err(|error| error.to_string())?;
        let mut table = Table::default();
        others.iter().chain([&root]).for_each(|schema| table.declare(schema, None));
        let root = table.node(&root, None)?;
        Ok(Self { nodes: table.nodes, root })
    }
}

/// Connect's converter names its logical types in `connect.name`, not always in Avro's own attribute.
fn spell_out(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(spell_out),
        Json::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Json::as_str);
            let number = |json: &Json| json.as_str().map_or_else(|| json.as_i64(), |text| text.parse().ok());
            let scale = object.get("connect.parameters").and_then(|p| p.get("scale")).and_then(number);
            let missing = |_: &&str| !object.contains_key("logicalType");
            let named = text("connect.name").filter(missing).and_then(|name| Logical::named(name, scale));
            let word = match (named, text("type")) {
                (Some(Logical::Date), Some("int")) => "date",
                (Some(Logical::Time(Unit::Milli)), Some("int")) => "time-millis",
                (Some(Logical::Time(Unit::Micro)), Some("long")) => "time-micros",
                (Some(Logical::Timestamp(Unit::Milli)), Some("long")) => "timestamp-millis",
                (Some(Logical::Timestamp(Unit::Micro)), Some("long")) => "timestamp-micros",
                (Some(Logical::Timestamp(Unit::Nano)), Some("long")) => "timestamp-nanos",
                (Some(Logical::Decimal { .. }), Some("bytes")) => "decimal",
                _ => "",
            };
            if !word.is_empty() {
                object.insert("logicalType".to_owned(), word.into());
            }
            if let (Some(Logical::Decimal { scale }), "decimal") = (named, word) {
                // Connect says no precision, and Avro wants one: it bounds nothing here.
                object.insert("scale".to_owned(), scale.max(0).into());
                object.insert("precision".to_owned(), 64_i64.max(scale).into());
            }
            // A default is data, not a schema.
            object.iter_mut().filter(|(name, _)| *name != "default").for_each(|(_, value)| spell_out(value));
        }
        _ => {}
    }
}

#[derive(Default)]
struct Table<'a> {
    nodes: Vec<Node>,
    named: HashMap<String, &'a avro::Schema>,
    built: HashMap<String, usize>,
}

impl<'a> Table<'a> {
    /// Notes the definition of each name.
    fn declare(&mut self, schema: &'a avro::Schema, namespace: NamespaceRef<'_>) {
        if let Some(name) = schema.name() {
            let full = name.fully_qualified_name(namespace);
            if !matches!(schema, avro::Schema::Ref { .. }) {
                self.named.insert(full.to_string(), schema);
            }
            if let avro::Schema::Record(record) = schema {
                record.fields.iter().for_each(|field| self.declare(&field.schema, full.namespace()));
            }
        }
        match schema {
            avro::Schema::Array(array) => self.declare(&array.items, namespace),
            avro::Schema::Map(map) => self.declare(&map.types, namespace),
            avro::Schema::Union(union) => union.variants().iter().for_each(|v| self.declare(v, namespace)),
            _ => {}
        }
    }

    fn node(&mut self, schema: &avro::Schema, namespace: NamespaceRef<'_>) -> Result<usize, String> {
        if let Some(name) = schema.name() {
            let full = name.fully_qualified_name(namespace).to_string();
            if let Some(place) = self.built.get(&full) {
                return Ok(*place);
            }
            if let avro::Schema::Ref { .. } = schema {
                let definition = *self.named.get(&full).ok_or_else(|| format!("nobody defines the type {full}"))?;
                return self.node(definition, namespace);
            }
            let place = self.nodes.len();
            self.nodes.push(Node::Pending);
            self.built.insert(full, place);
            self.nodes[place] = self.shape(schema, namespace)?;
            return Ok(place);
        }
        let node = self.shape(schema, namespace)?;
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn shape(&mut self, schema: &avro::Schema, namespace: NamespaceRef<'_>) -> Result<Node, String> {
        use avro::Schema as A;
        Ok(match schema {
            A::Null => Node::Null,
            A::Boolean => Node::Boolean,
            A::Int => Node::Int(None),
            A::Date => Node::Int(Some(Logical::Date)),
            A::TimeMillis => Node::Int(Some(Logical::Time(Unit::Milli))),
            A::Long => Node::Long(None),
            A::TimeMicros => Node::Long(Some(Logical::Time(Unit::Micro))),
            // A local timestamp says no zone, and Salesforce knows instants only: it is read as UTC.
            A::TimestampMillis | A::LocalTimestampMillis => Node::Long(Some(Logical::Timestamp(Unit::Milli))),
            A::TimestampMicros | A::LocalTimestampMicros => Node::Long(Some(Logical::Timestamp(Unit::Micro))),
            A::TimestampNanos | A::LocalTimestampNanos => Node::Long(Some(Logical::Timestamp(Unit::Nano))),
            A::Float => Node::Float,
            A::Double => Node::Double,
            A::Bytes => Node::Bytes,
            A::String | A::Uuid(UuidSchema::String) => Node::String,
            A::Uuid(UuidSchema::Bytes) => Node::UuidBytes,
            A::Uuid(UuidSchema::Fixed(_)) => Node::UuidFixed,
            A::Fixed(fixed) => Node::Fixed(fixed.size),
            A::Enum(symbols) => Node::Enum(symbols.symbols.clone()),
            A::Array(array) => Node::Array(self.node(&array.items, namespace)?),
            A::Map(map) => Node::Map(self.node(&map.types, namespace)?),
            A::Union(union) => {
                let variants = union.variants().iter().map(|variant| self.node(variant, namespace));
                Node::Union(variants.collect::<Result<_, _>>()?)
            }
            A::Record(record) => {
                let full = record.name.fully_qualified_name(namespace);
                let mut seen = HashSet::new();
                if let Some(twice) = record.fields.iter().find(|field| !seen.insert(field.name.to_ascii_lowercase())) {
                    return Err(format!("{full} has two fields {} (names are compared without case)", twice.name));
                }
                let field = |field: &avro::RecordField| {
                    Ok(Field { name: field.name.clone(), node: self.node(&field.schema, full.namespace())? })
                };
                Node::Record(record.fields.iter().map(field).collect::<Result<_, String>>()?)
            }
            A::Decimal(DecimalSchema { scale, inner, .. }) => {
                let scale = i64::try_from(*scale).map_err(|error| error.to_string())?;
                match inner {
                    InnerDecimalSchema::Bytes => Node::DecimalBytes(scale),
                    InnerDecimalSchema::Fixed(fixed) => Node::DecimalFixed { scale, size: fixed.size },
                }
            }
            A::BigDecimal => Node::BigDecimal,
            A::Duration(_) => Node::Refused("Salesforce has no durations"),
            A::Ref { name } => return Err(format!("nobody defines the type {name}")),
        })
    }
}
