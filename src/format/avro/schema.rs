//! A schema's JSON, read by ourselves: apache-avro drops what Connect says of a type (`connect.name`), takes decimals
//! of a negative scale for bytes, reads several schemas in an order of chance, and refuses names and defaults that
//! other implementations write and that mean nothing to a reader.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

use crate::{
    format::{
        Registered,
        logical::{Logical, Unit, whole},
        text::TextLogical,
    },
    record::AnyCase,
};

/// A schema as a table: recursive types are indexes into it.
#[derive(Debug)]
pub(in crate::format) struct Schema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
}

#[derive(Debug, Clone)]
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
    LogicalText(TextLogical),
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
    /// Debezium's: a scale, and an unscaled value.
    VariableScaleDecimal,
    UuidBytes,
    UuidFixed,
    /// What no value can be made of: why, and how its bytes are passed over where a route leaves it out.
    Refused {
        why: &'static str,
        base: Box<Node>,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) node: usize,
    /// A field before it has the same name, without case.
    pub(super) is_repeated: bool,
}

impl Schema {
    /// Reads a schema and all that it refers to.
    pub(in crate::format) fn compile(registered: &Registered) -> Result<Self, String> {
        let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|error| error.to_string());
        let mut table = Table::default();
        for reference in &registered.references {
            table.node(&read(&reference.text)?, "").map_err(|error| format!("{}: {error}", reference.name))?;
        }
        let root = table.node(&read(&registered.text)?, "")?;
        Ok(Self { nodes: table.nodes, root })
    }
}

#[derive(Default)]
struct Table {
    nodes: Vec<Node>,
    /// Places of named types by their full names.
    named: HashMap<String, usize>,
}

impl Table {
    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The place of a type. What nests here nests in the JSON text, whose depth the parser bounds.
    fn node(&mut self, json: &Json, namespace: &str) -> Result<usize, String> {
        match json {
            Json::String(word) => match primitive(word) {
                Some(node) => Ok(self.push(node)),
                None => self.find(word, namespace),
            },
            Json::Array(variants) => {
                let variants =
                    variants.iter().map(|variant| self.node(variant, namespace)).collect::<Result<_, _>>()?;
                Ok(self.push(Node::Union(variants)))
            }
            Json::Object(object) => self.complex(object, namespace),
            other => Err(format!("{other} is no type")),
        }
    }

    fn find(&self, name: &str, namespace: &str) -> Result<usize, String> {
        let qualified = qualify(name, namespace);
        let found = self.named.get(&qualified).or_else(|| self.named.get(name));
        found.copied().ok_or_else(|| format!("the type {qualified} is not defined"))
    }

    fn complex(&mut self, object: &Map<String, Json>, namespace: &str) -> Result<usize, String> {
        let word = object.get("type").ok_or("a type has no \"type\"")?;
        match word.as_str() {
            Some("record" | "error") => self.record(object, namespace),
            Some("enum") => {
                let symbols = list(object, "symbols")?.iter().map(|symbol| symbol.as_str().map(str::to_owned));
                let symbols = symbols.collect::<Option<_>>().ok_or("a symbol of an enum is no text")?;
                self.define(object, namespace, Node::Enum(symbols))
            }
            Some("fixed") => {
                let size = object.get("size").and_then(Json::as_u64).ok_or("a fixed has no size")?;
                let size = usize::try_from(size).map_err(|error| error.to_string())?;
                let node = annotated(Node::Fixed(size), object);
                self.define(object, namespace, node)
            }
            Some("array") => {
                let items = self.node(object.get("items").ok_or("an array has no items")?, namespace)?;
                Ok(self.push(Node::Array(items)))
            }
            Some("map") => {
                let values = self.node(object.get("values").ok_or("a map has no values")?, namespace)?;
                Ok(self.push(Node::Map(values)))
            }
            _ => {
                let inner = self.node(word, namespace)?;
                // A name stays what it is defined to be; here it may mean more.
                let node = annotated(self.nodes[inner].clone(), object);
                Ok(if says_more(object) { self.push(node) } else { inner })
            }
        }
    }

    fn record(&mut self, object: &Map<String, Json>, namespace: &str) -> Result<usize, String> {
        let (full, inside) = full_name(object, namespace)?;
        let place = self.push(Node::Pending);
        self.named.insert(full.clone(), place);
        if full == "io.debezium.data.VariableScaleDecimal" {
            self.nodes[place] = Node::VariableScaleDecimal;
            return Ok(place);
        }
        let (mut fields, mut seen) = (Vec::new(), HashSet::new());
        for field in list(object, "fields")? {
            let name =
                field.get("name").and_then(Json::as_str).ok_or_else(|| format!("a field of {full} has no name"))?;
            let is_repeated = !seen.insert(AnyCase(name));
            let kind = field.get("type").ok_or_else(|| format!("the field {name} of {full} has no type"))?;
            let node = self.node(kind, &inside).map_err(|error| format!("the field {name} of {full}: {error}"))?;
            fields.push(Field { name: name.to_owned(), node, is_repeated });
        }
        self.nodes[place] = Node::Record(fields);
        Ok(place)
    }

    fn define(&mut self, object: &Map<String, Json>, namespace: &str, node: Node) -> Result<usize, String> {
        let (full, _) = full_name(object, namespace)?;
        let place = self.push(node);
        self.named.insert(full, place);
        Ok(place)
    }
}

fn primitive(word: &str) -> Option<Node> {
    Some(match word {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int(None),
        "long" => Node::Long(None),
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::String,
        _ => return None,
    })
}

fn list<'a>(object: &'a Map<String, Json>, name: &str) -> Result<&'a Vec<Json>, String> {
    object.get(name).and_then(Json::as_array).ok_or_else(|| format!("{name:?} is missing, or no list"))
}

/// The full name of a definition, and the namespace inside of it.
fn full_name(object: &Map<String, Json>, namespace: &str) -> Result<(String, String), String> {
    let name = object.get("name").and_then(Json::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or("a record, an enum or a fixed has no name")?;
    let namespace = object.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
    let full = qualify(name, namespace);
    let inside = full.rsplit_once('.').map_or(String::new(), |(inside, _)| inside.to_owned());
    Ok((full, inside))
}

fn qualify(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn says_more(object: &Map<String, Json>) -> bool {
    object.contains_key("logicalType") || object.contains_key("connect.name")
}

/// A type with what its logical type makes of it. One that is not known, or does not fit, says nothing: so Avro has it.
fn annotated(base: Node, object: &Map<String, Json>) -> Node {
    let text = |name: &str| object.get(name).and_then(Json::as_str);
    let connects = Logical::connect_scale(object.get("connect.parameters"));
    let scale = connects.or_else(|| object.get("scale").and_then(whole));
    let named = text("connect.name").and_then(|name| Logical::named(name, scale));
    if let (Node::String, Some(logical)) = (&base, text("connect.name").and_then(TextLogical::named)) {
        return Node::LogicalText(logical);
    }
    let refused = |why, base| Node::Refused { why, base: Box::new(base) };
    let logical = match (named, text("logicalType")) {
        (Some(Logical::Decimal { .. }), _) if scale.is_none() => return refused("a decimal says no scale", base),
        (Some(named), _) => named,
        (None, Some("decimal")) => Logical::Decimal { scale: scale.unwrap_or(0) },
        (None, Some("date")) => Logical::Date,
        (None, Some("time-millis")) => Logical::Time(Unit::Milli),
        (None, Some("time-micros")) => Logical::Time(Unit::Micro),
        // A local timestamp says no zone, and Salesforce knows instants only: it is read as UTC.
        (None, Some("timestamp-millis" | "local-timestamp-millis")) => Logical::Timestamp(Unit::Milli),
        (None, Some("timestamp-micros" | "local-timestamp-micros")) => Logical::Timestamp(Unit::Micro),
        (None, Some("timestamp-nanos" | "local-timestamp-nanos")) => Logical::Timestamp(Unit::Nano),
        (None, Some(other)) => {
            return match (other, base) {
                ("uuid", Node::Bytes) => Node::UuidBytes,
                ("uuid", Node::Fixed(16)) => Node::UuidFixed,
                ("big-decimal", Node::Bytes) => Node::BigDecimal,
                ("duration", base @ Node::Fixed(12)) => refused("Salesforce has no durations", base),
                (_, base) => base,
            };
        }
        (None, None) => return base,
    };
    match (base, logical) {
        (Node::Bytes, Logical::Decimal { scale }) => Node::DecimalBytes(scale),
        (Node::Fixed(size), Logical::Decimal { scale }) => Node::DecimalFixed { scale, size },
        (Node::Int(_), logical) => Node::Int(Some(logical)),
        (Node::Long(_), logical) => Node::Long(Some(logical)),
        (base, _) => base,
    }
}
