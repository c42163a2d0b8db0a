//! Compiles the JSON of a schema. apache-avro does not fit: it drops Connect's annotations of a type (`connect.name`),
//! reads decimals of a negative scale as bytes, reads several schemas in random order, and refuses names and defaults
//! that other implementations write and that do not concern a reader.

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

/// A compiled schema: a table in which types refer to each other by index, so that they may be recursive.
#[derive(Debug)]
pub(in crate::format) struct Schema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
}

/// A type of a compiled schema. Numbers are indexes into [`Schema::nodes`].
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// A record whose fields are being compiled. Its index is known, so that its fields can refer to it.
    Pending,
    Null,
    Boolean,
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
    /// Bytes with an unscaled value and its scale.
    BigDecimal,
    /// Debezium's record of a scale and an unscaled value.
    VariableScaleDecimal,
    UuidBytes,
    UuidFixed,
    /// A type that has no equivalent in Salesforce: the reason, and the type by which its bytes are skipped if a route
    /// leaves it out.
    Refused {
        why: &'static str,
        base: Box<Node>,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) node: usize,
    /// Whether an earlier field has the same name, compared without case.
    pub(super) is_repeated: bool,
}

impl Schema {
    /// Compiles a schema and the schemas that it refers to.
    ///
    /// # Errors
    ///
    /// The reason why the schema cannot be read.
    pub(in crate::format) fn compile(registered: &Registered) -> Result<Self, String> {
        let parse = |text: &str| serde_json::from_str::<Json>(text).map_err(|error| error.to_string());
        let mut table = Table::default();
        for reference in &registered.references {
            table.node(&parse(&reference.text)?, "").map_err(|error| format!("{}: {error}", reference.name))?;
        }
        let root = table.node(&parse(&registered.text)?, "")?;
        Ok(Self { nodes: table.nodes, root })
    }
}

/// The table of a schema that is being compiled.
#[derive(Default)]
struct Table {
    nodes: Vec<Node>,
    /// The indexes of named types by their full names.
    named: HashMap<String, usize>,
}

impl Table {
    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Compiles a type and returns its index. The recursion follows the JSON text, whose depth the parser bounds.
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
            other => Err(format!("{other} is not a type")),
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
                let symbols = symbols.collect::<Option<_>>().ok_or("a symbol of an enum is not a text")?;
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
                // The annotation applies here only. The named type keeps its definition.
                let node = annotated(self.nodes[inner].clone(), object);
                Ok(if is_annotated(object) { self.push(node) } else { inner })
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
        let mut fields = Vec::new();
        let mut seen = HashSet::new();
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
    object.get(name).and_then(Json::as_array).ok_or_else(|| format!("{name:?} is missing, or not a list"))
}

/// Returns the full name of a definition, and the namespace of the names inside of it.
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

fn is_annotated(object: &Map<String, Json>) -> bool {
    object.contains_key("logicalType") || object.contains_key("connect.name")
}

/// Applies the logical type of a type. One that is unknown, or does not fit the type, is ignored, as Avro's
/// specification says.
fn annotated(base: Node, object: &Map<String, Json>) -> Node {
    let text = |name: &str| object.get(name).and_then(Json::as_str);
    let connect_scale = Logical::connect_scale(object.get("connect.parameters"));
    let scale = connect_scale.or_else(|| object.get("scale").and_then(whole));
    let named = text("connect.name").and_then(|name| Logical::named(name, scale));
    if let (Node::String, Some(logical)) = (&base, text("connect.name").and_then(TextLogical::named)) {
        return Node::LogicalText(logical);
    }
    let refused = |why, base| Node::Refused { why, base: Box::new(base) };
    let logical = match (named, text("logicalType")) {
        (Some(Logical::Decimal { .. }), _) if scale.is_none() => return refused("the decimal has no scale", base),
        (Some(named), _) => named,
        (None, Some("decimal")) => Logical::Decimal { scale: scale.unwrap_or(0) },
        (None, Some("date")) => Logical::Date,
        (None, Some("time-millis")) => Logical::Time(Unit::Milli),
        (None, Some("time-micros")) => Logical::Time(Unit::Micro),
        // A local timestamp has no zone, and Salesforce knows only instants: it is read as UTC.
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
