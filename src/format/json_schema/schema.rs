use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value as Json;

use crate::format::{Registered, logical::Logical, text::TextLogical};

/// The logical types of a schema: a table in which schemas refer to each other by index, so that they may be recursive.
#[derive(Debug)]
pub(in crate::format) struct Schema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
    /// Whether any node has a logical type.
    pub(super) has_logical_types: bool,
}

/// A schema or subschema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The logical type of a number.
    pub(super) logical: Option<Logical>,
    /// The logical type of a text.
    pub(super) text: Option<TextLogical>,
    pub(super) properties: HashMap<String, usize>,
    pub(super) items: Option<usize>,
    /// Other nodes that describe the same value: the target of a `$ref`, and branches of `allOf`, `anyOf` and `oneOf`.
    also: Vec<usize>,
}

/// A schema, and the name by which others refer to it.
struct Document {
    name: String,
    json: Json,
}

impl Schema {
    /// Compiles a schema and the schemas that it refers to.
    ///
    /// # Errors
    ///
    /// The reason why the schema cannot be read.
    pub(in crate::format) fn compile(registered: &Registered) -> Result<Self, String> {
        let mut documents = vec![Document::parse("", &registered.text)?];
        for reference in &registered.references {
            documents.push(Document::parse(&reference.name, &reference.text)?);
        }
        let mut reader = Reader { documents: &documents, nodes: Vec::new(), known: HashMap::new(), depth: 0 };
        let root = reader.node(0, "", &documents[0].json)?;
        let mut gathered = 0;
        for node in 0..reader.nodes.len() {
            gathered += reader.gather(node);
            if gathered > MOST_GATHERED {
                return Err(format!("its references and choices come to more than {MOST_GATHERED} properties"));
            }
        }
        let has_logical_types = reader.nodes.iter().any(|node| node.logical.is_some() || node.text.is_some());
        Ok(Self { nodes: reader.nodes, root, has_logical_types })
    }
}

impl Document {
    fn parse(name: &str, text: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if json.is_object() || json.is_boolean() {
            Ok(Self { name: name.to_owned(), json })
        } else {
            Err("it is not a schema".to_owned())
        }
    }
}

struct Reader<'a> {
    documents: &'a [Document],
    nodes: Vec<Node>,
    /// The indexes of nodes by document and JSON pointer.
    known: HashMap<(usize, String), usize>,
    depth: usize,
}

/// The limit of nested references and subschemas.
const MAX_DEPTH: usize = 128;
/// The limit of properties that nodes take over from references and branches, in one schema.
const MOST_GATHERED: usize = 100_000;

impl<'a> Reader<'a> {
    fn node(&mut self, document: usize, pointer: &str, schema: &'a Json) -> Result<usize, String> {
        self.depth += 1;
        let node = if self.depth > MAX_DEPTH {
            Err(format!("it leads through more than {MAX_DEPTH} places"))
        } else {
            self.place(document, pointer, schema)
        };
        self.depth -= 1;
        node
    }

    fn place(&mut self, document: usize, pointer: &str, schema: &'a Json) -> Result<usize, String> {
        let key = (document, pointer.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let place = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(key, place);
        // A reference whose target is not known is ignored: the payload is JSON anyway.
        let reference = schema.get("$ref").and_then(Json::as_str);
        if let Some((document, pointer, schema)) = reference.and_then(|reference| self.refer(document, reference)) {
            // The node is in `known` already, so that a reference to itself ends here.
            let referred = self.node(document, &pointer, schema)?;
            self.nodes[place].also.push(referred);
        }
        self.nodes[place].logical = logical(schema);
        self.nodes[place].text = schema.get("title").and_then(Json::as_str).and_then(TextLogical::named);
        for (name, schema) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let inner = self.node(document, &format!("{pointer}/properties/{}", escaped(name)), schema)?;
            self.nodes[place].properties.insert(name.clone(), inner);
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            self.nodes[place].items = Some(self.node(document, &format!("{pointer}/items"), items)?);
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            for (at, schema) in schema.get(word).and_then(Json::as_array).into_iter().flatten().enumerate() {
                let branch = self.node(document, &format!("{pointer}/{word}/{at}"), schema)?;
                self.nodes[place].also.push(branch);
            }
        }
        Ok(place)
    }

    /// Adds the logical types of the other nodes of the same value to a node; its own take precedence. Returns the
    /// number of properties that were added or skipped.
    fn gather(&mut self, place: usize) -> usize {
        let mut gathered = 0;
        let mut seen = HashSet::from([place]);
        let mut open: VecDeque<_> = self.nodes[place].also.iter().copied().collect();
        while let Some(other) = open.pop_front() {
            if !seen.insert(other) {
                continue;
            }
            let Node { logical, text, items, properties, also } = &self.nodes[other];
            open.extend(also);
            let (logical, text, items, properties) = (*logical, *text, *items, properties.clone());
            let node = &mut self.nodes[place];
            node.logical = node.logical.or(logical);
            node.text = node.text.or(text);
            node.items = node.items.or(items);
            gathered += properties.len();
            for (name, inner) in properties {
                node.properties.entry(name).or_insert(inner);
            }
            if gathered > MOST_GATHERED {
                break;
            }
        }
        gathered
    }

    /// Returns the document, the pointer and the schema of the target of a `$ref`.
    fn refer(&self, from: usize, reference: &str) -> Option<(usize, String, &'a Json)> {
        let (name, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let document = if name.is_empty() {
            from
        } else {
            let by_name = self.documents.iter().position(|document| document.is_named(name));
            by_name.or_else(|| self.documents.iter().position(|document| document.has_file_name_of(name)))?
        };
        let schema = self.documents[document].json.pointer(pointer)?;
        Some((document, pointer.to_owned(), schema))
    }
}

impl Document {
    fn is_named(&self, name: &str) -> bool {
        let id = self.json.get("$id").and_then(Json::as_str).map(|id| id.trim_end_matches('#'));
        self.name == name || id == Some(name)
    }

    /// Whether the last part of both names is the same: some producers name a reference by the last part of its URL.
    fn has_file_name_of(&self, name: &str) -> bool {
        !self.name.is_empty() && self.name.rsplit('/').next() == name.rsplit('/').next()
    }
}

fn logical(schema: &Json) -> Option<Logical> {
    let title = schema.get("title").and_then(Json::as_str)?;
    Logical::named(title, Logical::connect_scale(schema.get("connect.parameters")))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
