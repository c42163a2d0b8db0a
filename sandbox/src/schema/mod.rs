//! What the org knows: its objects and their fields, read from describe-like JSON.
//!
//! The built-in schema is such JSON too (`built_in/`), cut from recorded describes. A schema never changes while an
//! org runs, so it is shared without a lock.

mod describe;
mod field;

use std::{collections::HashMap, io, path::PathBuf, sync::Arc};

use serde::Deserialize;

pub(crate) use describe::{basic, full, global};
pub(crate) use field::{Field, FieldType};

/// Where an org's schema comes from.
#[derive(Debug, Clone, Default)]
pub enum SchemaSource {
    /// `Account`, `Contact` and `MyObject__c`, the latter with a field of every type and four external ids.
    #[default]
    BuiltIn,
    /// Describe-like JSON: one object, an array of objects, or `{"sobjects": […]}`.
    Json(String),
    /// A file with such JSON.
    File(PathBuf),
}

/// One object of the org.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SObject {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) label_plural: String,
    pub(crate) key_prefix: String,
    #[serde(default)]
    pub(crate) custom: bool,
    pub(crate) fields: Vec<Field>,
    #[serde(skip)]
    by_name: HashMap<String, usize>,
}

/// All objects; an object's place in `sobjects` is the place of its table in the store.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) sobjects: Vec<Arc<SObject>>,
    by_name: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Global { sobjects: Vec<SObject> },
    List(Vec<SObject>),
    One(SObject),
}

impl SObject {
    /// The place of a field; names are compared without case.
    pub(crate) fn field(&self, name: &str) -> Option<usize> {
        // The usual case is a name as the describe spells it: no copy for it.
        self.by_name.get(name).or_else(|| self.by_name.get(&name.to_lowercase())).copied()
    }

    /// The reference field whose parent is named `relationship` (`Account__r`, `Account`).
    pub(crate) fn relationship(&self, relationship: &str) -> Option<usize> {
        self.fields
            .iter()
            .position(|f| f.relationship_name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(relationship)))
    }
}

impl Schema {
    pub(crate) fn load(source: &SchemaSource) -> io::Result<Self> {
        let sobjects = match source {
            SchemaSource::BuiltIn => {
                let parts = [
                    include_str!("built_in/account.json"),
                    include_str!("built_in/contact.json"),
                    include_str!("built_in/my_object.json"),
                ];
                parts.into_iter().map(parse).collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect()
            }
            SchemaSource::Json(text) => parse(text)?,
            SchemaSource::File(path) => parse(&std::fs::read_to_string(path)?)?,
        };
        Self::new(sobjects)
    }

    fn new(mut sobjects: Vec<SObject>) -> io::Result<Self> {
        let mut by_name = HashMap::new();
        for (place, sobject) in sobjects.iter_mut().enumerate() {
            if sobject.key_prefix.len() != 3 || !sobject.key_prefix.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(invalid(format!("{}: keyPrefix must be 3 letters or digits", sobject.name)));
            }
            for (index, field) in sobject.fields.iter_mut().enumerate() {
                field.complete();
                sobject.by_name.insert(field.name.clone(), index);
                sobject.by_name.insert(field.name.to_lowercase(), index);
            }
            if sobject.field("Id").is_none() {
                return Err(invalid(format!("{}: an object needs an Id field", sobject.name)));
            }
            by_name.insert(sobject.name.to_lowercase(), place);
        }
        Ok(Self { sobjects: sobjects.into_iter().map(Arc::new).collect(), by_name })
    }

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    pub(crate) fn sobject(&self, name: &str) -> Option<&Arc<SObject>> {
        self.place(name).map(|place| &self.sobjects[place])
    }
}

fn parse(text: &str) -> io::Result<Vec<SObject>> {
    Ok(match serde_json::from_str(text).map_err(|error| invalid(format!("schema: {error}")))? {
        Document::Global { sobjects } | Document::List(sobjects) => sobjects,
        Document::One(sobject) => vec![sobject],
    })
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
