use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value as Json;

use crate::format::{Registered, logical::Logical, text::TextLogical};

/// What a schema says beyond JSON, as a table: recursive schemas are indexes into it.
#[derive(Debug)]
pub(in crate::format) struct Schema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
    /// Whether any node says anything at all.
    pub(super) says_more: bool,
}

/// One place of a schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// What a number means.
    pub(super) logical: Option<Logical>,
    /// What a text means.
    pub(super) text: Option<TextLogical>,
    pub(super) properties: HashMap<String, usize>,
    pub(super) items: Option<usize>,
    /// What is said elsewhere of the same value: by a `$ref`, or a branch of a choice.
    also: Vec<usize>,
}

/// A schema, and the name by which others refer to it.
struct Document {
    name: String,
    json: Json,
}

impl Schema {
    /// Reads a schema and all that it refers to.
    pub(in crate::format) fn compile(registered: &Registered) -> Result<Self, String> {
        let read = |name: &str, text: &str| -> Result<Document, String> {
            let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let is_schema = json.is_object() || json.is_boolean();
            if is_schema { Ok(Document { name: name.to_owned(), json }) } else { Err("it is no schema".to_owned()) }
        };
        let mut documents = vec![read("", &registered.text)?];
        for reference in &registered.references {
            documents.push(read(&reference.name, &reference.text)?);
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
        let says_more = reader.nodes.iter().any(|node| node.logical.is_some() || node.text.is_some());
        Ok(Self { nodes: reader.nodes, root, says_more })
    }
}

struct Reader<'a> {
    documents: &'a [Document],
    nodes: Vec<Node>,
    /// By document and pointer: what is referred to, once.
    known: HashMap<(usize, String), usize>,
    depth: usize,
}

/// How far references and choices may lead into each other.
const MAX_DEPTH: usize = 128;
/// Properties that are the same value's by reference or choice, over all places of a schema.
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
        // A reference that leads nowhere we know of says nothing: the payload is JSON all the same.
        let reference = schema.get("$ref").and_then(Json::as_str);
        if let Some((document, pointer, schema)) = reference.and_then(|reference| self.refer(document, reference)) {
            // The place is known already, so that a reference to itself ends here.
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

    /// Adds to a node what is said elsewhere of the same value; its own word goes first. So many properties.
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

    /// The document, pointer and schema that `$ref` leads to.
    fn refer(&self, from: usize, reference: &str) -> Option<(usize, String, &'a Json)> {
        let (name, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let is = |document: &Document| {
            let id = document.json.get("$id").and_then(Json::as_str).map(|id| id.trim_end_matches('#'));
            document.name == name || id == Some(name)
        };
        // References are named as they are written; some producers name them by the last part of a URL.
        let ends_so = |document: &Document| {
            !document.name.is_empty() && document.name.rsplit('/').next() == name.rsplit('/').next()
        };
        let found = if name.is_empty() {
            Some(from)
        } else {
            self.documents.iter().position(is).or_else(|| self.documents.iter().position(ends_so))
        };
        let document = found?;
        let schema = self.documents[document].json.pointer(pointer)?;
        Some((document, pointer.to_owned(), schema))
    }
}

fn logical(schema: &Json) -> Option<Logical> {
    let title = schema.get("title").and_then(Json::as_str)?;
    Logical::named(title, Logical::connect_scale(schema.get("connect.parameters")))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
